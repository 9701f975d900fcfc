"""Blocked lanes and clean weeks with recurring jams on simulated roads; California #8 and McMaster on the same data.

For each road (a seed) and sampling of 20, 30 and 60 s: eight days of learning, one clean week (false alarms), then
blocked lanes from the state at the end of that week, each with an hour before it. A raise at the segment of the lane or
a neighbouring one while it is blocked is a find; the delay counts from the blocking, not from the queue's arrival.
Some of the blocked lanes are played again with no lane open: when is the road told to be closed?
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from detectors.california import California
from detectors.mcmaster import McMaster
from detectors.traffic_groups import TrafficGroup
from detectors.traffic_road import ALL_LANES
from simulators.cell_transmission import DAY_MS, CellTransmission
from streams.cli.benches.detect_traffic_events import names_it, noted, of_scene, stray, witnesses
from streams.cli.benches.detect_traffic_scenes import MONDAY, Scene, frames, members, road, scenes
from streams.cli.benches.detect_traffic_single import false_alerts
from streams.cli.benches.figure import Figure, Say

STAGE = "traffic"
STEPS_S = (30.0, 60.0, 20.0, 60.0, 30.0, 60.0)  # goes round by road
LEARN_DAYS, WEEK_DAYS = 8, 7
CLOSED = 2  # of a road's blocked lanes are played again with no lane open
PEER_DAYS = 2  # the peers learn nothing, or a day
BEFORE_MS = 3_600_000
INCIDENT = "traffic_incident"
COUNTY_ROADS, WEEKS_A_MONTH = 10, 30.0 / 7.0  # directions with loops in a county: 480 sensors


@dataclass
class Tally:
    """What one algorithm did. `delays`: seconds by scene, inf where it was missed."""

    checks: int = 0
    sensor_weeks: float = 0.0
    false: dict[str, int] = field(default_factory=dict)  # kind -> raises in clean weeks
    delays: list[float] = field(default_factory=list)
    scenes: list[Scene] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    confirmed: list[bool] = field(default_factory=list)  # two witnesses, cause and weather named, by scene
    shut: list[float] = field(default_factory=list)  # seconds until a closed road is told as such, inf never
    closed: int = 0  # scenes in which all lanes were said to be blocked; never true: a lane is open in each
    severe: set[tuple[str, int]] = field(default_factory=set)  # episodes with two witnesses in clean weeks
    road_weeks: float = 0.0
    stray: int = 0  # raises elsewhere or before, in the hours with a blocked lane

    @property
    def recall(self) -> float:
        return float(np.isfinite(self.delays).mean()) if self.delays else float("nan")

    def rate(self) -> float:
        """False alarm rate: false incidents in % of checks (segments times intervals)."""
        return 100.0 * self.false.get(INCIDENT, 0) / max(self.checks, 1)

    def per_week(self, kinds: Iterable[str] | None = None) -> float:
        """False alerts a week for 100 sensors."""
        n = sum(count for kind, count in self.false.items() if kinds is None or kind in kinds)
        return 100.0 * n / max(self.sensor_weeks, 1e-9)


class Runner:
    """One algorithm on one road; answers findings for a frame."""

    def __init__(self, name: str, zone: str, of: Any, step_s: float) -> None:
        self.group = TrafficGroup(zone, members(of, step_s) + witnesses(of))
        self.part: Any = None
        if name != "cityops":
            self.part = (
                California(self.group.road, step_s) if name == "california_8" else McMaster(self.group.road, step_s)
            )
        self.good = np.zeros(len(of.stations_m), bool)

    def step(self, frame: Any) -> list[Any]:
        return self.group.step(frame) if self.part is None else self.part.step(frame, self.good)

    def dump(self) -> Any:
        return self.group.dump() if self.part is None else self.part.dump()

    def load(self, dumped: Any) -> None:
        (self.group if self.part is None else self.part).load(dumped)


NAMES = ("cityops", "california_8", "mcmaster")


def one_road(seed: int, step_s: float, learn_days: int, n: int, tallies: dict[str, Tally], log: Any = None) -> None:
    """Learn, a clean week, and `n` blocked lanes."""
    of = road(seed)
    sim = CellTransmission(of, seed)
    runners = {name: Runner(name, "522601-T-COR01", of, step_s) for name in NAMES}
    clean = MONDAY + 7 * DAY_MS
    for day in range(-learn_days, WEEK_DAYS):
        begin = clean + day * DAY_MS
        for frame in noted(frames(sim, begin, begin + DAY_MS, step_s), stray(seed, day, begin, of)):
            for name, runner in runners.items():
                if day < -PEER_DAYS and name != "cityops":
                    continue
                for f in runner.step(frame):
                    if day >= 0 and f.kind == INCIDENT and f.witnesses > 1 and f.state != "clear":
                        tallies[name].severe.add((f"{seed}/{f.key}", f.onset_ms))
                    if f.state == "raise" and day >= 0:
                        tallies[name].false[f.kind] = tallies[name].false.get(f.kind, 0) + 1
                        if log and name == "cityops":
                            log(seed, step_s, day, f)
    for name in NAMES:
        tallies[name].checks += int(WEEK_DAYS * 86_400 / step_s) * (len(of.stations_m) - 1)
        tallies[name].road_weeks += WEEK_DAYS / 7
        tallies[name].sensor_weeks += 3 * len(of.stations_m) * WEEK_DAYS / 7
    states = {name: runner.dump() for name, runner in runners.items()}
    for number, scene in enumerate(scenes(sim, seed, clean + 7 * DAY_MS, n)):
        for name, runner in runners.items():
            runner.load(states[name])
            _one_scene(sim, scene, number, step_s, runner, tallies[name])
        if number < CLOSED:
            runners["cityops"].load(states["cityops"])
            tallies["cityops"].shut.append(_closed(sim, scene, step_s, runners["cityops"]))


def _one_scene(sim: CellTransmission, scene: Scene, number: int, step_s: float, runner: Runner, tally: Tally) -> None:
    begin, block = scene.block.start_ms // 60_000 * 60_000 - BEFORE_MS, scene.block
    delay, sure, closed = float("inf"), False, False
    notes = of_scene(scene, number, sim.road)
    for frame in noted(frames(sim, begin, block.end_ms, step_s, (block,)), notes):
        for f in runner.step(frame):
            if f.kind != INCIDENT or f.state == "clear":
                continue
            near = abs(int(f.key.split("-")[0]) - 1 - scene.segment) <= 1
            closed = closed or ALL_LANES in f.tags
            sure = sure or (near and f.witnesses > 1 and names_it(f.reason.zh, number))
            if f.state != "raise":
                continue
            if near and f.ts_ms > block.start_ms:
                delay = min(delay, (f.ts_ms - block.start_ms) / 1000.0)
            else:
                tally.stray += 1
    tally.delays.append(delay)
    tally.confirmed.append(sure)
    tally.closed += closed
    tally.scenes.append(scene)
    tally.steps.append(step_s)


def _closed(sim: CellTransmission, scene: Scene, step_s: float, runner: Runner) -> float:
    """Seconds until a scene in which no lane is open is told as such, inf if never."""
    begin, block = scene.block.start_ms // 60_000 * 60_000 - BEFORE_MS, scene.block._replace(left=0.0)
    for frame in frames(sim, begin, block.end_ms, step_s, (block,)):
        for f in runner.step(frame):
            near = abs(int(f.key.split("-")[0]) - 1 - scene.segment) <= 1 if f.kind == INCIDENT else False
            if near and ALL_LANES in f.tags and f.ts_ms > block.start_ms:
                return float(f.ts_ms - block.start_ms) / 1000.0
    return float("inf")


def measure(
    seeds: Iterable[int], steps: Iterable[float], learn: int, n: int, say: Say, log: Any = None
) -> dict[str, Tally]:
    """All roads; the seed decides the road, the sampling goes round."""
    tallies = {name: Tally() for name in NAMES}
    around = list(steps)
    for k, seed in enumerate(seeds):
        step = around[k % len(around)]
        one_road(seed, step, learn, n, tallies, log)
        t = tallies["cityops"]
        say(f"traffic: road {seed} at {step:g} s; so far recall {t.recall:.3f}, false {t.false}")
    return tallies


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `detect.traffic_*` figures."""
    seeds = range(100, 102) if quick else range(100, 130)
    tallies = measure(seeds, (60.0,) if quick else STEPS_S, 4 if quick else LEARN_DAYS, 4 if quick else 6, say)
    for name, t in tallies.items():
        end = "" if name == "cityops" else f"_{name}"
        goal = not end
        found = np.array([d for d in t.delays if np.isfinite(d)])
        n = len(t.delays)
        detail: dict[str, Any] = {"by_lanes": _split(t, lambda s, _: f"{s.blocked} of {s.lanes}"), "stray": t.stray}
        detail["by_step_s"] = _split(t, lambda _, step: f"{step:g}")
        detail["by_demand"] = _split(
            t, lambda s, _: "< 1.5" if s.demand < 1.5 else "1.5 to 2" if s.demand < 2 else "> 2"
        )
        yield Figure(f"detect.traffic_recall{end}", t.recall, "share", ">= 0.9" if goal else "", n, detail)
        median = float(np.median(found)) if len(found) else float("inf")
        yield Figure(f"detect.traffic_delay_s_median{end}", median, "s", "<= 180" if goal else "", len(found))
        p90 = float(np.quantile(found, 0.9)) if len(found) else float("inf")
        yield Figure(f"detect.traffic_delay_s_p90{end}", p90, "s", "", len(found))
        in_time = float(np.mean(np.array(t.delays) <= 180.0)) if n else float("nan")
        yield Figure(f"detect.traffic_found_in_180_s{end}", in_time, "share", "", n)
        yield Figure(
            f"detect.traffic_false_alarm_rate{end}", t.rate(), "% of checks", "<= 0.03" if goal else "", t.checks
        )
        weeks = round(t.sensor_weeks)
        per_week = t.per_week()
        yield Figure(f"detect.traffic_false_per_week_per_100{end}", per_week, "alerts", "<= 1" if goal else "", weeks,
                     dict(t.false))  # fmt: skip
    ours = tallies["cityops"]
    yield Figure("detect.traffic_event_recall", float(np.mean(ours.confirmed)), "share", ">= 0.9", len(ours.confirmed),
                 {"all lanes said": ours.closed})  # fmt: skip
    shut = [s for s in ours.shut if np.isfinite(s)]
    yield Figure("detect.traffic_closed_recall", len(shut) / max(len(ours.shut), 1), "share", "", len(ours.shut))
    yield Figure("detect.traffic_closed_delay_s_median", float(np.median(shut or [np.inf])), "s", "", len(shut))
    per_month = len(ours.severe) * COUNTY_ROADS * WEEKS_A_MONTH / ours.road_weeks
    yield Figure("detect.traffic_false_I_II_per_county_month", per_month, "alerts", "<= 1", round(ours.road_weeks))
    if not quick:
        say("traffic: the loops one by one through the kernel…")
        for end, stations in (("", True), ("_default_profile", False)):
            value, weeks = false_alerts(range(100, 106), stations)
            name = f"detect.traffic_single_false_per_week_per_100{end}"
            yield Figure(name, value, "alerts", "<= 1" if stations else "", weeks)


def _split(t: Tally, key: Any) -> dict[str, str]:
    """Recall and median delay by a property of the scene."""
    parts: dict[str, list[float]] = {}
    for scene, step, delay in zip(t.scenes, t.steps, t.delays, strict=True):
        parts.setdefault(key(scene, step), []).append(delay)
    out = {}
    for name, delays in sorted(parts.items()):
        found = [d for d in delays if np.isfinite(d)]
        out[name] = f"{len(found)} of {len(delays)}, {np.median(found or [np.inf]):.0f} s"
    return out
