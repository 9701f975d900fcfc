"""Wire format of readings: every kind of bad input has a defined outcome and a reason."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from streams.codec import CodecError, Columns, concat, decode, from_rows, pack, parse_ts, unpack

GOOD = b'{"sensor":"522601-W-PRS-000123","ts":1763884800123,"value":41.7}'


def test_packed_round_trip_keeps_every_column() -> None:
    cols = Columns(
        ["a", "b"],
        np.array([0, 1, 1], np.int32),
        np.array([1, 2, 3], np.int64),
        np.array([1.5, 2.5, -3.0]),
        ["flow"],
        np.array([-1, 0, 0], np.int16),
        np.array([107.9, np.nan, 108.0]),
        np.array([26.5, np.nan, 26.6]),
        np.array([5.0, np.nan, 3.0], np.float32),
        np.array([0, 1, 2], np.uint8),
    )
    packed = unpack(pack(cols, "me", 3, [{"id": "a"}], 99))
    assert (packed.src, packed.seq, packed.cfg, packed.tick) == ("me", 3, [{"id": "a"}], 99)
    for name in ("idx", "ts_ms", "value", "metric_idx", "lon", "lat", "accuracy", "quality"):
        np.testing.assert_array_equal(getattr(packed.cols, name), getattr(cols, name))
    assert packed.cols.metrics == ["flow"]


@pytest.mark.parametrize(
    ("value", "rows", "words"),
    [
        (b"", (), "empty message"),
        (b"   ", (), "empty message"),
        (b"[]", (), "no rows"),
        (b"hello", (), "neither JSON"),
        (GOOD[:-5], (), "bad JSON"),
        (b'{"sensor":"a","ts":1763884800123,"value":"41.7"}', (0,), "value is text"),
        (b'{"sensor":"a","ts":1763884800123,"value":null}', (0,), "value is missing"),
        (b'{"sensor":"a","ts":1763884800123,"value":true}', (0,), "true/false"),
        (b'{"sensor":"a","value":1}', (0,), "ts is missing"),
        (b'{"ts":1763884800123,"value":1}', (0,), "sensor is missing"),
        (b'{"sensor":7,"ts":1763884800123,"value":1}', (0,), "sensor"),
        (b'{"sensor":"a","ts":"yesterday","value":1}', (0,), "neither epoch milliseconds nor RFC 3339"),
        (b'{"sensor":"a","ts":"2026-01-01T00:00:00","value":1}', (0,), "no time zone"),
        (b'{"sensor":"a","ts":1e300,"value":1}', (0,), "outside any calendar"),
        (b'{"sensor":"a","ts":1763884800123,"value":1,"quality":"fine"}', (0,), "quality"),
        (b"[1,2]", (0, 1), "a reading is an object"),
        (b'"\x80"', (), "neither JSON"),
        (b'{"sensor":"\x80","ts":1763884800123,"value":1}', (), "bad JSON"),
        (b"\x82\xa1v\x01\xa3src\xa1\x80", (), "not msgpack"),
        (b"\x81\xa1v", (), "truncated"),
        (pack(from_rows([("a", 1, 1.0)]))[:-3], (), "truncated"),
        (pack(from_rows([])), (), "no rows"),
        (pack(from_rows([("a", 1, float("nan")), ("b", 1, float("inf"))])), (0, 1), "not a finite number"),
        (b"\x00" * 16, (), "neither JSON"),
        (b"{" + b" " * (9 * 1024 * 1024) + b"}", (), "at most"),
        (b"[" * 100_000, (), "JSON"),
    ],
)
def test_bad_messages_are_rejected_with_a_reason(value: bytes, rows: tuple[int, ...], words: str) -> None:
    decoded = decode([GOOD, value, GOOD])
    assert len(decoded.cols) == 2, "the good neighbours must pass"
    assert decoded.message.tolist() == [0, 2]
    assert {(r.index, r.rows) for r in decoded.rejects} == {(1, rows)}
    assert all(words in r.reason for r in decoded.rejects), decoded.rejects


def test_bad_row_leaves_its_neighbours() -> None:
    lines = b'{"sensor":"a","ts":1763884800123,"value":1}\nnot json\n{"sensor":"b","ts":1763884800123,"value":2}\n'
    decoded = decode([lines])
    assert decoded.cols.sensors == ["a", "b"]
    assert decoded.row.tolist() == [0, 2]
    assert [(r.rows, r.reason) for r in decoded.rejects] == [((1,), "bad JSON in this line")]


def test_singles_and_mixtures_give_the_same_columns() -> None:
    rows = [("a", 1763884800000 + k, k / 7) for k in range(50)]
    singles = [json.dumps({"sensor": s, "ts": t, "value": v}).encode() for s, t, v in rows]
    array = json.dumps([{"sensor": s, "ts": t, "value": v} for s, t, v in rows]).encode()
    lines = b"\n".join(singles)
    want = from_rows(rows)
    for values in (
        singles,
        [array],
        [lines],
        [pack(want)],
        [*singles[:20], pack(from_rows(rows[20:40])), lines[-1:] and b"[" + b",".join(singles[40:]) + b"]"],
    ):
        got = decode(values).cols
        assert got.sensors == want.sensors
        np.testing.assert_array_equal(got.ts_ms, want.ts_ms)
        np.testing.assert_array_equal(got.value, want.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"v": 2}, "version"),
        ({"i": b"\x00\x00\x00"}, "column i"),
        ({"t": b"\x00" * 7}, "column t"),
        ({"x": b""}, "column x"),
        ({"i": b"\x05\x00\x00\x00"}, "outside"),
        ({"i": b"\xff\xff\xff\xff"}, "outside"),
        ({"lon": b"\x00" * 4}, "column lon"),
        ({"s": "a"}, "packed message"),
        ({"m": ["x"], "mi": b"\x07\x00"}, "metric"),
    ],
)
def test_packed_columns_must_agree(change: dict[str, object], words: str) -> None:
    wire = msgspec.msgpack.decode(pack(from_rows([("a", 1, 1.0)])))
    with pytest.raises(CodecError, match=words):
        unpack(msgspec.msgpack.encode({**wire, **change}))


def test_parse_ts_takes_both_forms() -> None:
    assert parse_ts(1767225600000) == parse_ts("2026-01-01T00:00:00Z") == parse_ts("2026-01-01T08:00:00+08:00")


def test_concat_fills_missing_columns() -> None:
    plain = from_rows([("a", 1, 1.0)])
    placed = Columns(["b"], plain.idx, plain.ts_ms, plain.value, lon=np.array([107.0]), lat=np.array([26.0]))
    both = concat([plain, placed])
    assert both.sensors == ["a", "b"]
    assert both.lon is not None
    assert np.isnan(both.lon[0])
    assert both.lon[1] == 107.0
