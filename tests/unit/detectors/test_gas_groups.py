"""What a gas zone's members say together: sewer gas, regulators, balance, tunnels; cuts change nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from detectors.gas_balance import GasBalance
from detectors.gas_groups import groups
from detectors.group import F64, Finding, GroupDetector, Member, Noting
from detectors.regulators import Regulators
from detectors.sewer_gas import SewerGas
from detectors.tunnel_fans import TunnelFans
from detectors.well_spread import WellSpread

HOUR, DAY = 3_600_000, 86_400_000
T0 = 1_782_662_400_000  # a Monday, 00:00 in Asia/Shanghai
Signal = Callable[[F64], F64]  # hours since T0 -> float64[T, M]


def play(
    group: GroupDetector, signal: Signal, hours: tuple[float, float], step_s: float = 300.0, cut: int = 10**9,
    keep: int = 0,
) -> list[Finding]:  # fmt: skip
    """Readings of `signal` in (from, to], a tick with each; `cut` rows a batch; `keep`: dump and load each so many."""
    ts = np.arange(T0 + hours[0] * HOUR + step_s * 1000, T0 + hours[1] * HOUR + 1, step_s * 1000).astype(np.int64)
    values = signal((ts - T0) / HOUR)
    out: list[Finding] = []
    for i, at in enumerate(ts.tolist()):
        who = np.flatnonzero(np.isfinite(values[i])).astype(np.int32)
        for first in range(0, len(who), cut):
            part = who[first : first + cut]
            group.add(part, np.full(len(part), at), values[i][part])
        if keep and i % keep == 0:
            state = group.dump()
            group.load(state)
            assert group.dump() == state
        out += group.advance(at)
    return out


def noise(shape: tuple[int, ...], seed: int = 3) -> F64:
    return np.random.default_rng(seed).normal(size=shape)


def test_a_zone_has_the_detectors_that_it_has_members_for() -> None:
    well = Member("w", "methane", 60.0, lon=108.0, lat=26.5)
    fan = Member("f", "ventilation", 60.0, chainage_m=100.0)
    out, inflow, metered = (
        Member("o", "outlet_pressure", 60.0),
        Member("a", "flow", 300.0, 1),
        Member("b", "flow", 300.0, -1),
    )

    def names(*members: Member) -> list[str]:
        return [d.name for d in groups("z", members)]

    assert names(well) == ["sewer_gas"]
    assert names(well, well._replace(id="v", kind="methane_ppm")) == ["sewer_gas", "well_spread"]
    assert names(fan, well._replace(lon=None, lat=None, chainage_m=50.0)) == ["sewer_gas", "tunnel_fans"]
    assert names(fan, well) == ["sewer_gas"]
    assert names(out, inflow) == ["regulators"]
    assert names(inflow, metered) == ["gas_balance"]
    assert names(Member("p", "pressure", 60.0)) == []


# -- sewer gas -----------------------------------------------------------------------------------------------------

WELLS = [Member(f"w{k}", "methane", 300.0, lon=108.0 + 0.0004 * k, lat=26.5) for k in range(2)]
ETHANE = Member("e", "ethane", 300.0, lon=108.0, lat=26.5)


def breathing(hours: F64, peak: float = 12.0) -> F64:
    """Sewer gas of the first well by the hour of the day, the second one clean; %LEL."""
    daily = 0.6 * peak + 0.4 * peak * np.sin(2 * np.pi * (hours - 3.0) / 24.0)
    return np.stack([daily, np.full(len(hours), 0.5)], 1) + 0.1 * noise((len(hours), 2))


def sewer(*members: Member) -> SewerGas:
    made = groups("z", members or WELLS)[0]
    assert isinstance(made, SewerGas)
    assert isinstance(made, Noting)
    return made


def suspect(d: SewerGas, value: float, member: str = "w0") -> str:
    note = d.note(member, value)
    return "" if note is None else note.suspect


def test_methane_as_on_other_days_is_suspected_to_be_sewer_gas_and_a_jump_is_not() -> None:
    d = sewer()
    assert suspect(d, 5.0) == ""  # nothing known
    play(d, breathing, (0, 24))
    assert suspect(d, 9.0) == ""  # one day is no pattern
    play(d, breathing, (24, 129))  # 09:00: the peak
    note = d.note("w0", 12.0)
    assert note is not None
    assert note.suspect == "sewer_gas"
    assert "疑似沼气，须现场确认" in note.says.zh
    assert "confirm on site" in note.says.en
    assert suspect(d, 19.0) == ""  # more than the hour ever had
    assert suspect(d, 26.0) == ""
    assert suspect(d, 0.5, "w1") == ""  # no swing
    assert suspect(d, 5.0, "nobody") == ""


@pytest.mark.parametrize(
    ("members", "signal"),
    [
        ([WELLS[0]._replace(params=(("drain", 0.0),)), WELLS[1]], breathing),  # no drain in this well
        (WELLS, lambda h: breathing(h) + np.stack([0 * h, 8.0 * (h > 128.0)], 1)),  # the neighbour is up as well
        (WELLS, lambda h: np.full((len(h), 2), 8.0) + 0.1 * noise((len(h), 2))),  # a constant source
        (WELLS, lambda h: breathing(h) * np.where((h > 127.5) & (h < 128.5), 0.1, 1.0)[:, None]),  # it fell and rose
    ],
)
def test_what_does_not_look_like_sewer_gas(members: list[Member], signal: Signal) -> None:
    d = sewer(*members)
    play(d, signal, (0, 129))
    assert suspect(d, 11.0) == ""


def test_a_leak_that_stays_is_not_usual_within_three_days() -> None:
    d = sewer()
    play(d, breathing, (0, 129))
    play(d, lambda h: breathing(h) + 10.0, (129, 201))
    assert suspect(d, 22.0) == ""


@pytest.mark.parametrize(("ppm", "says"), [(0.0, "sewer_gas"), (18.0, ""), (150.0, "natural_gas")])
def test_ethane_tells_natural_gas_from_sewer_gas(ppm: float, says: str) -> None:
    d = sewer(*WELLS, ETHANE)  # 12 %LEL are 6,000 ppm
    play(d, lambda h: np.column_stack([breathing(h), np.full(len(h), ppm)]), (0, 129))
    assert suspect(d, 12.0) == says


def test_no_ethane_does_not_excuse_a_fast_rise() -> None:
    d = sewer(*WELLS, ETHANE)
    play(d, lambda h: np.column_stack([breathing(h), np.zeros(len(h))]), (0, 129))
    assert suspect(d, 20.0) == ""


def test_units_are_one_scale() -> None:
    d = sewer(WELLS[0]._replace(unit="ppm"), WELLS[1])
    play(d, lambda h: breathing(h) * np.array([500.0, 1.0]), (0, 129))
    assert suspect(d, 12.0 * 500.0) == "sewer_gas"


# -- regulators ----------------------------------------------------------------------------------------------------

SITES = [{"lon": 108.0 + 0.01 * k, "lat": 26.5} for k in range(3)]
PRESSURES = [
    *(Member(f"out{k}", "outlet_pressure", 300.0, **SITES[k]) for k in range(3)),  # type: ignore[arg-type]
    *(Member(f"in{k}", "inlet_pressure", 300.0, **SITES[k]) for k in range(3)),  # type: ignore[arg-type]
]


def pressures(loss: Sequence[float] = (0, 0, 0, 0, 0, 0), begin: float = 1e9, end: float = 1e9) -> Signal:
    def signal(hours: F64) -> F64:
        droop = 0.04 * (1.0 + np.sin(2 * np.pi * hours / 24.0))
        usual = np.column_stack([2.8 * (1 - droop)] * 3 + [np.full(len(hours), 120.0)] * 3)
        on = ((hours > begin) & (hours <= end)).astype(float)
        return usual * (1.0 - on[:, None] * np.array(loss)) * (1.0 + 0.002 * noise(usual.shape))

    return signal


def regulators(loss: Sequence[float], keep: int = 0, cut: int = 10**9) -> list[Finding]:
    (made,) = groups("z", PRESSURES)
    assert isinstance(made, Regulators)
    assert play(made, pressures(), (0, 96), keep=keep, cut=cut) == []
    return play(made, pressures(loss, 97.0, 99.0), (96, 101), keep=keep, cut=cut)


def told(found: list[Finding]) -> list[tuple[str, str, str]]:
    return [(f.state, f.kind, f.sensors[0]) for f in found if f.state != "update"]


def test_one_low_outlet_is_its_regulator() -> None:
    found = regulators([0, 0.15, 0, 0, 0, 0])
    assert told(found) == [("raise", "regulator_loss", "out1"), ("clear", "regulator_loss", "out1")]
    first = found[0]
    assert first.witnesses == 1
    assert first.ts_ms - (T0 + 97 * HOUR) <= 600_000
    assert "inlet as usual" in first.reason.en
    assert "疑似调压器故障" in first.reason.zh
    assert first.place == (108.01, 26.5)


def test_neighbours_that_are_pulled_down_are_witnesses() -> None:
    assert regulators([0.02, 0.2, 0, 0, 0, 0])[0].witnesses == 2


@pytest.mark.parametrize("loss", [[0.1, 0.12, 0.1, 0, 0, 0], [0, 0.15, 0, 0, 0.4, 0]])
def test_all_outlets_or_an_outlet_with_its_inlet_are_the_supply(loss: list[float]) -> None:
    found = regulators(loss)
    assert [(s, k) for s, k, _ in told(found)] == [("raise", "gas_supply_low"), ("clear", "gas_supply_low")]
    assert found[0].witnesses >= 2


@pytest.mark.parametrize("loss", [[0.02, 0, 0, 0, 0, 0], [-0.2, 0, 0, 0, 0, 0], [0, 0, 0, 0.3, 0, 0]])
def test_what_is_no_loss_of_a_regulator(loss: list[float]) -> None:
    assert regulators(loss) == []


def test_the_evening_peak_is_no_loss() -> None:
    (made,) = groups("z", PRESSURES)
    assert play(made, pressures(), (0, 14 * 24)) == []


def test_regulators_cuts_and_snapshots() -> None:
    loss = [0, 0.15, 0, 0, 0, 0]
    assert regulators(loss) == regulators(loss, cut=1) == regulators(loss, keep=7)


# -- balance -------------------------------------------------------------------------------------------------------

METERS = [
    Member("in", "flow", 900.0, 1),
    Member("a", "flow", 900.0, -1),
    Member("b", "flow", 900.0, -1),
    Member("out", "outlet_pressure", 900.0, lon=108.0, lat=26.5, params=(("pack_m3", 400.0),)),
    Member("t", "temperature", 900.0),
]
TRUE_PACK = 400.0


def flows(loss: float = 0.0, begin: float = 1e9, swing_kpa: float = 0.0, end: float = 1e9) -> Signal:
    """`loss` m3/h escape from `begin` (hours) on; the pressure swings each two hours and the pipes take that up."""

    def signal(hours: F64) -> F64:
        use = 200.0 * (1.0 + 0.5 * np.sin(2 * np.pi * hours / 24.0))
        pressure = 150.0 + swing_kpa * np.sin(2 * np.pi * hours / 2.0)
        pack = np.gradient(pressure, 0.25) * TRUE_PACK / 101.325
        inflow = use + loss * ((hours > begin) & (hours <= end)) + pack
        table = np.column_stack([inflow, 0.6 * use, 0.38 * use, pressure, np.full(len(hours), 15.0)])
        return table * (1.0 + np.array([0.01, 0.01, 0.01, 0.0002, 0.0]) * noise(table.shape))

    return signal


def balance(signal: Signal, members: Sequence[Member] = METERS, to: float = 8.5 * 24.0, **how: int) -> list[Finding]:
    made = groups("z", members)[-1]
    assert isinstance(made, GasBalance)
    return play(made, signal, (0, to), 900.0, **how)  # type: ignore[arg-type]


def test_a_leak_of_a_tenth_is_out_of_balance_with_two_witnesses() -> None:
    found = balance(flows(20.0, 8 * 24.0))
    first = found[0]
    assert first.state == "raise"
    assert first.kind == "gas_imbalance"
    assert first.witnesses >= 2
    assert T0 + 8 * DAY < first.ts_ms <= T0 + 8 * DAY + 4 * HOUR
    assert "inflow above the usual" in first.reason.en
    assert "疑似泄漏或未计量用气" in first.reason.zh
    last = [f for f in found if f.state == "update"][-1]
    assert last.value - last.expected == pytest.approx(20.0, rel=0.25)  # the first windows are half from before


def test_an_imbalance_ends_some_hours_after_the_leak() -> None:
    found = balance(flows(20.0, 7 * 24.0, end=7.5 * 24.0))
    assert [f.state for f in found if f.state != "update"] == ["raise", "clear"]
    assert T0 + 7.5 * DAY < found[-1].ts_ms <= T0 + 7.5 * DAY + 6 * HOUR
    assert "balance again" in found[-1].reason.en


def test_a_zone_in_balance_says_nothing_though_its_pipes_fill_and_empty() -> None:
    assert balance(flows(swing_kpa=5.0)) == []


def test_without_the_line_pack_the_swing_is_in_the_scale() -> None:
    scales = []
    for members in (METERS, [m._replace(params=()) for m in METERS]):
        made = groups("z", members)[-1]
        assert isinstance(made, GasBalance)
        assert play(made, flows(swing_kpa=3.0), (0, 5 * 24.0), 900.0) == []
        scales.append(float(made.scale[0]))
    assert 0.0 < scales[0] < 0.3 * scales[1]


def test_a_step_of_the_pressure_is_no_imbalance() -> None:
    def signal(hours: F64) -> F64:
        table = flows()(hours)
        table[:, 3] -= 25.0 * (hours > 8 * 24.0)  # the meters saw nothing of it: the regulator's own trouble
        return table

    assert balance(signal) == []


def test_a_meter_that_reads_less_is_no_leak_at_once_without_a_second_witness() -> None:
    def signal(hours: F64) -> F64:
        table = flows()(hours)
        table[:, 1] *= np.where(hours > 8 * 24.0, 0.96, 1.0)
        return table

    assert [f.witnesses for f in balance(signal) if f.state == "raise" and f.witnesses > 1] == []


def test_balance_cuts_and_snapshots() -> None:
    signal = flows(20.0, 5 * 24.0)
    whole = balance(signal, to=130.0)
    assert whole
    assert whole == balance(signal, to=130.0, cut=1) == balance(signal, to=130.0, keep=11)


# -- tunnels -------------------------------------------------------------------------------------------------------

TUNNEL = [
    *(Member(f"t{k}", "methane", 10.0, chainage_m=100.0 * k) for k in range(4)),
    Member("fan0", "ventilation", 10.0, chainage_m=0.0),
    Member("fan3", "ventilation", 10.0, chainage_m=300.0),
]


def tunnel(fan: float, at: float = 0.5) -> Signal:
    """Methane at 300 m from `at` hours on, 20 s later at 200 m and so on; fans give `fan`."""

    def signal(hours: F64) -> F64:
        since = (hours - at)[:, None] * 3600.0 - np.array([60.0, 40.0, 20.0, 0.0])
        gas = np.where(since > 0.0, np.array([5.0, 8.0, 15.0, 23.0]), 0.2)
        return np.column_stack([gas + 0.05 * noise(gas.shape), np.full((len(hours), 2), fan)])

    return signal


def test_a_fan_that_stands_still_at_the_ventilation_level_is_told() -> None:
    made = next(d for d in groups("z", TUNNEL) if isinstance(d, TunnelFans))
    assert play(made, tunnel(1.0), (0, 1), 10.0) == []
    made = next(d for d in groups("z", TUNNEL) if isinstance(d, TunnelFans))
    found = play(made, tunnel(0.0), (0, 1), 10.0)
    assert told(found) == [("raise", "tunnel_ventilation", "t3")]
    assert found[0].ts_ms - (T0 + HOUR // 2) <= 80_000
    assert found[0].sensors == ("t3", "fan3")
    assert found[0].witnesses == 2
    assert "桩号 300 米" in found[0].reason.zh
    assert told(play(made, tunnel(1.0, -1.0), (1, 1.1), 10.0)) == [("clear", "tunnel_ventilation", "t3")]


def test_gas_that_moves_along_a_tunnel_has_a_direction_by_chainage() -> None:
    made = next(d for d in groups("z", TUNNEL) if isinstance(d, WellSpread))
    found = play(made, tunnel(0.0), (0, 1), 10.0)
    assert found[0].kind == "gas_spread"
    last = [f for f in found if f.state == "update"][-1]
    assert "向小桩号方向扩散" in last.reason.zh
    assert "towards smaller chainage" in last.reason.en
    note = made.note("t2", 15.0)
    assert note is not None
    assert note.suspect == "spread"
