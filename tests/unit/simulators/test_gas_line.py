"""The isothermal gas line against steady theory, mass and its speed of sound."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.gas_line import CD, CHOKED, GasLine, march, steady

LINE = GasLine()
DT = 0.5
ENDS = np.array([0.0, LINE.length_m])
MASS = LINE.standard_density * LINE.flow_m3_s


def test_steady_flow_stays_and_its_squares_of_pressure_fall_linearly() -> None:
    p, m = steady(LINE, DT)
    n = 7200
    march(LINE, p, m, DT, np.full(n, LINE.inlet_pa), np.full(n, MASS), np.zeros(n), 0.0, ENDS)
    # first order in the cell (0.5 % of the length) where the scheme takes the mean of two pressures
    assert m == pytest.approx(MASS, rel=1e-3)
    drop = LINE.friction * LINE.wave_m_s**2 * MASS**2 * LINE.length_m / (LINE.diameter_m * LINE.area_m2**2)
    assert np.diff(p**2) == pytest.approx(-drop / len(p), rel=1e-3)
    assert p[0] ** 2 - p[-1] ** 2 == pytest.approx(drop * (1 - 1 / len(p)), rel=1e-3)


def test_mass_is_kept_with_a_leak_and_a_changing_demand() -> None:
    p, m = steady(LINE, DT)
    pack = LINE.area_m2 * LINE.length_m / len(p) / LINE.wave_m_s**2
    before, n, lost, entered, left = p.sum() * pack, 2400, 0.0, 0.0, 0.0
    demand = MASS * (1 + 0.2 * np.sin(np.arange(n) / 200))
    cell = len(p) // 3
    for k in range(n):
        one = slice(k, k + 1)
        entered, left = entered + DT * m[0], left + DT * m[-1]
        lost += DT * CD * CHOKED * 1e-4 * p[cell] / LINE.wave_m_s
        march(LINE, p, m, DT, np.full(1, LINE.inlet_pa), demand[one], np.full(1, 1e-4), 10_050.0, ENDS)
    assert int(10_050.0 / LINE.length_m * len(p)) == cell
    assert lost > 100.0
    assert p.sum() * pack - before == pytest.approx(entered - left - lost, abs=1e-6 * entered)


def test_a_wave_runs_at_the_isothermal_speed_of_sound() -> None:
    assert 345.0 < LINE.wave_m_s < 360.0
    smooth = LINE._replace(friction=1e-6, flow_m3_s=0.01)
    p, m = steady(smooth, DT)
    n, start = 240, m.copy()
    out = march(smooth, p, m, DT, np.where(np.arange(n) < 1, 5.0e6, 5.05e6), np.full(n, start[-1]), np.zeros(n), 0.0,
                np.array([0.5 * smooth.length_m]))  # fmt: skip
    front = int(np.argmax(out[:, 0, 0] > 5.025e6)) * DT
    # half the height of a front that the grid widens over sqrt(cells) steps
    assert front == pytest.approx(0.5 * smooth.length_m / smooth.wave_m_s, abs=4 * DT)


def test_a_line_that_loses_more_than_it_has_is_refused() -> None:
    with pytest.raises(ValueError, match="loses"):
        steady(LINE._replace(length_m=3e6), DT)
