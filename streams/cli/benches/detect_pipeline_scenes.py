"""Lines, leaks and operations for the pipeline benchmark: functions of a seed; readings through the group protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from detectors.group import Finding, Member
from detectors.pipeline_groups import groups
from simulators.gas_scene import GasScene
from simulators.pipeline_scene import MARGIN_MS, Leak, Operation, Peak, Scene

T0 = 1_763_913_600_000
LATE_MS = 2000  # readings reach the detector this late
LEARN_S = 4200
OPERATIONS = (  # name, operation
    ("pump trips", Operation(0.0, "pump", -0.10, 2.0)),
    ("pump starts", Operation(0.0, "pump", 0.06, 4.0)),
    ("set point", Operation(0.0, "pump", -0.01, 10.0)),
    ("valve throttles", Operation(0.0, "valve", -0.15, 20.0)),
    ("valve shuts quickly", Operation(0.0, "valve", -0.30, 3.0)),
    ("valve opens", Operation(0.0, "valve", 0.15, 5.0)),
    ("batch change", Operation(0.0, "batch", 0.12)),
    ("pig", Operation(0.0, "pig", 0.06)),
)


class Setting(NamedTuple):
    """What a line is like. `clock_ms`: standard deviation of the clocks' errors; `told_ms`: what the detector is told
    of it; `wander`: a day later they are off by something else; `spare_m`: head above boiling at a high point."""

    stations: int
    unsteady: bool = False
    clock_ms: float = 10.0
    told_ms: float = 10.0
    wander: bool = False
    spare_m: float | None = None
    gas: bool = False


def usual(seed: int) -> Setting:
    """2 to 4 stations; every other line has unsteady friction, which the detector's model has not."""
    return Setting(2 + seed % 3, seed % 2 == 1)


def peak_of(seed: int) -> float:
    """Chainage of the high point, m."""
    return float(np.random.default_rng([seed, 41]).uniform(9_000, 21_000))


def facts(scene: Scene | GasScene, setting: Setting, seed: int) -> list[dict[str, float]]:
    """What the registry tells of each station: elevations to the metre, usual values of the medium."""
    if isinstance(scene, GasScene):
        known = {"medium": 1.0, "density_kg_m3": 0.72, "diameter_m": 0.406, "elevation_m": 0.0}
        return [dict(known) for _ in scene.stations_m]
    known = {"clock_ms": setting.told_ms, "density_kg_m3": 850.0, "diameter_m": 0.305}
    x = np.linspace(0, scene.line.length_m, len(scene.elevation))
    if setting.spare_m is not None:
        at = peak_of(seed)
        known |= {"peak_m": at, "peak_elevation_m": round(float(np.interp(at, x, scene.elevation)))}
    return [{**known, "elevation_m": round(float(np.interp(s, x, scene.elevation)))} for s in scene.stations_m]


def members(scene: Scene | GasScene, setting: Setting, seed: int) -> list[Member]:
    """Pressure and flow of each station, 10 Hz (gas 1 Hz)."""
    out = []
    every = 1.0 if setting.gas else 0.1
    for s, (x, known) in enumerate(zip(scene.stations_m.tolist(), facts(scene, setting, seed), strict=True)):
        for code, kind in (("PPR", "pressure"), ("PFL", "flow")):
            name = f"522601-P-{code}-{s + 1:06d}"
            out.append(Member(name, kind, every, 0, x, 107.0 + x * 1e-5, 26.5, 0.0, tuple(sorted(known.items()))))
    return out


def scene_of(seed: int, part: int, setting: Setting, step_s: float = 0.05) -> Scene | GasScene:
    """The line of a seed; its noise is that of `part`, and so are clocks that wander."""
    scene: Scene | GasScene
    if setting.gas:
        scene = GasScene(seed, setting.stations)
    else:
        peak = None if setting.spare_m is None else Peak(peak_of(seed), setting.spare_m)
        scene = Scene(
            seed, setting.stations, setting.clock_ms, step_s, unsteady=setting.unsteady, peak=peak
        )  # fmt: skip
        if setting.wander:
            wrong = np.random.default_rng([seed, part, 7]).normal(0.0, setting.clock_ms, setting.stations)
            scene.clock_ms = np.clip(wrong, -MARGIN_MS, MARGIN_MS)
    scene.rng = np.random.default_rng([seed, part, 99])
    return scene


