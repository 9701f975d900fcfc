"""Gas: leaks, fronts, sewer gas and clean weeks in simulated wells, losses of regulators, flows out of balance.

Wells: a zone (seed) is run for days, then a clean time with opened covers, wet and drifting heads, lost and stuck
readings and flagged calibrations (false alerts), then leaks of each size from the state at its end. The clock of a leak
starts when the gas in its well, not the reading, is 10 %LEL above what it was; told is any hazard that names the well.
The network (regulators, meters) has zones of its own: `gas_network_scenes.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from streams.alerts.severity import decide, default_rules
from streams.cli.benches import gas_network_scenes
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.gas_town import DAY_MS, HOUR_MS, MONDAY_MS, Fault, Town
from streams.events import Detection

STAGE = "gas"
WITHIN_S = 60.0  # and the sampling interval
RISE = 10.0
SIZES = (12.0, 20.0, 40.0, 80.0, 160.0)  # %LEL that a leak would hold steady in its well
COUNTY_SENSORS = 200
TRUE_LEL = 8.0  # gas in the well at which a hard level of 10 is no false alert: within the head's error
MONTH_WEEKS = 365.25 / 12.0 / 7.0
WINDS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")


@dataclass(frozen=True)
class Plan:
    """Zones of wells by sampling interval (s): (seeds, days of learning, clean days, leaks of each size); zones with
    strong sewer gas; zones of the network and their clean days."""

    zones: dict[float, tuple[int, int, int, int]]
    sizes: tuple[float, ...]
    first: int  # seed
    sewers: int
    networks: int
    clean_days: int


FULL = Plan({60.0: (30, 5, 7, 1), 300.0: (12, 5, 14, 1), 10.0: (4, 1, 4, 1)}, SIZES, 10_000, 30, 30, 4)
QUICK = Plan({60.0: (2, 3, 7, 1), 300.0: (1, 3, 7, 1)}, (20.0, 80.0), 1000, 1, 1, 1)


@dataclass
class Tally:
    """Delays in s less the sampling interval by (interval, size), NaN: not told; and what else is counted."""

    delays: dict[tuple[float, float], list[float]] = field(default_factory=lambda: defaultdict(list))
    alerts: list[int] = field(default_factory=list)  # a leak
    fronts: list[float] = field(default_factory=list)  # error of direction in degrees, NaN: no spread told
    false: Counter[str] = field(default_factory=Counter)
    true: Counter[str] = field(default_factory=Counter)  # sewer gas of clean weeks that reached a hard level
    grave: int = 0
    sensor_weeks: float = 0.0
    sewer: list[bool] = field(default_factory=list)  # alerts of sewer gas: suspected?
    leaks: list[bool] = field(default_factory=list)  # leaks: ever taken for sewer gas?


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `detect.gas_*` figures."""
    plan, tally = QUICK if quick else FULL, Tally()
    for interval_s, (seeds, learn, days, leaks) in plan.zones.items():
        for seed in range(plan.first, plan.first + seeds):
            say(f"gas: wells of zone {seed}, a reading each {interval_s:.0f} s…")
            wells(tally, seed, interval_s, learn, days, leaks, plan.sizes)
    for seed in range(plan.first + 1000, plan.first + 1000 + plan.sewers):
        say(f"gas: sewer gas in zone {seed}…")
        sewer(tally, seed)
    yield from figures(tally)
    yield from gas_network_scenes.run(plan.first + 2000, plan.networks, plan.clean_days, quick, say)


def wells(
    tally: Tally, seed: int, interval_s: float, learn: int, days: int, leaks: int, sizes: tuple[float, ...]
) -> None:
    """Learning, a clean time, leaks and a front."""
    town = Town(seed, interval_s, network=False)
    at = MONDAY_MS + learn * DAY_MS
    town.learn(MONDAY_MS, at)
    town.faults = faults(town, at, days)
    clean(tally, town, at, days)
    town.faults, at = [], at + days * DAY_MS
    hour = round(3.0 + 18.0 * town.fraction("hour")) * HOUR_MS
    town.run(at, at + hour)
    for size in sizes:
        for n in range(leaks):
            leak(tally, town, at + hour, size, n)
    for n in range(leaks):
        front(tally, town, at + hour, n)


