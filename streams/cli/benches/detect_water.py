"""Bursts of known size in simulated zones, and clean weeks: recall, delay, place, false alerts.

For each zone (a seed): two weeks of learning, a clean week (false alerts; some zones with a feast and flushed
hydrants), then from the state at its end one burst of each size at each hour, opened for an hour at any node, with a
gauge or without. Found: any hazard that is raised in the zone within 15 min. Sizes are shares of the mean inflow; the
two sizes of the goal are also tried as shares of the flow at that time. Alerts of use of a metered hydrant
(`hydrant_use`) tell what happened and are not counted as false. Other troubles: `water_kinds`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from streams.cli.benches import water_kinds
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.water_tally import FEAST, FLOW, MEAN, ROUGHER, Tally
from streams.cli.benches.water_town import DAY_MS, HYDRANT, MONDAY_MS, ROUGH, Town

STAGE = "water"
WITHIN_MIN = 15.0
HOURS = {"night": (2.5, 3.4), "day": (8.2, 13.6, 18.5)}
SIZES = (0.03, 0.05, 0.08, 0.10, 0.15, 0.20)
GOAL = {"night": 0.05, "day": 0.10}
TRAIN_DAYS = 14
FEAST_WEEKS = 11  # after which the two weeks of learning end in the week of the national holiday
FEAST_DAY = 6  # days after learning: 4 October, in the midst of it
FEAST_SIZES = (0.10, 0.20, 0.30)
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Plan:
    """Zones (seeds) by sampling interval in seconds, clean days of each, zones of rough demand, with the feast and
    hydrants, and for troubles other than bursts."""

    zones: dict[float, int]
    days: int
    rough: int
    feasts: int
    kinds: int
    sizes: tuple[float, ...] = SIZES


FULL = Plan({60.0: 30, 300.0: 12, 900.0: 12}, 7, 12, 12, 30)
QUICK = Plan({60.0: 1}, 1, 0, 0, 1, (0.05, 0.10))


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `detect.water_*` figures."""
    plan, tally = QUICK if quick else FULL, Tally()
    for interval_s, n in plan.zones.items():
        for seed in range(500, 500 + n):
            say(f"water: zone {seed}, a reading each {interval_s:.0f} s…")
            zone(tally, seed, interval_s, plan)
    for seed in range(600, 600 + plan.rough):
        say(f"water: zone {seed}, rough demand…")
        zone(tally, seed, 60.0, plan, ROUGH)
    for seed in range(700, 700 + plan.feasts):
        say(f"water: zone {seed}, a feast and flushed hydrants…")
        feast(tally, seed)
    yield from water_kinds.run(tally, range(800, 800 + plan.kinds), plan.days, say)
    yield from tally.figures(GOAL)


def zone(tally: Tally, seed: int, interval_s: float, plan: Plan, spread: float = 1.0) -> None:
    """Learning, clean days, and one burst of each size at each hour of the Monday or the day after."""
    town = Town(seed, interval_s, spread=spread)
    at = MONDAY_MS + TRAIN_DAYS * DAY_MS
    town.run(MONDAY_MS, at)
    day = at + plan.days * DAY_MS
    tally.clean(town.run(at, day), len(town.told), plan.days)
    of = MEAN if spread == 1.0 else ROUGHER
    tried = [(of, size) for size in plan.sizes]
    at = day
    for hour, part in sorted((h, part) for part, hours in HOURS.items() for h in hours):
        start = day + round(hour * HOUR_MS)
        town.run(at, start)
        at = start
        for what, size in (*tried, *([(FLOW, GOAL[part])] if of == MEAN else [])):
            burst(tally, town, start, (what, interval_s, part, size))


def feast(tally: Tally, seed: int) -> None:
    """The week of the national holiday, and the one after, in a zone whose hydrants are flushed."""
    town = Town(seed, 60.0, HYDRANT)
    first = MONDAY_MS + FEAST_WEEKS * 7 * DAY_MS
    at = first + TRAIN_DAYS * DAY_MS
    town.run(first, at)
    day = at + FEAST_DAY * DAY_MS
    tally.clean(town.run(at, day), len(town.told), FEAST_DAY)
    at = day
    for hour, part in ((2.5, "night"), (13.6, "day"), (18.5, "day")):
        start = day + round(hour * HOUR_MS)
        tally.clean(town.run(at, start), len(town.told), (start - at) / DAY_MS)
        at = start
        for size in FEAST_SIZES:
            burst(tally, town, start, (FEAST, 60.0, part, size))
    end = day + 6 * DAY_MS
    tally.clean(town.run(at, end), len(town.told), (end - at) / DAY_MS)


def burst(tally: Tally, town: Town, start: int, case: tuple[str, float, str, float]) -> None:
    of, _, _, size = case
    incident = town.burst(size, start, 60.0, f"{of}{start}{size}", of == FLOW)
    raised = town.branch(start, start + round(WITHIN_MIN * 60_000), [incident])
    delay = min((d.ts_ms - start for d in raised), default=np.nan) / 60_000
    place = incident.sensors[0]
    tally.burst(case, float(delay), town.bare(place))
    ranked = next((d.near for d in raised if d.kind == "burst_suspected"), None)
    if ranked and not town.bare(place):
        tally.ranks.append(list(ranked).index(place) if place in ranked else len(ranked))
