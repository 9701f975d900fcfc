"""Group detectors in the kernel: members, findings as detections, snapshots, changes of the members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors import groups as registry
from detectors.group import F64, I32, I64, Finding, GroupDetector, Member
from detectors.texts import Both
from geo.assets import Sensor
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel

T0 = 1_763_884_800_000
ZONE = "522601-P-LIN01"


class Sum:
    """Raises while the sum of the members' newest values is above 10."""

    name = "sum"

    def __init__(self, members: Sequence[Member]) -> None:
        self.ids = [m.id for m in members]
        self.last = [0.0] * len(members)
        self.since = 0

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        for k, x in zip(member.tolist(), values.tolist(), strict=True):
            self.last[k] = x

    def advance(self, now_ms: int) -> list[Finding]:
        total = sum(self.last)
        if (total > 10.0) == bool(self.since):
            return []
        state = "clear" if self.since else "raise"
        onset = self.since or now_ms
        self.since = 0 if self.since else now_ms
        return [
            Finding(
                "A-B", "pipeline_anomaly", state, now_ms, onset, total, 0.0, float("nan"), 10.0, "m", 0.9, 0.5, 0.2,
                Both("合计过高", "sum too high"), tuple(self.ids), "sum/1", ((now_ms, total),),
                len(self.ids), (107.9, 26.5), tags=("bridge", "fog"),
            )
        ]  # fmt: skip

    def dump(self) -> Any:
        return [self.last, self.since]

    def load(self, dumped: Any) -> None:
        last, self.since = dumped
        self.last = list(last)


def make(zone: str, members: Sequence[Member]) -> list[GroupDetector]:
    return [Sum(members)] if len(members) > 1 else []


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    monkeypatch.setattr(registry, "GROUPS", {"pipeline": make})
    monkeypatch.setattr("streams.kernel.GROUPS", registry.GROUPS)
    k = Kernel("pipeline", blind_ms=None)
    k.configure([sensor("a", 0.0), sensor("b", 900.0)])
    return k


def sensor(name: str, chainage_m: float, version: int = 1, **more: Any) -> Sensor:
    return Sensor(
        id=name, domain="pipeline", kind="pressure", zone=ZONE, unit_code="522601", chainage_m=chainage_m,
        interval_s=1.0, version=version, **more,
    )  # fmt: skip


def columns(second: int, *values: float, quality: Sequence[int] | None = None) -> Columns:
    n = len(values)
    ts = np.full(n, T0 + 1000 * second, np.int64)
    q = None if quality is None else np.array(quality, np.uint8)
    return Columns(["a", "b"][:n], np.arange(n, dtype=np.int32), ts, np.array(values), quality=q)


def of_group(found: list[Detection]) -> list[tuple[str, float | None]]:
    return [
        (d.state, d.evidence.value) for d in found if d.kind == "pipeline_anomaly" and d.evidence.detector == "sum/1"
    ]


def test_a_finding_is_a_detection_of_its_part_of_the_zone(kernel: Kernel) -> None:
    kernel.process(columns(0, 4.0, 7.0))
    (d,) = [d for d in kernel.tick(T0) if d.evidence.detector == "sum/1"]
    assert (d.state, d.asset, d.zone, d.county, d.sensor) == ("raise", f"{ZONE}/A-B", ZONE, "522601", "a")
    assert d.near == ("a", "b")
    assert d.tags == ("bridge", "fog")
    assert (d.witnesses, d.lon, d.lat, d.approximate) == (2, 107.9, 26.5, True)
    assert (d.reason.zh, d.evidence.low, d.evidence.series) == ("合计过高", None, ((T0, 11.0),))
    kernel.process(columns(1, 1.0, 1.0))
    assert of_group(kernel.tick(T0 + 1000)) == [("clear", 2.0)]


def test_the_sensor_of_an_episode_stays_and_its_magnitude_fits_the_matrix(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Sum.advance

    def turned(self: Sum, now_ms: int) -> list[Finding]:
        found = plain(self, now_ms)
        return [f._replace(magnitude=-0.5, sensors=f.sensors[:: 1 if f.state == "raise" else -1]) for f in found]

    monkeypatch.setattr(Sum, "advance", turned)
    kernel.process(columns(0, 4.0, 7.0))
    (raised,) = [d for d in kernel.tick(T0) if d.evidence.detector == "sum/1"]
    other = Kernel("pipeline", blind_ms=None)
    other.restore(kernel.snapshot())
    for k in (kernel, other):
        k.process(columns(1, 1.0, 1.0))
        (ended,) = [d for d in k.tick(T0 + 1000) if d.evidence.detector == "sum/1"]
        assert (ended.sensor, ended.asset, ended.near) == (raised.sensor, raised.asset, ("b", "a"))
        assert raised.magnitude == ended.magnitude == 0.0


def test_bad_and_unknown_readings_do_not_reach_a_group(kernel: Kernel) -> None:
    kernel.process(columns(0, 4.0, 70.0, quality=[0, 2]))
    kernel.process(columns(1, 4.0, float("nan")))
    assert of_group(kernel.tick(T0)) == []


def test_a_snapshot_holds_the_groups(kernel: Kernel) -> None:
    kernel.process(columns(0, 4.0, 7.0))
    kernel.tick(T0)
    other = Kernel("pipeline", blind_ms=None)
    assert other.restore(kernel.snapshot()) == []
    assert other.snapshot() == kernel.snapshot()
    for k in (kernel, other):
        k.process(columns(1, 1.0, 1.0))
        assert of_group(k.tick(T0 + 1000)) == [("clear", 2.0)]


def test_what_is_open_ends_when_a_member_leaves(kernel: Kernel) -> None:
    kernel.process(columns(0, 4.0, 7.0))
    kernel.tick(T0)
    kernel.configure([msgspec.structs.replace(sensor("b", 900.0, 2), retired=True)])
    (ended,) = [d for d in kernel.tick(T0 + 1000) if d.evidence.detector == "sum/1"]
    assert (ended.state, ended.onset_ms) == ("clear", T0)
    assert "members" in ended.reason.en
    kernel.process(columns(2, 40.0))
    assert of_group(kernel.tick(T0 + 2000)) == []


def test_a_new_version_that_changes_nothing_for_the_group_keeps_its_state(kernel: Kernel) -> None:
    kernel.process(columns(0, 4.0, 7.0))
    kernel.tick(T0)
    kernel.configure([sensor("b", 900.0, 2, name_zh="乙站")])
    assert of_group(kernel.tick(T0 + 1000)) == []


def test_a_domain_without_groups_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.kernel.GROUPS", {})
    k = Kernel("pipeline", blind_ms=None)
    k.configure([sensor("a", 0.0)])
    assert not k._groups
