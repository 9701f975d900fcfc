"""The packer's logic: routing, rejects, announcements, sequence numbers and ticks."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from detectors.profile_file import ProfileFile
from geo.assets import Asset, Sensor, Zone
from geo.fences import Circle, Fence
from streams import codec, config
from streams.alerts.policy_file import default_policy
from streams.columns import from_rows
from streams.duty.book import DutyBook
from streams.duty.records import Contact, Person, Roster
from streams.intake.packing import PackLogic
from streams.outbox import Outbox
from streams.settings import Settings

NOW = 1_763_884_800.0
MS = int(NOW * 1000)
A, B, G = "522601-W-PRS-000001", "522622-W-PRS-000002", "522601-G-CH4-000001"


def sensor(name: str, zone: str, domain: str = "water", **more: Any) -> Sensor:
    return Sensor(id=name, domain=domain, kind="pressure", zone=zone, unit_code=name[:6], **more)


def registry() -> SimpleNamespace:
    zones = [
        Zone(id="522601-W-DMA01", domain="water", county="522601", partition=1),
        Zone(id="522622-W-DMA01", domain="water", county="522622", partition=3),
        Zone(id="522601-G-ZON01", domain="gas", county="522601", partition=0),
    ]
    sensors = [sensor(A, "522601-W-DMA01"), sensor(B, "522622-W-DMA01"), sensor(G, "522601-G-ZON01", "gas")]
    return SimpleNamespace(
        sensors={s.id: s for s in sensors},
        zones={z.id: z for z in zones},
        assets={},
        fences={},
        profiles={},
        policies={},
        duty=DutyBook(),
        changes=1,
    )


def record(value: bytes, offset: int = 0, topic: str = "readings.raw.water", timestamp: int = MS) -> Any:
    return SimpleNamespace(
        topic=topic, partition=0, offset=offset, key=None, value=value, headers=(), timestamp=timestamp
    )


def run(logic: PackLogic, *values: bytes, topic: str = "readings.raw.water") -> Outbox:
    out = Outbox("packer-0", {})
    for k, value in enumerate(values):
        logic.apply(record(value, k, topic), out)
    logic.flush(out)
    return out


@pytest.fixture
def logic() -> PackLogic:
    made = PackLogic(Settings(env={}), registry(), lambda: True, lambda: NOW)
    made.idle(Outbox("x", {}))  # the first ticks are out
    return made


def one(name: str, ts: int = MS, value: object = 1.0) -> bytes:
    return json.dumps({"sensor": name, "ts": ts, "value": value}).encode()


def rows(out: Outbox) -> list[tuple[str, int, codec.Packed]]:
    return [(t, p, codec.unpack(v or b"")) for t, p, _, v, _ in out.records if t.startswith("readings.water")]


def test_rows_go_to_their_zones_partition_with_contiguous_seq(logic: PackLogic) -> None:
    out = run(logic, one(A), one(B), one(A, MS + 1))
    assert [(p, m.cols.sensors, len(m.cols), m.seq) for _, p, m in rows(out)] == [(1, [A], 2, 0), (3, [B], 1, 0)]
    logic.apply(record(one(A)), out)
    logic.flush(out)
    assert [m.seq for _, p, m in rows(out) if p == 1] == [0, 1]


def test_a_sensor_is_announced_once_and_again_when_it_changes(logic: PackLogic) -> None:
    first, second = rows(run(logic, one(A))), rows(run(logic, one(A)))
    assert [c["id"] for c in first[0][2].cfg] == [A]
    assert second[0][2].cfg == []
    logic.registry.sensors[A] = sensor(A, "522601-W-DMA01", version=2)  # type: ignore[index]
    assert rows(run(logic, one(A)))[0][2].cfg[0]["version"] == 2


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (one("nobody"), "not registered"),
        (one(G), "belongs to gas"),
        (one(A, MS // 1000), "seconds"),
        (one(A, 0), "1970"),
        (one(A, MS + 120_000), "future"),
        (one(A, MS - 8 * 86_400_000), "older than 7 days"),
        (b"{", "bad JSON"),
    ],
)
def test_rejects_carry_the_original_and_the_reason(logic: PackLogic, value: bytes, words: str) -> None:
    out = run(logic, one(A), value, one(B))
    assert sum(len(m.cols) for _, _, m in rows(out)) == 2
    (rejected,) = [r for r in out.records if r[0] == "readings.rejected"]
    headers = dict(rejected[4])
    assert rejected[3] == value
    assert words in headers["reason"].decode()
    assert headers["source"] == b"readings.raw.water"
    assert headers["offset"] == b"1"


def test_rejected_rows_of_a_packed_message_are_named(logic: PackLogic) -> None:
    out = run(logic, codec.pack(from_rows([(A, MS, 1.0), ("nobody", MS, 1.0), (A, 5, 1.0), ("nobody", MS, 2.0)])))
    found = {dict(r[4])["rows"]: dict(r[4])["reason"] for r in out.records if r[0] == "readings.rejected"}
    assert set(found) == {b"1,3", b"2"}
    assert sum(len(m.cols) for _, _, m in rows(out)) == 1


RUN = Settings({"prefix": "run.r1."}, env={})
OLD = 1_470_000_000_000


def replayed(*batches: list[bytes]) -> list[object]:
    """What a run's partition of A is told, in order: (sensor, ms from OLD) or ms from OLD of a tick."""
    logic, out = PackLogic(RUN, registry(), lambda: True, lambda: NOW), Outbox("p", {})
    for batch in batches:
        for value in batch:
            logic.apply(record(value, topic="run.r1.readings.raw.water"), out)
        logic.flush(out)
    said: list[object] = []
    for topic, partition, _, data, _ in out.records:
        assert topic == "run.r1.readings.water", "a rejection"
        m = codec.unpack(data or b"")
        if partition == 1:
            said += [(m.cols.sensors[k], t - OLD) for k, t in zip(m.cols.idx, m.cols.ts_ms.tolist(), strict=True)]
            said += [] if m.tick is None else [m.tick - OLD]
    return said


