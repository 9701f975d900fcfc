"""Bursts of known size in simulated zones, and clean weeks: recall, delay, place, false alerts.

For each zone (a seed): two weeks of learning, clean weeks (false alerts; some with a feast and flushed hydrants), then
from the state at their end one burst of each size at each hour, opened for an hour. Found: any hazard that is raised in
the zone within 15 min. Sizes are shares of the mean inflow. Alerts of use of a metered
hydrant (`hydrant_use`) tell what happened and are not counted as false.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.water_town import DAY_MS, MONDAY_MS, Town

STAGE = "water"
WITHIN_MIN = 15.0
HOURS = {"night": (2.5, 3.4), "day": (8.2, 13.6, 18.5)}
SIZES = (0.03, 0.05, 0.08, 0.10, 0.15, 0.20)
TRAIN_DAYS = 14
FEAST_WEEKS = 11  # after which the two weeks of learning end in the week of the national holiday
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Plan:
    """Zones (seeds) by sampling interval in seconds, clean weeks of each, and how many have the feast and hydrants."""

    zones: dict[float, int]
    weeks: int
    feasts: int
    sizes: tuple[float, ...] = SIZES


FULL = Plan({60.0: 30, 300.0: 12, 900.0: 12}, 2, 10)
QUICK = Plan({60.0: 2}, 1, 1, (0.05, 0.10))


@dataclass
class Tally:
    """Delays in minutes by (interval, part of the day, size), NaN: missed; ranks of the burst's node; false alerts."""

    delays: dict[tuple[float, str, float], list[float]] = field(default_factory=lambda: defaultdict(list))
    ranks: list[int] = field(default_factory=list)
    false: Counter[str] = field(default_factory=Counter)
    sensor_weeks: float = 0.0

    def recall(self, interval_s: float, part: str, size: float) -> float:
        return float(np.isfinite(self.delays[interval_s, part, size]).mean())

    def table(self) -> dict[str, float]:
        """Recall within 15 min by "interval s/part/size %"."""
        return {
            f"{step:.0f}s/{part}/{100 * size:.0f}%": round(float(np.isfinite(got).mean()), 3)
            for (step, part, size), got in sorted(self.delays.items())
        }


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `detect.water_*` figures."""
    plan = QUICK if quick else FULL
    tally = Tally()
    for interval_s, n in plan.zones.items():
        for seed in range(500, 500 + n):
            say(f"water: zone {seed}, a reading each {interval_s:.0f} s…")
            zone(tally, seed, interval_s, plan)
    for seed in range(700, 700 + plan.feasts):
        say(f"water: zone {seed}, a feast and flushed hydrants…")
        feast(tally, seed)
    goal = [d for size, part in ((0.05, "night"), (0.10, "day")) for d in tally.delays[60.0, part, size]]
    found = np.array([d for d in goal if np.isfinite(d)])
    detail = {"by": tally.table(), "bursts": sum(map(len, tally.delays.values()))}
    yield Figure("detect.water_recall", len(found) / len(goal), "", ">= 0.9", len(goal), detail)
    for part, size in (("night", 0.05), ("day", 0.10)):
        n = len(tally.delays[60.0, part, size])
        yield Figure(f"detect.water_recall_{part}_{100 * size:.0f}", tally.recall(60.0, part, size), "", ">= 0.9", n)
    yield Figure("detect.water_delay_s_median", 60.0 * float(np.median(found)), "s", "<= 900", len(found))
    yield Figure("detect.water_delay_s_p90", 60.0 * float(np.quantile(found, 0.9)), "s", "<= 900", len(found))
    rate = 100.0 * tally.false.total() / tally.sensor_weeks
    told = {"kinds": dict(tally.false), "sensor_weeks": round(tally.sensor_weeks, 1)}
    yield Figure("detect.water_false_per_week_per_100", rate, "alerts", "<= 1", round(tally.sensor_weeks), told)
    top = float(np.mean([rank < 3 for rank in tally.ranks]))
    yield Figure("detect.water_location_top3", top, "", "", len(tally.ranks), {"of": 7, "by chance": 0.43})


def zone(tally: Tally, seed: int, interval_s: float, plan: Plan) -> None:
    """Learning, clean weeks, and one burst of each size at each hour of the day after."""
    town = Town(seed, interval_s)
    at = MONDAY_MS + TRAIN_DAYS * DAY_MS
    town.run(MONDAY_MS, at)
    clean(tally, town, at, plan.weeks)
    day = at + plan.weeks * 7 * DAY_MS
    at = day
    for part, hour in sorted(
        (x for part, hours in HOURS.items() for x in ((part, h) for h in hours)), key=lambda x: x[1]
    ):
        start = day + round(hour * HOUR_MS)
        town.run(at, start)
        at = start
        for size in plan.sizes:
            burst(tally, town, start, part, size, interval_s)


def clean(tally: Tally, town: Town, at: int, weeks: float) -> None:
    raised = town.run(at, at + round(weeks * 7 * DAY_MS))
    tally.false.update(d.kind for d in raised if d.kind != "hydrant_use")
    tally.sensor_weeks += len(town.sensors) * weeks


def feast(tally: Tally, seed: int) -> None:
    """The week of the national holiday in a zone whose hydrants are flushed."""
    town = Town(seed, 60.0, hydrant=True)
    first = MONDAY_MS + FEAST_WEEKS * 7 * DAY_MS
    town.run(first, first + TRAIN_DAYS * DAY_MS)
    clean(tally, town, first + TRAIN_DAYS * DAY_MS, 2)


def burst(tally: Tally, town: Town, start: int, part: str, size: float, interval_s: float) -> None:
    incident = town.burst(size, start, 60.0, f"{start}{size}")
    within = start + round(WITHIN_MIN * 60_000)
    raised = [d for d in town.branch(start, within, [incident]) if d.ts_ms > start]
    first = min((d.ts_ms for d in raised), default=None)
    tally.delays[interval_s, part, size].append(float("nan") if first is None else (first - start) / 60_000)
    ranked = next((d.near for d in raised if d.kind == "burst_suspected"), None)
    if ranked:
        tally.ranks.append(place_of(ranked, incident.sensors[0]))


def place_of(ranked: Sequence[str], sensor: str) -> int:
    return list(ranked).index(sensor) if sensor in ranked else len(ranked)
