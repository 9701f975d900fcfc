"""A pipeline as stations in order of chainage, with what is known of the pipe between them.

Parameters that a member may hold (the first found counts for the whole line unless said): `wave_m_s` speed of pressure
waves; `diameter_m` inside, `density_kg_m3`; of a station: `clock_ms` standard deviation of its clock, `elevation_m`;
`peak_m`, `peak_elevation_m`: chainage and elevation of a high point; `vapour_mpa`: gauge pressure at which the medium
boils. `medium`: 0 liquid, 1 gas. Of gas the flow is in standard m3/h (20 °C, 101.325 kPa), `density_kg_m3` is that at
these conditions, `temperature_k` and `z_factor` are those in the pipe.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from detectors.group import Member

GRAVITY = 9.80665
STANDARD_PA, STANDARD_K = 101_325.0, 293.15
SLOWEST_S = 5.0  # pressures read less often show no waves: no group detector


class Station(NamedTuple):
    """`pressure`, `flow`: indices of members, flow -1 where there is none."""

    chainage_m: float
    pressure: int
    flow: int
    clock_ms: float
    elevation_m: float
    lon: float | None
    lat: float | None


class Pipe(NamedTuple):
    """`wave_sd`: standard deviation of the wave speed's prior, as a share. `levels`: elevations are known. `gas`: the
    density is that at standard conditions, and so are the flows."""

    wave_m_s: float
    wave_sd: float
    diameter_m: float
    density: float
    levels: bool
    peak: tuple[float, float] | None
    vapour_mpa: float
    gas: bool = False

    @property
    def impedance(self) -> float:
        """Z = rho a / A in MPa per m3/h (Joukowsky: dp = rho a dv; of gas dp = a dM / A with the mass flow M)."""
        return self.density * self.wave_m_s / (math.pi * self.diameter_m**2 / 4.0) / 3.6e9


def stations(members: Sequence[Member], clock_ms: float = 20.0) -> list[Station]:
    """Stations with a pressure and a known chainage, upstream first. `clock_ms`: where a station does not tell it."""
    places: dict[float, dict[str, int]] = {}
    for k, m in enumerate(members):
        if m.chainage_m is not None and m.kind in ("pressure", "flow"):
            places.setdefault(round(m.chainage_m, 0), {}).setdefault(m.kind, k)
    out = []
    for at in sorted(places):
        of = places[at]
        if "pressure" not in of or members[of["pressure"]].interval_s > SLOWEST_S:
            continue
        gauge = members[of["pressure"]]
        facts = {name: value for k in of.values() for name, value in members[k].params}
        out.append(
            Station(
                float(gauge.chainage_m or 0.0), of["pressure"], of.get("flow", -1), facts.get("clock_ms", clock_ms),
                facts.get("elevation_m", 0.0), gauge.lon, gauge.lat,
            )
        )  # fmt: skip
    return out


def pipe(members: Sequence[Member]) -> Pipe:
    """What the members' parameters tell of the pipe; usual values of a product line in steel where they do not."""
    facts = {name: value for m in reversed(members) for name, value in m.params}
    peak = (facts["peak_m"], facts["peak_elevation_m"]) if {"peak_m", "peak_elevation_m"} <= set(facts) else None
    gauges = [m for m in members if m.kind == "pressure"]
    gas = facts.get("medium", 0.0) == 1.0
    density = facts.get("density_kg_m3", 0.72 if gas else 850.0)
    sound = isothermal_m_s(density, facts.get("temperature_k", 288.15), facts.get("z_factor", 0.9)) if gas else 1050.0
    return Pipe(
        wave_m_s=facts.get("wave_m_s", sound),
        wave_sd=0.02 if "wave_m_s" in facts else 0.08,
        diameter_m=facts.get("diameter_m", 0.305),
        density=density,
        levels=all("elevation_m" in dict(m.params) for m in gauges),
        peak=peak,
        vapour_mpa=facts.get("vapour_mpa", -0.09),
        gas=gas,
    )


def isothermal_m_s(standard_density: float, temperature_k: float, z_factor: float) -> float:
    """Speed of sound of isothermal flow, a = sqrt(z R T / M) with pV = zRT (Wylie & Streeter 1993).

    >>> round(isothermal_m_s(0.72, 288.15, 0.9))
    353
    """
    return math.sqrt(z_factor * temperature_k * STANDARD_PA / (standard_density * STANDARD_K))


def place(line: Sequence[Station], chainage_m: float) -> tuple[float, float] | None:
    """(lon, lat) of a chainage, straight between the stations beside it; None where their places are unknown."""
    for a, b in pairwise(line):
        if a.chainage_m <= chainage_m <= b.chainage_m or b is line[-1]:
            if a.lon is None or a.lat is None or b.lon is None or b.lat is None:
                return None
            w = min(max((chainage_m - a.chainage_m) / (b.chainage_m - a.chainage_m), 0.0), 1.0)
            return a.lon + w * (b.lon - a.lon), a.lat + w * (b.lat - a.lat)
    return None