def test_a_replay_takes_old_times_and_tells_its_time_between_the_rows() -> None:
    minute = 60_000
    rows = [one(A, OLD), one(B, OLD), one(B, OLD + minute), one(B, OLD + 4 * minute), one(A, OLD + 4 * minute)]
    want = [0, (A, 0), minute, 2 * minute, 3 * minute, 4 * minute, (A, 4 * minute)]
    assert replayed(rows) == want
    assert replayed(*([row] for row in rows)) == want, "however it is cut"


def test_the_end_of_a_recording_is_told() -> None:
    end = codec.pack(codec.EMPTY, "replay", 9, tick=OLD + 125_000)
    want = [0, (A, 0), 60_000, 120_000, 125_000]
    assert replayed([one(A, OLD), end]) == want
    assert replayed([one(A, OLD)], [end]) == want


def test_an_endless_gap_is_told_in_ever_longer_steps() -> None:
    ticks = replayed([one(A, OLD), one(A, OLD + 1000 * 60_000)])[2:-1]
    assert [int(t) // 60_000 for t in ticks] == [*range(1, 65), 128, 256, 512, 1000]  # type: ignore[call-overload]


def test_ticks_reach_every_partition_and_a_backlog_holds_them_back() -> None:
    behind = [True]
    logic = PackLogic(Settings(env={}), registry(), lambda: not behind[0], lambda: NOW)
    out = Outbox("p", {})
    logic.idle(out)
    assert out.records == [], "no time while there may be a backlog"
    logic.apply(record(one(A, MS - 5_000), timestamp=MS - 4_000), out)
    logic.flush(out)
    ticks = [codec.unpack(v or b"").tick for t, _, _, v, _ in out.records if t == "readings.gas"]
    assert ticks == [MS - 4_000] * 4
    behind[0] = False
    out = Outbox("p", {})
    logic.idle(out)
    assert {codec.unpack(v or b"").tick for _, _, _, v, _ in out.records} == {MS}
    assert len(out.records) == 16


def test_a_retired_sensor_is_refused_and_its_partition_is_told_once(logic: PackLogic) -> None:
    run(logic, one(A))
    logic.registry.sensors[A] = sensor(A, "522601-W-DMA01", version=2, retired=True)  # type: ignore[index]
    logic.registry.changes = 2  # type: ignore[misc]
    out = run(logic, one(A))
    (rejected,) = [r for r in out.records if r[0] == "readings.rejected"]
    assert "is retired" in dict(rejected[4])["reason"].decode()
    logic._tick_ms = 0
    first, out = Outbox("p", {}), Outbox("p", {})
    logic.idle(first)
    told = [(p, c["id"], c["retired"]) for t, p, m in rows(first) for c in m.cfg]
    assert told == [(1, A, True)]
    logic._tick_ms = 0
    logic.idle(out)
    assert [m.cfg for _, _, m in rows(out) if m.cfg] == []


def test_a_zone_on_a_partition_that_is_not_there_is_refused(logic: PackLogic) -> None:
    logic.registry.zones["522601-W-DMA01"] = Zone(  # type: ignore[index]
        id="522601-W-DMA01", domain="water", county="522601", partition=4
    )
    (rejected,) = [r for r in run(logic, one(A)).records if r[0] == "readings.rejected"]
    assert "is on partition 4, there are 4" in dict(rejected[4])["reason"].decode()


def test_many_unknown_sensors_of_a_message_are_one_reject(logic: PackLogic) -> None:
    value = codec.pack(from_rows([(f"nobody-{k}", MS, 1.0) for k in range(50)]))
    (rejected,) = [r for r in run(logic, value).records if r[0] == "readings.rejected"]
    headers = dict(rejected[4])
    assert headers["reason"].decode().endswith("(and 49 more like it)")
    assert headers["rows"] == ",".join(map(str, range(50))).encode()


def fence(name: str, **more: Any) -> Fence:
    return Fence(id=name, name_zh="学校", kind="school", shape=Circle(107.98, 26.58, 200.0), **more)


def told(out: Outbox) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """cfg records by (topic, partition)."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for topic, partition, _, value, _ in out.records:
        if topic.startswith("readings.") and topic != "readings.rejected":
            found.setdefault((topic, partition), []).extend(codec.unpack(value or b"").cfg)
    return found


def test_fences_and_profiles_are_told_to_every_partition_once() -> None:
    there = registry()
    there.fences["S1"] = fence("S1")
    there.profiles["gas"] = ProfileFile(domain="gas", toml="")
    now = [NOW]
    logic = PackLogic(Settings(env={}), there, lambda: True, lambda: now[0])
    logic.idle(first := Outbox("x", {}))
    got = told(first)
    assert len(got) == 16
    assert all([(r["type"], r.get("id", r.get("domain"))) for r in rows] == [("profiles", "gas"), ("fence", "S1")]
               for rows in got.values())  # fmt: skip
    now[0] += 2
    there.fences["S1"] = fence("S1", version=2)
    there.changes += 1
    logic.idle(second := Outbox("x", {}))
    assert {r["version"] for rows in told(second).values() for r in rows if r["type"] == "fence"} == {2}
    other = PackLogic(Settings(env={}), there, lambda: True, lambda: now[0], common=False)
    other.idle(none := Outbox("y", {}))
    assert not any(told(none).values())


def test_what_is_known_goes_before_the_first_rows() -> None:
    there = registry()
    there.fences["S1"] = fence("S1")
    out = run(PackLogic(Settings(env={}), there, lambda: False, lambda: NOW), one(A))
    kinds = [
        r["type"]
        for t, p, _, v, _ in out.records
        if (t, p) == ("readings.water", 1)
        for r in codec.unpack(v or b"").cfg
    ]
    assert kinds == ["fence", "sensor"]


def test_what_was_told_is_told_again_within_an_hour() -> None:
    there = registry()
    there.fences.update({f"S{k}": fence(f"S{k}") for k in range(100)})
    now = [NOW]
    logic = PackLogic(Settings(env={}), there, lambda: True, lambda: now[0])
    logic.idle(Outbox("x", {}))
    again: set[str] = set()
    for _ in range(1800):
        now[0] += 2
        logic.idle(out := Outbox("x", {}))
        again |= {r["id"] for r in told(out)["readings.gas", 2]}
    assert again == set(there.fences)


def test_assets_are_told_to_every_partition_of_the_alerts_once_and_when_they_change() -> None:
    there = registry()
    valve = "522601-W-VLV-000001"
    there.assets[valve] = Asset(id=valve, domain="water", kind="valve", unit_code="522601")
    now = [NOW]
    logic = PackLogic(Settings(env={}), there, lambda: True, lambda: now[0])

    def news() -> list[tuple[int, int]]:
        now[0] += 2
        logic.idle(out := Outbox("x", {}))
        rows = [(p, v) for topic, p, key, v, _ in out.records if (topic, key) == ("detections", config.KEY)]
        return [(p, a.version) for p, v in rows for a in config.decode(v or b"").assets]

    assert news() == [(p, 1) for p in range(4)]
    assert news() == []
    there.assets[valve] = replace(there.assets[valve], version=2)
    there.changes += 1
    assert news() == [(p, 2) for p in range(4)]


def test_policies_are_told_to_every_partition_of_the_alerts_once_and_when_they_change() -> None:
    there = registry()
    there.policies["522600"] = replace(default_policy(), version=1)
    now = [NOW]
    logic = PackLogic(Settings(env={}), there, lambda: True, lambda: now[0])

    def news(packer: PackLogic) -> list[tuple[int, int]]:
        now[0] += 2
        packer.idle(out := Outbox("x", {}))
        rows = [(p, v) for topic, p, key, v, _ in out.records if (topic, key) == ("detections", config.KEY)]
        return [(p, policy.version) for p, v in rows for policy in config.decode(v or b"").policies]

    assert news(logic) == [(p, 1) for p in range(4)]
    assert news(logic) == []
    there.policies["522600"] = replace(default_policy(), version=2, removed=True)
    assert news(logic) == [(p, 2) for p in range(4)]
    assert news(PackLogic(Settings(env={}), there, lambda: True, lambda: now[0], common=False)) == []


def test_duty_is_told_to_every_partition_of_the_alerts_without_numbers() -> None:
    there = registry()
    there.duty.put(Person(id="li", name="李", place="522601", contacts=(Contact("sms", "13900000000"),)))
    there.duty.put(Roster(id="522601", room=(Contact("voice", "08550000000"),)))
    now = [NOW]
    logic = PackLogic(Settings(env={}), there, lambda: True, lambda: now[0])

    def news() -> list[tuple[int, bytes]]:
        now[0] += 2
        logic.idle(out := Outbox("x", {}))
        return [(p, v or b"") for topic, p, key, v, _ in out.records if (topic, key) == ("detections", config.KEY)]

    sent = news()
    assert [p for p, _ in sent] == [0, 1, 2, 3]
    assert all(b"0000000" not in value for _, value in sent)
    (li, roster) = config.decode(sent[0][1]).duty
    assert (li.id, roster.id) == ("li", "522601")
    assert isinstance(li, Person)
    assert isinstance(roster, Roster)
    assert (li.contacts, roster.room) == ((Contact("sms"),), (Contact("voice"),))
    assert news() == []
    there.duty.put(Roster(id="522601", version=2, removed=True))
    there.changes += 1
    (ended,) = config.decode(news()[0][1]).duty
    assert (ended.id, ended.version, ended.removed) == ("522601", 2, True)


def test_an_asset_that_is_gone_is_told_as_retired() -> None:
    there = registry()
    valve = "522601-W-VLV-000001"
    there.assets[valve] = Asset(id=valve, domain="water", kind="valve", unit_code="522601")
    logic = PackLogic(Settings(env={}), there, lambda: True, lambda: NOW)
    logic.idle(Outbox("x", {}))
    del there.assets[valve]
    there.changes += 1
    logic._tick_ms = 0
    logic.idle(out := Outbox("x", {}))
    told = [
        a
        for t, _, key, v, _ in out.records
        if (t, key) == ("detections", config.KEY)
        for a in config.decode(v or b"").assets
    ]
    assert [(a.id, a.retired, a.version) for a in told] == [(valve, True, 2)] * 4
