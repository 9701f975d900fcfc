"""Simulators: the same bytes for a seed however time is cut, and physics that keeps its balances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geo.assets import Sensor
from simulators import gas, noise, pipeline, traffic, water, water_demand
from simulators.city import SIMULATORS, City
from simulators.incidents import Incident

NOON = 1_763_884_800_000
TYPES = {
    "water": (("FLW", "flow"), ("PRS", "pressure"), ("PRS", "pressure"), ("PRS", "pressure"), ("CL2", "chlorine")),
    "gas": (("CH4", "methane"), ("CH4", "methane"), ("CH4", "methane"), ("GPR", "pressure")),
    "pipeline": (("PFL", "flow"), ("PPR", "pressure"), ("PPR", "pressure"), ("PPR", "pressure"), ("PFL", "flow")),
    "traffic": (("OCC", "occupancy"), ("SPD", "speed"), ("VOL", "flow"), ("OCC", "occupancy"), ("VOL", "flow")),
}
LETTER = {"water": "W", "gas": "G", "pipeline": "P", "traffic": "T"}
STEP_DEG = {"water": 0.004, "gas": 0.0004, "pipeline": 0.05, "traffic": 0.003}


def zone(domain: str, county: str = "522601") -> list[Sensor]:
    letter = LETTER[domain]
    return [
        Sensor(
            id=f"{county}-{letter}-{code}-{k + 1:06d}",
            domain=domain,
            kind=kind,
            zone=f"{county}-{letter}-DMA01",
            unit_code=county,
            lon=107.9 + STEP_DEG[domain] * k,
            lat=26.5,
            interval_s=1.0,
            demo=True,
        )
        for k, (code, kind) in enumerate(TYPES[domain])
    ]


def sensors() -> list[Sensor]:
    return [s for domain in TYPES for county in ("522601", "522622") for s in zone(domain, county)]


def incident(domain: str, kind: str, size: float, at: int, start_s: int = 60, length_s: int = 120) -> Incident:
    members = zone(domain)
    return Incident(
        kind=kind,
        domain=domain,
        zone=members[0].zone,
        sensors=(members[at].id,),
        start_ms=NOON + start_s * 1000,
        end_ms=NOON + (start_s + length_s) * 1000,
        size=size,
    )


INCIDENTS = [
    incident("water", "burst", 120.0, 2),
    incident("water", "contamination", 1.0, 4, 30),
    incident("gas", "leak", 30.0, 1),
    incident("gas", "regulator_loss", 0.8, 3, 90),
    incident("pipeline", "leak", 60.0, 2),
    incident("traffic", "blocked_lane", 0.95, 3),
    incident("gas", "flatline", 0.0, 0),
    incident("traffic", "dropout", 0.0, 1),
]
TS = NOON + 1000 * np.arange(300, dtype=np.int64)


def sim_of(domain: str, seed: int = 7) -> Any:
    return SIMULATORS[domain](zone(domain), seed)


@pytest.mark.parametrize("domain", TYPES)
def test_any_cut_of_time_gives_the_same_bytes(domain: str) -> None:
    mine = [i for i in INCIDENTS if i.domain == domain]
    whole = sim_of(domain).values(TS, mine)
    rng = np.random.default_rng(3)
    for _ in range(3):
        cuts = np.sort(rng.choice(np.arange(1, len(TS)), 40, replace=False))
        other = sim_of(domain)  # a fresh process
        parts = [other.values(t, mine) for t in np.split(TS, cuts)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert np.concatenate([sim_of(domain).values(TS[k : k + 1], mine) for k in range(60, 75)]).tobytes() == (
        whole[60:75].tobytes()
    )


@pytest.mark.parametrize("domain", TYPES)
def test_another_seed_gives_other_readings(domain: str) -> None:
    assert sim_of(domain, 1).values(TS).tobytes() != sim_of(domain, 2).values(TS).tobytes()


def test_readings_do_not_depend_on_the_other_sensors() -> None:
    both = City(sensors(), 7).sims["water"]
    alone = City(zone("water"), 7).sims["water"]
    cols = [k for k, s in enumerate(both.sensors) if s.zone == alone.sensors[0].zone]
    assert np.array_equal(both.values(TS)[:, cols], alone.values(TS), equal_nan=True)


def test_noise_is_standard_normal_and_white() -> None:
    x = noise.normal(noise.keys(1, ["a", "b"], "white"), np.arange(40_000, dtype=np.int64))
    assert np.allclose(x.mean(axis=0), 0, atol=0.03)
    assert np.allclose(x.std(axis=0), 1, atol=0.02)
    assert abs(np.corrcoef(x[:-1, 0], x[1:, 0])[0, 1]) < 0.02
    assert abs(np.corrcoef(x.T)[0, 1]) < 0.02


def test_hazen_williams_against_the_handbook() -> None:
    # 300 mm, C 130, 0.07 m3/s over 1 km: v = 0.99 m/s, S = (v / (0.849 C R^0.63))^(1 / 0.54)
    v = 0.07 / (np.pi * 0.15**2)
    slope = (v / (0.849 * 130 * 0.075**0.63)) ** (1 / 0.54)
    assert water.head_loss_m(0.07, 1000.0, 0.3, 130.0) == pytest.approx(1000 * slope, rel=0.01)
    assert water.head_loss_m(0.14, 1000.0, 0.3) == pytest.approx(2**1.852 * water.head_loss_m(0.07, 1000.0, 0.3))


def test_burst_lowers_pressure_most_at_its_place_and_raises_the_inlet_flow_by_what_escapes() -> None:
    sim = sim_of("water")
    dma = sim.zones[0]
    burst = incident("water", "burst", 120.0, 2)
    at = dma.layout.column(burst.sensors[0])
    demand = sim.demand_m3_s(dma, TS)
    escape = dma.outflow(demand, at, np.full(len(TS), 120.0))
    head = dma.pressures(demand, at, escape)[:, at]
    assert np.allclose(escape, water.orifice_m3_s(120.0, head), rtol=1e-6)  # the network and the hole agree
    drop = (sim.physics(TS, []) - sim.physics(TS, [burst]))[150]
    gauges = [k for k, s in enumerate(sim.sensors) if s.kind == "pressure"]
    assert all(drop[2] > drop[k] + 1.0 for k in gauges if k != 2)  # its own branch loses head too
    assert min(drop[gauges]) > 0
    assert -drop[0] == pytest.approx(escape[150] * 3600, rel=0.02)
    bigger = (sim.physics(TS, []) - sim.physics(TS, [incident("water", "burst", 160.0, 2)]))[150]
    assert bigger[2] > drop[2]
    assert np.allclose((sim.physics(TS, []) - sim.physics(TS, [burst]))[[0, 59, 60, 299]], 0, atol=1e-6)


def test_pressures_fall_along_the_main_when_nodes_are_level() -> None:
    dma = sim_of("water").zones[0]
    heads = dma.pressures(np.array([0.04]))[0] + dma.elevation_m
    assert (np.diff(heads) < 0).all()


def test_methane_box_keeps_its_mass_balance() -> None:
    t = np.linspace(0, 3600, 7201)
    c = gas.box_lel(t, 2.0, 3.0, 6.0) / 100 * gas.LEL_FRACTION  # volume fraction
    inside = 3.0 * c[-1]
    vented = np.trapezoid(6.0 / 3600 * 3.0 * c, t)
    assert inside + vented == pytest.approx(2.0, rel=1e-4)  # m3 that came in within the hour
    assert gas.box_lel(np.array([20.0]), gas.leak_for(55, 20, 3, 6), 3, 6)[0] == pytest.approx(55)


def test_gas_leak_rises_spreads_weaker_and_is_blown_out() -> None:
    sim = sim_of("gas")
    change = sim.physics(TS, [incident("gas", "leak", 30.0, 1)]) - sim.physics(TS, [])
    assert (np.diff(change[61:180, 1]) > 0).all()
    assert change[170, 1] > change[170, 0] > 0
    assert change[170, 3] < 0  # the regulator feels it a little
    assert change[180 + 30, 1] < 0.01 * change[179, 1]


def test_pipeline_leak_balances_and_sags_most_at_the_leak() -> None:
    for place in (0.1, 0.5, 0.9):
        p, before, after = pipeline.leak_state(40.0, place)
        assert before - after == pytest.approx(pipeline.leak_flow_m3_h(40.0, p), rel=1e-6)
        assert before > pipeline.FLOW_M3_H > after
    sim = sim_of("pipeline")
    leak = incident("pipeline", "leak", 60.0, 2)
    change = (sim.physics(TS, [leak]) - sim.physics(TS, []))[170]
    assert change[2] < change[1] < 0
    assert change[2] < change[3] < 0
    assert change[0] > 0 > change[4]  # inlet up, outlet down


def test_pipeline_front_travels_at_the_wave_speed() -> None:
    sim = sim_of("pipeline")
    moved = np.abs(sim.physics(TS, [incident("pipeline", "leak", 60.0, 1)]) - sim.physics(TS, [])) > 1e-12
    first = moved.argmax(axis=0)
    chainage = sim.zones[0].chainage_m
    assert first[3] - first[1] == pytest.approx((chainage[3] - chainage[1]) / pipeline.WAVE_M_S, abs=1.5)


def test_fundamental_diagram() -> None:
    flows = np.linspace(0, traffic.CAPACITY, 50)
    assert np.allclose(traffic.free_density(flows) * traffic.FREE_KM_H, flows)
    assert traffic.free_density(traffic.CAPACITY) == pytest.approx(float(traffic.queue_density(traffic.CAPACITY)))
    assert (traffic.queue_density(flows[:-1]) > traffic.free_density(flows[:-1])).all()
    assert traffic.shock_m_s(500, 600) == 0.0
    assert traffic.shock_m_s(900, 100) > traffic.shock_m_s(500, 100) > 0


def test_blocked_lane_jams_upstream_and_starves_downstream() -> None:
    sim = sim_of("traffic")
    members = zone("traffic")
    block = Incident(
        kind="blocked_lane", domain="traffic", zone=members[0].zone, sensors=(members[3].id,),
        start_ms=NOON + 60_000, end_ms=NOON + 1_800_000, size=0.95,
    )  # fmt: skip
    ts = NOON + 1000 * np.arange(1800, dtype=np.int64)
    calm, jam = sim.physics(ts, []), sim.physics(ts, [block])
    at = {s.id: k for k, s in enumerate(sim.sensors)}
    occ, spd, up, occ2, down = (at[s.id] for s in members)
    assert jam[70, occ2] > 50 > calm[70, occ2]
    late = slice(1600, 1800)
    assert (jam[late, occ] > 50).all()  # the queue has reached the first loop
    assert (jam[late, spd] < 0.2 * calm[late, spd]).all()
    assert (jam[late, down] < 0.3 * calm[late, down]).all()
    assert (jam[:, occ] > 50).argmax() > (jam[:, spd] < 5).argmax() > (jam[:, occ2] > 50).argmax()
    k = np.array(traffic.free_density(calm[:, up]))
    assert np.allclose(calm[:, spd] * k, calm[:, up])  # flow = density x speed


def test_faults_of_sensors() -> None:
    got = sim_of("gas").values(TS, INCIDENTS[6:7])[:, 0]
    assert len(np.unique(got[60:180])) == 1
    assert len(np.unique(got[:60])) > 1
    got = sim_of("traffic").values(TS, INCIDENTS[7:8])
    assert np.isnan(got[60:180, [s.id for s in sim_of("traffic").sensors].index(INCIDENTS[7].sensors[0])]).all()


def test_readings_stay_in_range_all_day() -> None:
    day = NOON + 60_000 * np.arange(1440, dtype=np.int64)
    for domain, sim in City(sensors(), 5).sims.items():
        x = sim.values(day, [])
        assert np.nanmin(x) >= 0, domain
        for k, s in enumerate(sim.sensors):
            top = {"methane": 5.0, "occupancy": 30.0, "pressure": 60.0, "chlorine": 1.0}.get(s.kind, 5000.0)
            assert np.nanmax(x[:, k]) < top, s.id
        assert np.isnan(x).mean() < 0.01


def test_touched_names_its_own_sensor_first_and_only_what_moves() -> None:
    city = City(sensors(), 7)
    got = city.touched(incident("water", "burst", 150.0, 2))
    assert got[0] == zone("water")[2].id
    assert set(got[1:]) <= {s.id for s in zone("water")}
    assert len(got) >= 3


def test_batches_have_rows_in_order_and_no_gaps() -> None:
    city = City(sensors(), 7)
    batches = list(city.batches(TS, INCIDENTS))
    assert all(0 < len(b.cols) <= 2000 for b in batches)
    assert all((np.diff(b.cols.ts_ms) >= 0).all() and np.isfinite(b.cols.value).all() for b in batches)
    assert all(set(b.cols.idx.tolist()) == set(range(len(b.cols.sensors))) for b in batches)  # no idle names
    assert {b.zone for b in batches} == {s.zone for s in sensors()}
    rows = sum(len(b.cols) for b in batches)
    values = sum(np.isfinite(s.values(TS, [i for i in INCIDENTS if i.domain == d])).sum() for d, s in city.sims.items())
    assert rows == values


def test_spread_demand_is_as_rough_in_sum_and_rougher_at_each_node() -> None:
    ts = np.arange(0, 20 * 86_400_000, 60_000, dtype=np.int64)[:20_000] + 1_782_662_400_000
    sim = water.WaterSim(zone("water"), 7, spread=1.0)
    dma = sim.zones[0]
    nodal, whole = sim.nodal_m3_s(dma, ts), sim.demand_m3_s(dma, ts)
    slow = dma.mean_m3_s * water_demand.factor(7, dma.layout.zone, ts, whims=False)
    share = nodal.mean(axis=0) / nodal.mean()
    assert np.std(nodal.sum(axis=1) / slow) == pytest.approx(np.std(whole / slow), rel=0.1)
    one = int(np.argmin(share))
    assert np.std(nodal[:, one] / slow) / np.mean(nodal[:, one] / slow) > 1.5 * np.std(whole / slow)
    np.testing.assert_allclose(dma.flows(nodal)[:, 0], nodal.sum(axis=1))
