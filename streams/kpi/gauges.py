"""The few figures that a monitoring system scrapes, for the prefecture and each county."""

from __future__ import annotations

import numpy as np

from geo.units import PREFECTURE
from streams.kpi import nuisance, rates
from streams.kpi.journal import NONE, View

FIELDS = ("unit", "ack", "close")  # of the alerts, all that is looked at
GAUGES = ("alarms_10min", "alarms_1h", "flood", "open", "unacknowledged", "standing", "stale")


def gauges(view: View, units: tuple[str, ...], now_ms: int) -> dict[str, dict[str, float]]:
    """Gauge → unit → value, of actual alerts as they are at `now_ms`. Always the same units, so labels stay few."""
    counties = [u[:6] for u in view.units]
    county = np.array([units.index(c) if c in units else -1 for c in counties] or [-1])[view.alerts["unit"]]
    told = view.spells[~view.spells["hidden"]]
    told = told[told["at"] >= now_ms - rates.HOUR_MS * 24]  # a flood that never ebbed for a day shows as one
    told = told[np.argsort(told["at"], kind="stable")]
    closed = view.alerts["close"] != NONE
    acked = view.alerts["ack"] != NONE
    standing, stale = nuisance.standing(view, now_ms), nuisance.stale(view, now_ms)
    out: dict[str, dict[str, float]] = {name: {} for name in GAUGES}
    for k, unit in enumerate(units):
        ours = np.ones(len(county), bool) if unit == PREFECTURE else county == k
        at = told["at"][ours[told["alert"]]]
        floods = rates.floods(at, now_ms)
        values = (
            np.sum(at > now_ms - rates.TEN_MIN_MS), np.sum(at > now_ms - rates.HOUR_MS),
            bool(floods) and floods[-1].until_ms is None, np.sum(ours & ~closed), np.sum(ours & ~closed & ~acked),
            np.sum(ours[standing["alert"]]), np.sum(ours[stale["alert"]]),
        )  # fmt: skip
        for name, value in zip(GAUGES, values, strict=True):
            out[name][unit] = float(value)
    return out
