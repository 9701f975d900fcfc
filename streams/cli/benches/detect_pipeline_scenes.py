"""Lines, leaks and operations for the pipeline benchmark: functions of a seed; readings through the group protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from detectors.group import Finding, Member
from detectors.pipeline_groups import groups
from simulators.pipeline_scene import Leak, Operation, Scene

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
)


def members(scene: Scene, clock_ms: float) -> list[Member]:
    """Pressure and flow of each station at 10 Hz; elevations to the metre, a diameter and density as registered."""
    out = []
    for s, x in enumerate(scene.stations_m.tolist()):
        z = float(np.interp(x, np.linspace(0, scene.line.length_m, len(scene.elevation)), scene.elevation))
        params = (("clock_ms", clock_ms), ("density_kg_m3", 850.0), ("diameter_m", 0.305), ("elevation_m", round(z)))
        for code, kind in (("PPR", "pressure"), ("PFL", "flow")):
            out.append(Member(f"522601-P-{code}-{s + 1:06d}", kind, 0.1, 0, x, 107.0 + x * 1e-5, 26.5, 0.0, params))
    return out


class Watch:
    """A detector over a line of its own; `learned` is its state after an hour with a few operations."""

    def __init__(self, seed: int, clock_ms: float = 10.0, learn_s: float = LEARN_S) -> None:
        self.seed, self.clock_ms = seed, clock_ms
        self.stations = 2 + seed % 3
        scene = self.scene(0)
        self.length_m, self.wave_m_s = scene.line.length_m, scene.line.wave_m_s
        self.detector = groups("522601-P-LIN01", members(scene, clock_ms))[0]
        self.clock = T0
        rng = np.random.default_rng([seed, 5])
        at = np.sort(rng.uniform(900, learn_s - 600, 6))
        plan = []
        for k, t in enumerate(at.tolist()):
            sign = -1.0 if k // 2 % 2 else 1.0
            kind, size = (("pump", 0.03), ("valve", 0.08))[k % 2]
            plan.append(Operation(t, kind, sign * size, float(rng.uniform(1, 6))))
        self.while_learning = self.run(0, learn_s, plan)
        self.learned = self.detector.dump()

    def scene(self, part: int) -> Scene:
        """The same line and clocks; its noise is that of `part`."""
        scene = Scene(self.seed, self.stations, self.clock_ms)
        scene.rng = np.random.default_rng([self.seed, part, 99])
        return scene

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
        s = self.stations
        for ts, pressure, flow in self.scene(part).run(self.clock, seconds, operations, leak):
            rows = np.stack([pressure, flow], axis=2).reshape(len(ts), 2 * s)
            for k in range(0, len(ts), 10):
                values = rows[k : k + 10].ravel()
                stamps = np.repeat(ts[k : k + 10], 2 * s)
                who = np.tile(np.arange(2 * s, dtype=np.int32), len(ts[k : k + 10]))
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