def learning(seed: int, lasts_s: float) -> list[Operation]:
    """Six operations that a line is learned from."""
    rng = np.random.default_rng([seed, 5])
    plan = []
    for k, t in enumerate(np.sort(rng.uniform(900, lasts_s - 600, 6)).tolist()):
        sign = -1.0 if k // 2 % 2 else 1.0
        kind, size = (("pump", 0.03), ("valve", 0.08))[k % 2]
        plan.append(Operation(t, kind, sign * size, float(rng.uniform(1, 6))))
    return plan


class Watch:
    """A detector over a line of its own; `learned` is its state after an hour with a few operations."""

    def __init__(self, seed: int, setting: Setting | None = None, learn_s: float = LEARN_S) -> None:
        self.seed, self.setting = seed, setting or usual(seed)
        self.stations = self.setting.stations
        scene = self.scene(0)
        self.length_m, self.stations_m = scene.line.length_m, scene.stations_m
        self.detector = groups("522601-P-LIN01", members(scene, self.setting, seed))[0]
        self.clock = T0
        self.while_learning = self.run(0, learn_s, learning(seed, learn_s))
        self.learned = self.detector.dump()

    def scene(self, part: int) -> Scene | GasScene:
        return scene_of(self.seed, part, self.setting)

    def again(self) -> None:
        """Back to what was learned, a day later: a gap."""
        self.detector.load(self.learned)
        self.clock += 86_400_000

    def run(
        self,
        part: int,
        seconds: float,
        operations: Sequence[Operation] = (),
        leak: Leak | None = None,
        until: Callable[[list[tuple[int, Finding]]], bool] | None = None,
    ) -> list[tuple[int, Finding]]:
        """(ms since the begin at the tick, finding); ticks each second."""
        out: list[tuple[int, Finding]] = []
        s, per = self.stations, 1 if self.setting.gas else 10
        for ts, pressure, flow in self.scene(part).run(self.clock, seconds, operations, leak):
            rows = np.stack([pressure, flow], axis=2).reshape(len(ts), 2 * s)
            for k in range(0, len(ts), per):
                values = rows[k : k + per].ravel()
                stamps = np.repeat(ts[k : k + per], 2 * s)
                who = np.tile(np.arange(2 * s, dtype=np.int32), len(ts[k : k + per]))
                known = np.isfinite(values)
                self.detector.add(who[known], stamps[known], values[known])
                now = int(stamps[-1]) + LATE_MS
                out += [(now - self.clock, f) for f in self.detector.advance(now)]
            if until is not None and until(out):
                break
        return out

    def place_m(self, finding: Finding) -> float:
        """Chainage of a finding's place."""
        assert finding.place is not None
        return (finding.place[0] - 107.0) * 1e5

    def told_m(self, finding: Finding) -> tuple[float, float]:
        """The stretch of the line (chainages, m) that an officer reads, with the ± of a point."""
        text = finding.reason.en
        ends = [float(self.stations_m[int(name) - 1]) for name in re.findall(r"PPR-(\d{6})", text)]
        if point := re.search(r"([\d.]+) km ±([\d.]+) km", text):
            x, off = (1000.0 * float(g) for g in point.groups())
            return ends[0] + x - off, ends[0] + x + off
        if part := re.search(r"between ([\d.]+) and ([\d.]+) km", text):
            return ends[0] + 1000.0 * float(part[1]), ends[0] + 1000.0 * float(part[2])
        return ends[0], ends[1]


def leak_of(seed: int, k: int, share: float, over_s: float) -> Leak:
    """A leak anywhere on 30 km, at an unknown time."""
    rng = np.random.default_rng([seed, k, 17])
    return Leak(float(rng.uniform(330, 390)), float(rng.uniform(300, 29_700)), share, over_s)


def raises(found: Sequence[tuple[int, Finding]]) -> list[tuple[int, Finding]]:
    return [(t, f) for t, f in found if f.state == "raise"]


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Median, p90 and number of the finite ones."""
    x = np.array([v for v in values if np.isfinite(v)])
    if not len(x):
        return {"n": 0}
    return {"median": round(float(np.median(x)), 1), "p90": round(float(np.quantile(x, 0.9)), 1), "n": len(x)}