def faults(town: Town, at: int, days: int) -> list[Fault]:
    """Each week silence and a calibration with test gas that says so; in the first a stuck head, in the second a head
    that drifts by 3 %LEL in four days."""
    out = []
    for week in range(max(days // 7, 1)):
        begin = at + week * 7 * DAY_MS
        kinds = ("dropout", 5, 0.0), (("stuck", 12, 1.0), ("drift", 96, 3.0))[week % 2]
        for k, (kind, hours, size) in enumerate(kinds):
            start = begin + round(town.fraction(kind, week) * 2 * DAY_MS)
            out.append(Fault(kind, (3 * k + week) % 12, start, start + hours * HOUR_MS, size))
        start = begin + round((5.0 + town.fraction("calibration", week)) * DAY_MS)
        out.append(Fault("calibration", 10, start, start + 300_000))
    return out


def clean(tally: Tally, town: Town, at: int, days: int) -> None:
    found = [d for d in town.run(at, at + days * DAY_MS) if d.cls == "hazard"]
    wells = {s.id: k for k, s in enumerate(town.sensors)}
    for d in found:
        if d.state == "raise":
            gas = d.hard and town.true_lel(wells[d.sensor], d.ts_ms) >= TRUE_LEL
            (tally.true if gas else tally.false).update([d.kind])
    tally.grave += len({d.asset for d in found if d.state != "clear" and decide(d, default_rules())[0] in ("I", "II")})
    tally.sensor_weeks += len(town.sensors) * days / 7.0


def leak(tally: Tally, town: Town, at: int, size: float, n: int) -> None:
    k = int(town.fraction("leak", size, n) * len(town.wells.names))
    start = at + round((60.0 + 300.0 * town.fraction("start", size, n)) * 1000)
    found = told(town.branch(at, start + HOUR_MS, [town.wells.leak(k, size, start, 60.0)]), start)
    rose = town.rose_ms(k, RISE)
    if not np.isfinite(rose):
        return
    mine = town.sensors[k].id
    raised = [d for d in found if d.state == "raise"]
    first = min((d.ts_ms for d in raised if mine == d.sensor or mine in d.near), default=float("nan"))
    tally.delays[town.interval_ms / 1000.0, size].append((first - rose - town.interval_ms) / 1000.0)
    tally.alerts.append(len(raised))
    tally.leaks.append(any(d.evidence.suspect == "sewer_gas" for d in found if d.sensor == mine))


def front(tally: Tally, town: Town, at: int, n: int) -> None:
    """Gas comes through the soil over the wells."""
    bearing, speed = 360.0 * town.fraction("bearing", n), 2.0 + 10.0 * town.fraction("speed", n)
    size, start = 20.0 + 60.0 * town.fraction("front", n), at + 120_000
    found = told(town.branch(at, start + 2 * HOUR_MS, [town.wells.front(bearing, speed, size, start, 120.0)]), start)
    spread = [d for d in found if d.kind == "gas_spread" and d.state != "clear" and " to the " in d.reason.en]
    if not spread:
        tally.fronts.append(float("nan"))
        return
    said = WINDS.index(spread[-1].reason.en.split(" to the ")[1].split(" at ")[0])
    off = abs((45.0 * said - bearing + 180.0) % 360.0 - 180.0)
    tally.fronts.append(off)


def sewer(tally: Tally, seed: int) -> None:
    """Drained wells whose sewer gas passes the watch level; half of the zones have ethane sensors. Then leaks there."""
    town = Town(seed, 60.0, sewer_lel=(8.0, 13.0), ethane=seed % 2 == 1, network=False)
    at = MONDAY_MS + 5 * DAY_MS
    town.learn(MONDAY_MS, at)
    found = told(town.run(at, at + 3 * DAY_MS), at)
    drained = {town.sensors[k].id for k in town.wells.drained}
    known: dict[tuple[str, int], bool] = {}
    for d in found:
        if d.kind == "gas_concentration" and d.state != "clear" and d.sensor in drained and d.level >= 1:
            known[d.sensor, d.onset_ms] = d.evidence.suspect == "sewer_gas"
    tally.sewer += known.values()
    at += 3 * DAY_MS
    for size, n in ((20.0, 0), (40.0, 0), (80.0, 0)):
        k = town.wells.drained[0] if n == 0 and size != 40.0 else int(12 * town.fraction("other"))
        start = at + 120_000
        seen = told(town.branch(at, start + HOUR_MS, [town.wells.leak(k, size, start, 60.0)]), start)
        rose = town.rose_ms(k, RISE)
        if np.isfinite(rose):
            mine = [d for d in seen if d.sensor == town.sensors[k].id and d.ts_ms >= rose]
            tally.leaks.append(any(d.evidence.suspect == "sewer_gas" for d in mine))


def told(found: list[Detection], since: int) -> list[Detection]:
    return [d for d in found if d.cls == "hazard" and d.ts_ms > since]


def figures(tally: Tally) -> Iterator[Figure]:
    delays = {key: np.array(got) for key, got in tally.delays.items()}
    over = np.concatenate(list(delays.values()))
    heard = over[np.isfinite(over)]
    by = {
        f"{s:.0f}s/{size:.0f}": round(float(np.mean(got <= WITHIN_S)), 3) for (s, size), got in sorted(delays.items())
    }
    raw = np.concatenate([got + s for (s, _), got in delays.items() if s == 60.0])
    raw = raw[np.isfinite(raw)]
    recall = float(np.mean(over <= WITHIN_S))
    yield Figure("detect.gas_recall", recall, "", ">= 0.95", len(over), {"interval/steady %LEL": by})
    yield Figure("detect.gas_delay_s_median", float(np.median(raw)), "s", "<= 120", len(raw), {"sampling": "60 s"})
    yield Figure("detect.gas_delay_s_p90", float(np.quantile(raw, 0.9)), "s", "<= 120", len(raw), {"sampling": "60 s"})
    late = float(np.quantile(heard, 0.9))
    yield Figure("detect.gas_delay_past_sampling_s_p90", late, "s", "<= 60", len(heard))
    rate, weeks = 100.0 * tally.false.total() / tally.sensor_weeks, round(tally.sensor_weeks)
    told_of = {"kinds": dict(tally.false), "sensor_weeks": weeks, "sewer gas at a level": dict(tally.true)}
    yield Figure("detect.gas_false_per_week_per_100", rate, "alerts", "<= 1", weeks, told_of)
    grave = tally.grave / tally.sensor_weeks * COUNTY_SENSORS * MONTH_WEEKS
    yield Figure("detect.gas_false_I_II_per_county_month", grave, "alerts", "<= 1", weeks, {"sensors": COUNTY_SENSORS})
    fronts = np.array(tally.fronts)
    yield Figure("detect.gas_spread_recall", float(np.isfinite(fronts).mean()), "", "", len(fronts))
    if np.isfinite(fronts).any():
        error = float(np.nanmedian(fronts))
        within = {"within 45": round(float(np.mean(fronts[np.isfinite(fronts)] <= 45.0)), 3)}
        yield Figure("detect.gas_spread_direction_deg", error, "deg", "", len(fronts), within)
    yield Figure("detect.gas_alerts_per_leak", float(np.mean(tally.alerts)), "alerts", "", len(tally.alerts))
    if tally.sewer:
        yield Figure("detect.gas_sewer_rightly", float(np.mean(tally.sewer)), "", "", len(tally.sewer))
    yield Figure("detect.gas_sewer_wrongly", float(np.mean(tally.leaks)), "", "<= 0.02", len(tally.leaks))
