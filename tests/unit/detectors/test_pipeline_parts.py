"""The parts of the pipeline detectors, each on arrivals, balances and gradients whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.group import Member
from detectors.mass_balance import LEAST, SHARE, MassBalance, capacity_m3_per_mpa, packed
from detectors.negative_pressure_wave import POINT_M, UNKNOWN_S, Travel, refine, risen
from detectors.onset import noise, pick
from detectors.pipeline_stations import GRAVITY, Pipe, isothermal_m_s, pipe, stations
from detectors.pressure_flow import bend
from detectors.slack_flow import SPARE, Cavity, slack
from detectors.transient_model import AIR_MPA, TransientModel

LINE = Pipe(1000.0, 0.08, 0.305, 850.0, True, None, -0.09)
DIGITS = np.array([1e-6, 1e-6])


# -- onset ------------------------------------------------------------------------------------------------------------


def onsets(size: float, seeds: int, colour: float = 0.0) -> np.ndarray:
    """(error, told sd) of picks of a step of `size` noises in two channels, anywhere between samples 100 and 101:
    float64[seeds, 2]."""
    out = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=(2, 160))
        for k in range(1, 160):
            y[:, k] = colour * y[:, k - 1] + np.sqrt(1 - colour**2) * y[:, k]
        at = rng.uniform(100.0, 101.0)
        found = pick(y + size * (np.arange(160) > at), 60, DIGITS)
        assert found is not None
        out.append((found.at - at, found.sd))
    return np.array(out)


@pytest.mark.parametrize(("size", "most"), [(1.5, 4.0), (3.0, 0.5), (6.0, 0.4)])
def test_the_onset_of_a_step_is_found_with_the_error_that_is_told(size: float, most: float) -> None:
    got = onsets(size, 120)
    assert np.sqrt(np.mean(got[:, 0] ** 2)) < most  # samples
    assert abs(got[:, 0].mean()) < most / 3
    # 95 % of 120 within two told standard deviations, less three standard deviations of that count
    assert (np.abs(got[:, 0]) <= 2.0 * got[:, 1] + 0.5).mean() > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 120)
    z = got[:, 0] / got[:, 1]
    assert 0.3 < np.sqrt(np.mean(z**2)) < 1.5  # neither boasting nor hiding


def test_correlated_noise_is_allowed_for() -> None:
    white, red = onsets(3.0, 60), onsets(3.0, 60, colour=0.7)
    assert np.median(red[:, 1]) > 1.5 * np.median(white[:, 1])
    assert noise(np.random.default_rng(0).normal(size=4000))[1] == pytest.approx(1.0)


def test_lost_readings_are_bridged_and_too_many_refused() -> None:
    y = np.where(np.arange(160) < 100, 0.0, 5.0) + np.random.default_rng(1).normal(size=(2, 160))
    y[:, ::20] = np.nan
    found = pick(y, 60, DIGITS)
    assert found is not None
    assert found.at == pytest.approx(99.5, abs=1.5)
    y[:, ::5] = np.nan
    assert pick(y, 60, DIGITS) is None


# -- mass balance -----------------------------------------------------------------------------------------------------


def test_packing_after_a_pump_start_is_no_loss_and_a_leak_is_its_size() -> None:
    t = np.arange(600.0)
    capacity = capacity_m3_per_mpa(30_000, 0.305, 850, 1050)
    pressure = 3.0 + 0.4 * np.clip((t - 200) / 100, 0, 1)
    stored = capacity * np.gradient(pressure) * 3600.0
    leak = np.where(t > 450, 8.4, 0.0)
    lost = packed(420.0 + stored + leak, np.full(600, 420.0), pressure, 1.0, capacity)
    assert np.abs(lost - leak).max() < 1e-6
    assert (stored[210:290] > 30.0).all()  # without the pack it would look like 8 % of the flow
    # A L / (rho a^2): 0.0731 m2 * 30 km / (850 * 1050^2 Pa)
    assert capacity == pytest.approx(np.pi * 0.305**2 / 4 * 30_000 / (850 * 1050**2) * 1e6)


def judged(
    leak: float, moved: float = 0.0, rise: float = 0.0, seconds: int = 1200, after: int = 16
) -> tuple[float, float, float]:
    """(excess, threshold, window) `after` seconds after a loss of `leak` m3/h began and flows moved, pressures rose."""
    rng = np.random.default_rng(5)
    balance, found = MassBalance(1.0, 120.0, 300.0), None
    for k in range(seconds + after):
        now = k >= seconds
        x, q = rng.normal(0.0, 0.5), 420.0 + (moved if now else 0.0)
        lost = x + (leak if now else 0.0)
        p = 4.0 + (rise if now else 0.0)
        balance.push(1000 * k, lost, lost / 2, -lost / 2, q, q, p, p - 1.0)
        found = balance.judge(k < seconds)
    assert found is not None
    return found.excess, found.threshold, found.window_s


def test_a_loss_is_judged_by_its_size_over_what_is_usual() -> None:
    excess, threshold, window = judged(8.4)
    # four standard deviations of the difference of two means, noise 0.5
    assert excess == pytest.approx(8.4, abs=4 * 0.5 * np.sqrt(1 / window + 1 / 40))
    assert window in (5.0, 15.0)
    assert LEAST * 420 <= threshold < 8.4 / 2
    quiet, least, _ = judged(0.0)
    assert quiet < least


def test_an_operation_and_a_rising_pressure_raise_the_threshold() -> None:
    _, calm, _ = judged(8.4)
    _, after, _ = judged(8.4, moved=60.0)
    assert after - calm == pytest.approx(SHARE * (2 * 60.0 - 2 * 8.4), rel=0.25)
    for leak, told in ((8.4, False), (40.0, True)):  # a wave of 0.05 MPa moves 15 m3/h at each end
        excess, threshold, _ = judged(leak, rise=0.05)
        assert (excess > threshold) is told
    assert judged(-20.0)[0] < 0.0


def test_while_little_is_known_only_a_rupture_is_told() -> None:
    excess, threshold, _ = judged(30.0, seconds=120)
    assert threshold > excess  # 7 %
    excess, threshold, _ = judged(60.0, seconds=120)
    assert threshold < excess  # 14 %


# -- negative pressure wave -------------------------------------------------------------------------------------------


def travel(clock_s: float = 0.01, ahead: float = 0.0, n: int = 6) -> Travel:
    """30 km at 1,000 m/s, learned from waves of both directions; the clock of b is `ahead`."""
    made = Travel(30_000.0, 1050.0, 0.08, clock_s)
    for _ in range(n):
        assert made.add(30.0 + ahead, False)
        assert made.add(30.0 - ahead, True)
    return made


@pytest.mark.parametrize("x", [300.0, 7_000.0, 15_000.0, 29_000.0])
def test_exact_arrivals_give_the_exact_place(x: float) -> None:
    got = travel().locate(100.0 + x / 1000, 100.0 + (30_000 - x) / 1000, 0.02, 0.02)
    assert got.x_m == pytest.approx(x, abs=1e-6)
    assert got.onset_ms == pytest.approx(100_000.0, abs=1e-3)
    assert 0.5 * 1000 * np.hypot(0.02, 0.02) <= got.sd_m < POINT_M


def test_errors_of_picks_clocks_and_speed_widen_what_is_told() -> None:
    def sd(made: Travel, pick_s: float = 0.02) -> float:
        return made.locate(107.0, 123.0, pick_s, pick_s).sd_m

    assert sd(travel(), 0.2) == pytest.approx(0.5 * 1000 * np.hypot(0.2, 0.2), rel=0.1)
    # before a wave is seen the clocks are not believed, and the speed is known to 8 % of the way from the middle
    fresh = Travel(30_000.0, 1000.0, 0.08, 0.01)
    assert sd(fresh) == pytest.approx(0.5 * 1000 * np.hypot(UNKNOWN_S, 16.0 * 0.08), rel=0.01)
    for upstream in (True, False):
        assert fresh.synchronised is False
        assert fresh.add(30.0, upstream)
    assert fresh.synchronised
    assert sd(fresh) < POINT_M
    assert sd(travel(clock_s=2.0)) == pytest.approx(0.5 * 1000 * 2.0, rel=0.01)


def test_a_known_difference_of_good_clocks_is_taken_off() -> None:
    made = travel(clock_s=0.2, ahead=0.15)
    assert made.estimate()[0] == pytest.approx(30.0)
    got = made.locate(107.0, 123.15, 0.02, 0.02)
    assert got.x_m == pytest.approx(7000.0, abs=40.0)
    assert made.synchronised


@pytest.mark.parametrize(("told", "ahead"), [(2.0, 0.0), (2.0, 1.5), (0.02, 1.5), (0.3, 0.0)])
def test_clocks_that_are_not_synchronised_never_give_a_point(told: float, ahead: float) -> None:
    made = travel(told, ahead)
    assert not made.synchronised
    got = made.locate(107.0, 123.0 + ahead, 0.01, 0.01)
    assert got.sd_m > POINT_M
    assert abs(got.x_m - 7000.0) < 2.0 * got.sd_m
    if told == 0.02:  # found to be wrong: nothing is known of it
        assert made.estimate()[3] == UNKNOWN_S


def test_a_travel_time_that_no_wave_can_have_is_not_learned() -> None:
    assert not Travel(30_000.0, 1050.0, 0.08, 0.01).add(45.0, False)


def test_arrivals_are_refined_and_a_slow_leak_is_known_by_its_rise() -> None:
    rng, n, per = np.random.default_rng(2), 400, 10.0
    share = []
    for over_s in (0.0, 30.0):
        rise = np.clip((np.arange(n) - 200.5) / per / max(over_s, 1e-3), 0, 1)
        pressure = 4.0 - 0.03 * rise + rng.normal(0, 0.0015, n)
        residual = 8.0 * rise + rng.normal(0, 1.0, n)
        got = refine(pressure, residual, 205, per)
        assert got is not None
        found, begin = got
        if over_s == 0.0:
            assert begin + found.at == pytest.approx(200.5, abs=1.0)
            assert found.step[0] < 0 < found.step[1]
        early, late = risen(residual, 200, 205, per)
        share.append(early / late)
    assert share[0] > 0.8
    assert share[1] < 0.5


# -- pressure/flow and slack flow -------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.05, 0.4, 0.9])
def test_the_bent_gradient_gives_size_and_place(share: float) -> None:
    got = bend(8.0 * (1 - share), 8.0 * share, 0.2)
    assert got is not None
    assert (got.size, got.share) == (pytest.approx(8.0), pytest.approx(share))
    errors = np.random.default_rng(0).normal(0, 0.2, (500, 2))
    places = [b.share for r, f in errors if (b := bend(8 * (1 - share) + r, 8 * share + f, 0.2))]
    if share == 0.4:  # not at a bound
        assert np.std(places) == pytest.approx(got.sd, rel=0.15)
    assert bend(0.3, 0.2, 0.2) is None


def line_of(peak_elevation: float) -> tuple[list[Member], Pipe]:
    params = (("elevation_m", 0.0), ("peak_elevation_m", peak_elevation), ("peak_m", 10_000.0))
    members = [
        Member(f"{kind}{k}", kind, 0.1, 0, 20_000.0 * k, params=params) for k in (0, 1) for kind in ("pressure", "flow")
    ]
    return members, pipe(members)


@pytest.mark.parametrize(("pressures", "is_slack"), [((4.0, 2.0), False), ((3.0, 1.6), True)])
def test_a_high_point_near_boiling_is_slack(pressures: tuple[float, float], is_slack: bool) -> None:
    # 3.0 MPa of head in the middle of 4 and 2; 290 m of diesel are 2.417 MPa, boiling is at -0.09
    members, of = line_of(290.0)
    assert pytest.approx(2.417, abs=1e-3) == 850 * GRAVITY * 290 / 1e6
    assert slack(stations(members), of, pressures) is is_slack
    assert not slack(stations(members), of._replace(peak=None), pressures)
    assert not slack(stations(members), of._replace(gas=True), pressures)


def test_a_cavity_explains_its_refill_and_not_a_leak_beyond_it() -> None:
    cavity = Cavity(1.0)
    for _ in range(2000):
        cavity.explain(1.0, 0.0, False)  # meters differ by 1 m3/h
    grown = [cavity.explain(1.0 - 20.0, 0.0, True) for _ in range(600)]
    assert np.allclose(grown, 1.0, atol=0.1)
    assert cavity.volume == pytest.approx(SPARE * 600 * 20 / 3600, rel=0.01)
    filling = [cavity.explain(1.0 + 40.0, 0.0, False) for _ in range(450)]
    full = round(SPARE * 300)
    assert np.allclose(filling[: full - 5], 1.0, atol=0.1)
    assert np.allclose(filling[full + 5 : full + 15], 41.0, atol=0.5)  # what comes beyond is lost
    assert cavity.recent
    drifting = Cavity(1.0)
    for lost in [-20.0] * 600 + [40.0] * 298:
        drifting.explain(lost, 420.0, lost < 0.0)
    assert drifting.volume == pytest.approx((SPARE * 600 * (20 + 2.1) - 298 * (40 - 2.1)) / 3600, rel=0.01)
    restored = Cavity(1.0)
    restored.load(cavity.dump())
    assert restored.dump() == cavity.dump()


# -- transient model --------------------------------------------------------------------------------------------------


def test_the_model_answers_joukowskys_flow_and_steady_friction() -> None:
    model = TransientModel(30_000.0, 0.1, LINE._replace(wave_m_s=1000.0), 0.0)
    calm = np.array([[4.0], [2.4], [420.0], [420.0]]) * np.ones((1, 10))
    ra, rb = model.step(calm, False)
    assert np.abs(ra).max() < 1e-6  # the friction is that of the first readings
    assert model.loss == pytest.approx(1.6 / 420.0**2)
    risen_ = calm.copy()
    risen_[0] += 0.1
    ra, rb = model.step(risen_, False)
    assert -ra[0] == pytest.approx(0.1 / model.z, rel=1e-3)  # dq = A dp / (rho a)
    assert model.z == pytest.approx(850 * 1000 / (np.pi * 0.305**2 / 4) / 3.6e9)
    for _ in range(28):
        _, rb = model.step(risen_, False)
        assert np.abs(rb).max() < 1e-3  # not there yet
    for _ in range(3):
        _, rb = model.step(risen_, False)
    assert rb[-1] < -0.1 / model.z * 0.5


def test_gas_settles_at_weymouths_square_of_pressures_and_packs_by_its_compressibility() -> None:
    gas = Pipe(isothermal_m_s(0.72, 288.15, 0.9), 0.02, 0.5, 0.72, True, None, -0.09, True)
    length, flow = 40_000.0, 60_000.0
    model = TransientModel(length, 1.0, gas, 0.0)
    pa = 5.0 + AIR_MPA
    pb = np.sqrt(pa**2 - 2 * model.darcy * flow**2)
    rows = np.array([[pa - AIR_MPA], [pb - AIR_MPA], [flow], [flow]]) * np.ones((1, 60))
    # f rho_s^2 a^2 L q^2 / (D A^2) = p_a^2 - p_b^2
    area = np.pi * 0.25 * 0.5**2
    drop = 0.018 * (0.72 * gas.wave_m_s) ** 2 * length * (flow / 3600) ** 2 / (0.5 * area**2)
    assert (pa**2 - pb**2) * 1e12 == pytest.approx(drop, rel=1e-6)
    for _ in range(20):
        ra, rb = model.step(rows, False)
    # the explicit friction of 113 reaches of 353 m is off by less than 0.1 % of the flow
    assert np.abs(ra).max() < 1e-3 * flow
    # both pressures rise slowly by 0.1 MPa: in less out is what V / (z R T) takes up
    rise = np.linspace(0, 0.1, 3600)
    q = np.full(3600, flow)
    ra, rb = model.step(np.array([pa - AIR_MPA + rise, pb - AIR_MPA + rise, q, q]), False)
    packing = area * length * 0.1e6 / gas.wave_m_s**2 / 0.72  # standard m3 in an hour
    assert -(ra - rb)[1800:].mean() == pytest.approx(packing, rel=0.05)
