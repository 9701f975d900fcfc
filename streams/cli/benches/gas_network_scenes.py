"""Regulators and meters of simulated gas zones: clean days, lost pressure, a supply that is short, leaks by balance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from simulators.gas_network import Trouble
from streams.alerts.severity import decide, default_rules
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.gas_town import DAY_MS, HOUR_MS, MONDAY_MS, Town

TRAIN_DAYS = 7
LOSSES = (0.05, 0.10, 0.20, 0.40)
LEAKS = (0.03, 0.05, 0.10, 0.20)
PRESSURE_WITHIN_MS, BALANCE_WITHIN_MS = 300_000, 12 * HOUR_MS
MONTH_WEEKS = 365.25 / 12.0 / 7.0
COUNTY_SENSORS = 200


@dataclass
class Tally:
    """Delays in s by (what, size), NaN: not told; whether the right kind was said."""

    delays: dict[tuple[str, float], list[float]] = field(default_factory=lambda: defaultdict(list))
    named: list[bool] = field(default_factory=list)
    false: Counter[str] = field(default_factory=Counter)
    grave: int = 0
    sensor_weeks: float = 0.0


KIND = {"regulator": "regulator_loss", "supply": "gas_supply_low", "loss": "gas_imbalance"}


def run(first: int, zones: int, clean_days: int, quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the figures of `zones` networks, seeds from `first` on."""
    tally = Tally()
    for seed in range(first, first + zones):
        say(f"gas: regulators and meters of zone {seed}…")
        zone(tally, seed, clean_days, quick)
    yield from figures(tally)


def zone(tally: Tally, seed: int, clean_days: int, quick: bool) -> None:
    """Learning, clean days, then troubles of each size from the state at their end."""
    town = Town(seed, 300.0)
    at = MONDAY_MS + TRAIN_DAYS * DAY_MS
    town.learn(MONDAY_MS, at)
    _clean(tally, town, at, clean_days)
    at += clean_days * DAY_MS + round(20.0 * town.fraction("net")) * HOUR_MS
    town.learn(MONDAY_MS + (TRAIN_DAYS + clean_days) * DAY_MS, at)
    for size in (0.10, 0.40) if quick else LOSSES:
        for kind in ("regulator", "supply"):
            _try(tally, town, at, kind, size, PRESSURE_WITHIN_MS)
    for size in (0.10,) if quick else LEAKS:
        _try(tally, town, at, "loss", size, BALANCE_WITHIN_MS)


def _clean(tally: Tally, town: Town, at: int, days: int) -> None:
    found = [d for d in town.run(at, at + days * DAY_MS, tick_ms=HOUR_MS) if d.cls == "hazard"]
    tally.false.update(d.kind for d in found if d.state == "raise")
    tally.grave += len({d.asset for d in found if d.state != "clear" and decide(d, default_rules())[0] in ("I", "II")})
    tally.sensor_weeks += len(town.sensors) * days / 7.0


def _try(tally: Tally, town: Town, at: int, kind: str, size: float, within_ms: int) -> None:
    start = at + 60_000
    trouble = Trouble(kind, size, int(3 * town.fraction(kind, size)), start, start + within_ms)
    found = town.branch(at, start + within_ms, (), [trouble], fine=kind != "loss")
    raised = [d for d in found if d.state == "raise" and d.cls == "hazard" and d.ts_ms > start]
    mine = [d.ts_ms for d in raised if d.kind in KIND.values()]
    tally.delays[kind, size].append((min(mine) - start) / 1000.0 if mine else float("nan"))
    if mine and kind != "loss":
        tally.named.append({d.kind for d in raised} == {KIND[kind]})


def figures(tally: Tally) -> Iterator[Figure]:
    found = {key: np.array(got) for key, got in tally.delays.items()}

    def shares(kind: str) -> dict[str, float]:
        return {
            f"{size:.0%}": round(float(np.isfinite(x).mean()), 3) for (k, size), x in sorted(found.items()) if k == kind
        }

    def heard(kinds: tuple[str, ...], least: float) -> np.ndarray:
        return np.concatenate([x for (k, size), x in found.items() if k in kinds and size >= least])

    losses = heard(("regulator", "supply"), 0.10)
    detail = {"regulator": shares("regulator"), "supply": shares("supply")}
    yield Figure("detect.gas_regulator_recall", float(np.isfinite(losses).mean()), "", ">= 0.95", len(losses), detail)
    yield Figure("detect.gas_regulator_delay_s_median", float(np.nanmedian(losses)), "s", "", len(losses))
    yield Figure("detect.gas_regulator_named_right", float(np.mean(tally.named)), "", "", len(tally.named))
    leaks = heard(("loss",), 0.05)
    yield Figure(
        "detect.gas_imbalance_recall", float(np.isfinite(leaks).mean()), "", ">= 0.9", len(leaks), shares("loss")
    )
    delays = {f"{s:.0%}": round(float(np.nanmedian(x)) / 3600.0, 2) for (k, s), x in sorted(found.items())
              if k == "loss" and np.isfinite(x).any()}  # fmt: skip
    yield Figure(
        "detect.gas_imbalance_delay_h_median", float(np.nanmedian(leaks)) / 3600.0, "h", "", len(leaks), delays
    )
    weeks = round(tally.sensor_weeks)
    rate = 100.0 * tally.false.total() / tally.sensor_weeks
    yield Figure("detect.gas_network_false_per_week_per_100", rate, "alerts", "<= 1", weeks, dict(tally.false))
    grave = tally.grave / tally.sensor_weeks * COUNTY_SENSORS * MONTH_WEEKS
    yield Figure("detect.gas_network_false_I_II_per_county_month", grave, "alerts", "<= 1", weeks)
