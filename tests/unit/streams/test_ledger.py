"""What a ledger does with records, without Kafka: skipping, holes, poison, replay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from streams.chunk import make
from streams.ledger import Ledger
from streams.outbox import Outbox, Record, stamp
from streams.settings import Settings


class Sum:
    """Adds up numbers; a word is poison."""

    linger_ms = 0

    def __init__(self) -> None:
        self.total = 0

    def restore(self, state: Mapping[bytes, bytes]) -> dict[str, int]:
        return {"in": 0}

    def apply(self, record: Record, out: Outbox) -> None:
        self.total += int(record.value or b"")
        out.send("out", 0, b"%d" % self.total)

    def flush(self, out: Outbox) -> None: ...

    def idle(self, out: Outbox) -> None: ...

    def snapshot(self, out: Outbox, pos: Mapping[str, int]) -> None: ...


def record(offset: int, value: bytes, seq: int | None = None) -> Any:
    headers = [] if seq is None else [("src", b"s"), ("seq", b"%d" % seq)]
    return SimpleNamespace(topic="in", partition=0, offset=offset, timestamp=0, key=None, value=value, headers=headers)


@pytest.fixture
async def ledger(monkeypatch: pytest.MonkeyPatch) -> tuple[Ledger, list[Outbox], dict[int, Any]]:
    """A ledger whose transactions are kept in a list, and a source log that `read_range` reads."""
    made = Ledger(Settings(env={}), "alerts", 0, Sum, lambda: None, sources=["in", "quiet"])
    made.logic = Sum()
    sent: list[Outbox] = []
    log: dict[int, Any] = {}

    async def commit(out: Outbox, applied: Any) -> None:
        sent.append(out)

    async def read(tp: Any, start: int, end: int | None) -> AsyncIterator[Any]:
        for offset in sorted(log):
            if tp.topic == "in" and start <= offset and (end is None or offset < end):
                yield log[offset]

    monkeypatch.setattr(made._transactions, "commit", commit)
    monkeypatch.setattr(made._range, "read", read)
    return made, sent, log


Parts = tuple[Ledger, list[Outbox], dict[int, Any]]


async def test_what_was_applied_is_skipped(ledger: Parts) -> None:
    made, sent, _ = ledger
    await made._apply([record(0, b"1"), record(1, b"2")])
    await made._apply([record(1, b"2"), record(2, b"4")])
    assert made.logic.total == 7  # type: ignore[attr-defined]
    assert [[v for _, _, _, v, _ in out.records] for out in sent] == [[b"1", b"3"], [b"7"]]
    assert [dict(h)["seq"] for out in sent for *_, h in out.records] == [b"0", b"1", b"2"]


async def test_a_hole_in_a_senders_numbers_is_read_again(ledger: Parts) -> None:
    made, _, log = ledger
    log.update({k: record(k, b"1", seq=k) for k in range(5)})
    await made._apply([log[0]])
    await made._apply([log[4]])
    assert made.logic.total == 5  # type: ignore[attr-defined]
    assert made.applied.pos == {"in": 5}


async def test_poison_is_rejected_with_its_bytes_and_stops_nothing(ledger: Parts) -> None:
    made, sent, _ = ledger
    await made._apply([record(0, b"1"), record(1, b"poison"), record(2, b"2")])
    assert made.logic.total == 3  # type: ignore[attr-defined]
    (rejected,) = [r for r in sent[0].records if r[0] == "readings.rejected"]
    assert rejected[3] == b"poison"
    assert b"ValueError" in dict(rejected[4])["reason"]


async def test_replay_brings_state_to_where_it_was_poison_included(ledger: Parts) -> None:
    made, sent, log = ledger
    log.update({k: record(k, v) for k, v in enumerate((b"1", b"poison", b"2", b"40"))})
    made.applied.pos = {"in": 3}
    await made._replay({"in": 0})
    assert made.logic.total == 3  # type: ignore[attr-defined]
    assert sent == []


@pytest.mark.parametrize("headers", [[("seq", None)], [("src", None)], [("seq", b"9" * 5000)], [("seq", b"x")]])
def test_foreign_headers_are_no_stamp(headers: list[Any]) -> None:
    odd = SimpleNamespace(topic="detections", headers=headers)
    assert stamp(odd)[1] is None  # type: ignore[arg-type]
    raw = SimpleNamespace(topic="readings.raw.gas", headers=[("src", b"x"), ("seq", b"1")])
    assert stamp(raw) == ("", None)  # type: ignore[arg-type]


async def test_a_jump_over_records_without_number_is_read_again(ledger: Parts) -> None:
    made, _, log = ledger
    log.update({k: record(k, b"1") for k in range(6)})
    await made._apply([log[0]])
    del log[3]  # a transaction's marker
    await made._apply([log[5]])
    assert made.logic.total == 5  # type: ignore[attr-defined]


async def test_the_last_record_jumped_over_is_found_without_a_next_one(ledger: Parts) -> None:
    made, _, log = ledger
    made._clock = lambda: 10.0
    made._listen()
    made._clock = lambda: 20.0
    log[4] = record(4, b"1", seq=0)
    await made._apply([log[4]])
    log[5] = record(5, b"2", seq=1)
    assert await made._collect() == []  # "quiet" is looked at; "in" was heard
    made._listen()  # a rebalance
    made._clock = lambda: 30.0
    assert await made._collect() == [log[5]]


async def test_a_chunk_is_applied_from_where_the_ledger_stands(ledger: Parts) -> None:
    made, _, _ = ledger
    applied: list[list[int]] = []
    made.logic.apply = lambda r, out: applied.append([x.offset for x in r.records])  # type: ignore[method-assign, attr-defined]
    chunk = make("in", 0, [record(k, b"1") for k in range(5)])
    made.applied.pos = {"in": 3}
    await made._apply([chunk])
    await made._apply([chunk])
    assert applied == [[3, 4]]
    assert made.applied.pos == {"in": 5}


async def test_a_ledger_stopped_before_it_opened_keeps_nobody_waiting(ledger: Parts) -> None:
    made, _, _ = ledger
    await made.stop()
    assert made.ready.done()


async def test_a_clean_stop_leaves_a_snapshot_of_what_was_applied(ledger: Parts) -> None:
    made, sent, _ = ledger
    made.logic.snapshot = lambda out, pos: out.put(b"snapshot", b"%d" % pos["in"])  # type: ignore[method-assign]
    await made._apply([record(0, b"1"), record(1, b"2")])
    await made._farewell()
    assert sent[-1].state == {b"snapshot": b"2"}


@pytest.mark.parametrize(("rebuild_s", "total"), [(7200.0, 4), (0.0, 7)])
async def test_state_without_snapshot_is_rebuilt_from_a_window(
    ledger: Parts, monkeypatch: pytest.MonkeyPatch, rebuild_s: float, total: int
) -> None:
    made, _, log = ledger
    made.settings = Settings({"rebuild_s": rebuild_s}, env={})

    async def offset_at(tp: Any, time_ms: int) -> int:
        return 2

    monkeypatch.setattr(made._range, "offset_at", offset_at)
    log.update({k: record(k, v) for k, v in enumerate((b"1", b"2", b"4"))})
    made.applied.pos = {"in": 3}
    await made._replay({})
    assert made.logic.total == total  # type: ignore[attr-defined]
