"""Gas: methane in manholes and the outlet pressure of regulators.

A manhole is one well-mixed box: V dC/dt = G - n V C, thus C(t) = G / (n V) (1 - exp(-n t)) while gas enters at G (m3/h)
and n air changes an hour leave (Wadden & Scheff, *Indoor Air Pollution*, 1983, ch. 6). When the leak is shut the crew
blows the manhole out, C falls with the purge time constant. 100 %LEL is 4.4 % methane by volume (EN 60079-20-1).
Neighbours get the gas through ducts and soil: weaker with distance and later. The background is sewer gas, a little
higher at night when the air is still.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geo.assets import Sensor
from simulators import noise
from simulators.base import Simulator
from simulators.incidents import Incident, envelope, touching
from simulators.layout import Layout, distances_m, layouts
from simulators.noise import F64, I64

LEL_FRACTION = 0.044
PURGE_S = 5.0  # 3 m3 and a blower of about 2,000 m3/h
SPREAD_M = 60.0  # distance at which a neighbour gets 1/e
DUCT_M_PER_S = 4.0
STILL_AIR = (
    1.25, 1.30, 1.30, 1.30, 1.25, 1.20, 1.10, 1.00, 0.95, 0.90, 0.85, 0.82,
    0.80, 0.80, 0.80, 0.82, 0.86, 0.90, 0.96, 1.02, 1.08, 1.14, 1.20, 1.22,
)  # fmt: skip
COOKING = (
    0.3, 0.2, 0.2, 0.2, 0.3, 0.6, 1.1, 1.3, 0.9, 0.8, 1.0, 1.6,
    1.5, 0.8, 0.7, 0.8, 1.1, 1.7, 1.9, 1.5, 1.1, 0.9, 0.6, 0.4,
)  # fmt: skip
REGULATOR_KPA = 2.8  # low-pressure network, outlet set point
DROOP = 0.012  # fraction lost at mean demand


def box_lel(t_s: F64, leak_m3_h: float, volume_m3: float, changes_per_h: float) -> F64:
    """%LEL in a well-mixed box t seconds after gas began to enter: float64[T].

    >>> bool(box_lel(np.array([1e9]), 0.44, 2.0, 5.0)[0].round(6) == 100.0)
    True
    """
    n = changes_per_h / 3600.0
    steady = leak_m3_h / (changes_per_h * volume_m3) / LEL_FRACTION * 100.0
    return steady * (1.0 - np.exp(-n * np.maximum(t_s, 0.0)))


def leak_for(lel: float, after_s: float, volume_m3: float, changes_per_h: float) -> float:
    """The leak (m3/h) that reaches `lel` %LEL after `after_s` seconds."""
    return float(lel / box_lel(np.array([after_s]), 1.0, volume_m3, changes_per_h)[0])


class GasSim(Simulator):
    """Methane (%LEL) and regulator pressure (kPa) of the gas zones."""

    domain = "gas"

    def __init__(self, sensors: Sequence[Sensor], seed: int = 0) -> None:
        super().__init__(sensors, seed)
        self.zones = layouts(sensors, seed, 600.0)
        self._breath = noise.keys(seed, [s.id for s in sensors], "breath")

    def manhole(self, sensor: str) -> tuple[float, float]:
        """Volume (m3) and air changes an hour of the manhole of a sensor."""
        return (
            2.0 + 3.0 * noise.fraction(self.seed, "volume", sensor),
            4.0 + 4.0 * noise.fraction(self.seed, "air", sensor),
        )

    def physics(self, ts_ms: I64, incidents: Sequence[Incident]) -> F64:
        out = np.zeros((len(ts_ms), len(self.sensors)))
        for layout in self.zones:
            out[:, layout.cols] = self._zone(layout, ts_ms, touching(incidents, layout.zone, ts_ms))
        return out

    def _zone(self, layout: Layout, ts_ms: I64, incidents: Sequence[Incident]) -> F64:
        still, cooking = noise.diurnal(STILL_AIR, ts_ms), noise.diurnal(COOKING, ts_ms)
        breath = 1.0 + 0.15 * noise.smooth(self._breath[layout.cols], ts_ms, 1200.0)
        out = np.empty((len(ts_ms), len(layout.sensors)))
        for k, sensor in enumerate(layout.sensors):
            if sensor.kind == "pressure":
                out[:, k] = REGULATOR_KPA * (1.0 - DROOP * cooking)
            else:
                out[:, k] = (0.5 + 0.7 * noise.fraction(self.seed, "sewer", sensor.id)) * still * breath[:, k]
        for incident in incidents:
            at = layout.column(incident.sensors[0])
            if at is not None:
                self._apply(out, layout, at, ts_ms, incident)
        return out

    def _apply(self, out: F64, layout: Layout, at: int, ts_ms: I64, incident: Incident) -> None:
        if incident.kind == "regulator_loss":
            out[:, at] *= 1.0 - min(incident.size, 1.0) * envelope(ts_ms, incident, 1.5, 1.5)
            return
        away = distances_m(layout, at)
        volume, air = self.manhole(layout.sensors[at].id)
        length = (incident.end_ms - incident.start_ms) / 1000.0
        for k, sensor in enumerate(layout.sensors):
            if sensor.kind == "pressure":
                # the leak is a small part of what a regulator passes (about 300 m3/h)
                out[:, k] *= 1.0 - DROOP * incident.size / 300.0 * envelope(ts_ms, incident, 5.0, 5.0)
                continue
            t = (ts_ms - incident.start_ms) / 1000.0 - away[k] / DUCT_M_PER_S
            share = 1.0 if k == at else 0.7 * np.exp(-away[k] / SPREAD_M)
            gas = box_lel(np.clip(t, 0.0, length), incident.size, volume, air)
            out[:, k] += share * gas * np.exp(-np.maximum(t - length, 0.0) / PURGE_S)
