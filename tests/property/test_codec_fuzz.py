"""Whatever bytes come, `decode` raises nothing and accounts for every message: rows, a reject, or both."""

from __future__ import annotations

import json

from hypothesis import given, strategies as st

from streams.codec import decode, from_rows, pack

GOOD = json.dumps({"sensor": "s", "ts": 1_763_884_800_000, "value": 1.5}).encode()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "sensor": json_values,
        "ts": json_values | st.just(1_763_884_800_000),
        "value": json_values,
        "quality": json_values,
        "lon": json_values,
        "metric": json_values,
    },
)
packed = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2**62), st.floats()), min_size=1, max_size=20).map(
    lambda rows: pack(from_rows(rows), "src", 1)
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good message with a piece cut off, a byte changed, or two glued together."""
    value = draw(packed | st.just(GOOD))
    at = draw(st.integers(0, len(value) - 1))
    how = draw(st.sampled_from(["cut", "flip", "glue", "whole"]))
    if how == "cut":
        return value[:at]
    if how == "flip":
        return value[:at] + bytes([value[at] ^ draw(st.integers(1, 255))]) + value[at + 1 :]
    return value + GOOD if how == "glue" else value


messages = st.one_of(
    st.binary(max_size=60),
    json_values.map(lambda v: json.dumps(v).encode()),
    fields.map(lambda v: json.dumps(v).encode()),
    st.lists(fields, max_size=4).map(lambda v: b"\n".join(json.dumps(x).encode() for x in v)),
    damaged(),
    st.just(GOOD),
)


@given(st.lists(messages, max_size=12))
def test_every_message_is_accounted_for(values: list[bytes]) -> None:
    decoded = decode(values)
    told = set(decoded.message.tolist()) | {r.index for r in decoded.rejects}
    assert told == set(range(len(values)))
    assert len(decoded.cols) == len(decoded.message) == len(decoded.row)
    assert all(r.reason for r in decoded.rejects)
    for r in decoded.rejects:
        rows = set(decoded.row[decoded.message == r.index].tolist())
        assert not rows & set(r.rows), "a row is taken or refused, never both"
        assert r.rows or not rows, "a message refused as a whole gives no rows"


@given(st.lists(messages, max_size=8), st.integers(0, 8))
def test_neighbours_do_not_change_a_message(values: list[bytes], cut: int) -> None:
    together = decode(values)
    apart = [decode(values[:cut]), decode(values[cut:])]
    assert len(together.cols) == sum(len(d.cols) for d in apart)
    assert len(together.rejects) == sum(len(d.rejects) for d in apart)
