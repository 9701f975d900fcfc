"""Troubles of a water zone other than bursts: does the kind of alert that is meant for each come, and how soon?

A zone with hydrants, a fire pond, a tank and a quality station, a reading each 5 min: two weeks of learning, clean days
(their alerts count as false), then each trouble from the same state. Found: one of the trouble's kinds is raised while
it is watched. The delay of a fall below a limit counts from the passing of the limit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from simulators.incidents import Incident
from simulators.noise import fraction
from streams.cli.benches import water_overlays as overlays
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.water_tally import Tally, share
from streams.cli.benches.water_town import DAY_MS, FULL, MINUTE_MS, MONDAY_MS, ZONE, Overlay, Town

HOUR_MS = 3_600_000
LEARN_DAYS, STEP_S = 14, 300.0
QUALITY = ("quality_anomaly", "chlorine_low", "turbidity_high")
LEAK_TO, LEAK_DAYS = 0.08, 4.0


@dataclass(frozen=True)
class Trouble:
    """One trouble: the kinds of alert that name it, the hour it begins, how long it is watched, its overlay by the time
    it begins, hours until it can be seen, and the sampling while it is watched in ms (0: the zone's)."""

    name: str
    told_by: tuple[str, ...]
    hour: float
    watched_h: float
    overlay: Callable[[int], Overlay]
    earliest_h: float = 0.0
    step_ms: int = 0


LEVELS = ("tank_level", "level_low", "level_high")
TROUBLES = (
    Trouble("night_flow", ("night_flow_high", "loss_rate_high"), 5.0, 192.0,
            lambda t: overlays.slow_leak(t, LEAK_TO, LEAK_DAYS)),
    Trouble("boundary_valve", ("boundary_valve",), 7.0, 14.0, overlays.boundary_valve),
    Trouble("meter_low", ("boundary_valve",), 7.0, 14.0, overlays.meter_low),
    Trouble("transient", ("pressure_transient",), 10.0, 0.25, lambda t: overlays.transient(t + 60_000), step_ms=5_000),
    Trouble("tank_empties", LEVELS, 22.5, 10.0, lambda t: overlays.tank_pump(t, 10.0, -1.0)),
    Trouble("tank_overflow", LEVELS, 4.0, 10.0, lambda t: overlays.tank_pump(t, 10.0, 1.0)),
    Trouble("hydrant_use", ("hydrant_use",), 15.1, 0.5, lambda t: overlays.drawn(t, 20.0)),
    Trouble("hydrant_pressure", ("hydrant_pressure_low",), 9.0, 2.0, lambda t: overlays.falls("hydrant", t, 9.0, 30.0)),
    Trouble("pond_level", ("pond_level_low",), 9.0, 12.0, lambda t: overlays.falls("pond_level", t, 0.6, 600.0), 5.0),
)  # fmt: skip


def run(tally: Tally, seeds: Sequence[int], days: int, say: Say) -> Iterator[Figure]:
    """Yield recall and median delay of each trouble; clean days go to the tally."""
    delays: dict[str, list[float]] = defaultdict(list)
    places: dict[int, list[float]] = defaultdict(list)
    for seed in seeds:
        say(f"water: zone {seed}, troubles other than bursts…")
        town = Town(seed, STEP_S, FULL)
        at = MONDAY_MS + LEARN_DAYS * DAY_MS
        town.run(MONDAY_MS, at)
        tally.clean(town.run(at, at + days * DAY_MS), len(town.told), days)
        at += days * DAY_MS
        for trouble in TROUBLES:
            delays[trouble.name].append(tried(town, at, trouble))
        delays["quality"].append(quality(town, at))
        places[overlays.valve_place(town)].append(delays["boundary_valve"][-1])
    where = {name: round(share(places[k]), 2) for k, name in enumerate(("near", "middle", "far")) if places[k]}
    for name, got in delays.items():
        found = [d for d in got if np.isfinite(d)]
        detail = where if name == "boundary_valve" else {}
        yield Figure(f"detect.water_{name}_recall", share(got), "", ">= 0.9", len(got), detail)
        if found:
            yield Figure(f"detect.water_{name}_delay_s_median", 60.0 * float(np.median(found)), "s", "", len(found))


def tried(town: Town, midnight: int, trouble: Trouble) -> float:
    """Delay in minutes, NaN: missed. The hours before it are lived through in the same branch."""
    start = midnight + round(trouble.hour * HOUR_MS)
    end = start + round(trouble.watched_h * HOUR_MS)
    kernel = town.kernel
    town.kernel = town.twin()
    try:
        town.run(midnight, start)
        found = town.branch(start, end, (), trouble.overlay(start), trouble.step_ms)
    finally:
        town.kernel = kernel
    since = start + round(trouble.earliest_h * HOUR_MS)
    return min((float(d.ts_ms - since) for d in found if d.kind in trouble.told_by), default=float("nan")) / MINUTE_MS


def quality(town: Town, midnight: int) -> float:
    """Contamination that takes 15 to 40 % of the chlorine for two hours, at 10:00."""
    start = midnight + 10 * HOUR_MS
    size = 0.15 + 0.25 * fraction(town.seed, "quality", "size")
    incident = Incident(
        kind="contamination", domain="water", zone=ZONE, sensors=(town.sensors[town.column("chlorine")].id,),
        start_ms=start, end_ms=start + 2 * HOUR_MS, size=size,
    )  # fmt: skip
    found = [d for d in town.branch(midnight, start + 2 * HOUR_MS, [incident]) if d.kind in QUALITY]
    return min((float(d.ts_ms - start) for d in found if d.ts_ms > start), default=float("nan")) / MINUTE_MS
