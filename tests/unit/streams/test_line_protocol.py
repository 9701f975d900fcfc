"""InfluxDB line protocol: sensors, fields, times, escapes; bad lines have reasons; the fast way is the careful one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from streams.columns import Columns
from streams.intake import line_protocol
from streams.intake.line_protocol import parse
from streams.packed import MAX_ROWS, CodecError

NOW = 1_763_884_800_000
NS = f"{NOW}000000"
Row = tuple[str, str, float, int]


def listed(cols: Columns) -> list[Row]:
    """(sensor, metric, value, ts_ms) of each row."""
    metric = [-1] * len(cols) if cols.metric_idx is None else cols.metric_idx.tolist()
    names = [*(cols.metrics or []), ""]
    return [
        (cols.sensors[i], names[m], v, t)
        for i, m, v, t in zip(cols.idx.tolist(), metric, cols.value.tolist(), cols.ts_ms.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        (f"p value=41.7 {NS}", [("p", "", 41.7, NOW)]),
        ("p value=1", [("p", "", 1.0, 7)]),
        (f"m,sensor=p,site=a value=1i {NS}", [("p", "", 1.0, NOW)]),
        (f"m,site=a,sensor=p flow=2u {NS}", [("p", "flow", 2.0, NOW)]),
        ("p a=1,b=-2.5,value=.5e1", [("p", "a", 1.0, 7), ("p", "b", -2.5, 7), ("p", "", 5.0, 7)]),
        (r"m\ 1\,x,sensor=a\=b\ c value=1", [("a=b c", "", 1.0, 7)]),
        (r"a\b value=1", [(r"a\b", "", 1.0, 7)]),
        (r"p a\ b=1", [("p", "a b", 1.0, 7)]),
        ('p s="text, with = and \\" and\nbreak",value=3', [("p", "", 3.0, 7)]),
        ("  p   value=1   5000000  \r", [("p", "", 1.0, 5)]),
        ("# comment\n\n \np value=1", [("p", "", 1.0, 7)]),
        ("p value=1 -1500000", [("p", "", 1.0, -2)]),
        ("压力,sensor=泵站 value=1", [("泵站", "", 1.0, 7)]),
        ("x=1 value=1", [("x=1", "", 1.0, 7)]),
    ],
)
def test_good_lines(line: str, rows: list[Row]) -> None:
    cols, numbers, bad = parse(line.encode(), 7)
    assert listed(cols) == rows
    assert len(numbers) == len(rows)
    assert set(bad) <= {"field s is text, not a number"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("p", "no field"),
        ("p value", "fields cannot be read"),
        ("p value=", "fields cannot be read"),
        ("p value=1,", "fields cannot be read"),
        ("p,t= value=1", "tag cannot be read"),
        (",t=1 value=1", "no field"),
        ("p value=1 12x", "timestamp '12x'"),
        ("p value=1 1.5", "timestamp '1.5'"),
        ("p value=1 5 6", "timestamp '5 6'"),
        ("p value=1 99999999999999999999999999", "outside any calendar"),
        ('p s="open', "fields cannot be read"),
        ('p s="text"', "is text"),
        ("p on=true", "is true/false"),
        ("p value=1_000", "no number"),
        ("p value=nan", "no number"),
        ("p value=0x10", "no number"),
        ("p value=1.5i", "no number"),
        ("p value=1e999", "not a finite number"),
        ("p value=" + "9" * 400 + "i", "not a finite number"),
    ],
)
def test_a_bad_line_leaves_its_neighbours(line: str, words: str) -> None:
    cols, numbers, bad = parse(f"a value=1\n{line}\nb value=2".encode(), 7)
    assert [(s, v) for s, _, v, _ in listed(cols)] == [("a", 1.0), ("b", 2.0)]
    assert numbers.tolist() == [0, 2]
    assert [(words in reason, lines) for reason, lines in bad.items()] == [(True, [1])], bad


@pytest.mark.parametrize(
    ("precision", "ts"), [("ns", NOW * 10**6), ("us", NOW * 1000), ("ms", NOW), ("s", NOW // 1000)]
)
def test_precisions(precision: str, ts: int) -> None:
    for line in (f"p value=1 {ts}", f"p value=1i {ts}"):
        assert parse(line.encode(), 7, precision)[0].ts_ms.tolist() == [NOW]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"p value=1\np\xff value=2", "line 2 is not UTF-8"),
        (b"# only\n\n", "no rows"),
        (b"p value=1\n" * (MAX_ROWS + 1), "more than 100000 rows"),
        (b"p " + b",".join(b"f%d=1" % k for k in range(40_000)), "different fields"),
    ],
)
def test_bodies_that_cannot_be_read(body: bytes, words: str) -> None:
    with pytest.raises(CodecError, match=words):
        parse(body, 7)


def test_long_bad_lines_cost_one_pass() -> None:
    for line in ("a,b=" * 50_000, "a " + "b=1," * 50_000, 'a b="' + "\\" * 100_000, "\\" * 100_001, "a" * 200_000):
        cols, _, bad = parse(f"{line}\np value=1".encode(), 7)
        assert (len(cols), sum(map(len, bad.values()))) == (1, 1)


words = st.text(st.sampled_from('ab,= \\"#\n'), min_size=1, max_size=4)
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1", "1i", ".5", "5.", "1e3", "-0", "1e999", "1.5i", "true", '"a b"', "1_0", "nan", ""]),
)
stamps = st.one_of(st.just(""), st.integers(-(10**20), 10**20).map(lambda t: f" {t}"))
plain = st.sampled_from(["p", "m,sensor=q", "m,a=b,sensor=r,c=d", "m,sensorx=q"])
line = st.one_of(
    st.tuples(plain, st.sampled_from(["value", "flow"]), numbers, stamps).map(lambda t: f"{t[0]} {t[1]}={t[2]}{t[3]}"),
    st.tuples(words, words, numbers, stamps).map(lambda t: f"{t[0]} {t[1]}={t[2]}{t[3]}"),
)


@settings(max_examples=300)
@given(
    st.lists(line, min_size=1, max_size=4),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(list("nums")),
    st.booleans(),
)
def test_the_fast_way_is_the_careful_one(lines: list[str], end: str, unit: str, last: bool) -> None:
    text = end.join(lines) + (end if last else "")
    factors = line_protocol.PRECISIONS[{"m": "ms"}.get(unit, unit)]
    fast = line_protocol._fast(text, NOW, *factors)
    if fast is not None:
        assert shown(fast) == shown(line_protocol._careful(text, NOW, *factors))


def shown(outcome: tuple[Columns, np.ndarray, dict[str, list[int]]]) -> Any:
    return listed(outcome[0]), outcome[1].tolist(), outcome[2]


def test_plain_lines_take_the_fast_way() -> None:
    text = "\n".join(f"pressure,sensor=p{k} value={k}.5 {NS}" for k in range(3))
    for body in (text, text + "\n", text.replace("\n", "\r\n"), "p value=1"):
        assert line_protocol._fast(body, NOW, 1, 10**6) is not None
