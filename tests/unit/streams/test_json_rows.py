"""The fast and the careful way of reading JSON give the same columns, rows and reasons."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given, strategies as st

from streams import json_rows
from streams.columns import Columns
from streams.packed import CodecError

COLUMNS = ("idx", "ts_ms", "value", "metric_idx", "lon", "lat", "accuracy", "quality")
plain = {"sensor": st.sampled_from(["a", "b", "乙"]), "ts": st.integers(0, 2**41), "value": st.floats(-1e9, 1e9)}
odd = {
    "ts": st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01", 1.5e12, None, 2**63, 10**400]),
    "value": st.sampled_from([None, "1", True, 3, 1e308]),
    "metric": st.sampled_from(["flow", "", None]),
    "lon": st.sampled_from([107.9, None]),
    "quality": st.sampled_from(["good", "bad", "fine", None]),
    "seq": st.integers(0, 9),
    "more": st.just([1]),
}
good_row = st.fixed_dictionaries(plain)
any_row = st.fixed_dictionaries(plain, optional={k: v for k, v in odd.items() if k not in plain})
odd_row = st.fixed_dictionaries({**plain, "ts": st.one_of(plain["ts"], odd["ts"]), "value": odd["value"]})
rows = st.lists(st.one_of(good_row, any_row, odd_row), min_size=1, max_size=6)


def outcome(read: Any, text: bytes) -> Any:
    try:
        cols, row, bad = read(text)
    except CodecError as error:
        return str(error)
    return names(cols), [listed(getattr(cols, c)) for c in COLUMNS], row.tolist(), bad


def names(cols: Columns) -> tuple[list[str], list[str] | None]:
    return cols.sensors, cols.metrics


def listed(column: Any) -> list[str] | None:
    return None if column is None else [repr(v) for v in np.asarray(column).tolist()]


@given(rows, st.sampled_from(["array", "lines", "pretty", "one"]))
def test_both_ways_agree(items: list[dict[str, Any]], form: str) -> None:
    if form == "lines":
        text = "\n".join(json.dumps(r) for r in items)
    else:
        text = json.dumps(items if form != "one" else items[0], indent=1 if form == "pretty" else None)
    body = text.encode()
    assert outcome(json_rows.decode_rows, body) == outcome(lambda b: json_rows._careful(b.strip()), body)


def test_what_is_plain_takes_the_fast_way() -> None:
    row = b'{"sensor":"a","ts":1763884800123,"value":1}'
    for text in (row, b"[%b,%b]" % (row, row), row + b"\r\n" + row + b"\n\n" + row):
        assert json_rows._fast(text) is not None, text
    full = b'{"sensor":"a","ts":"2026-01-01T00:00:00Z","value":1,"quality":"bad","lon":1.5,"seq":3}'
    assert json_rows._fast(full + b"\n" + row) is not None
    for text in (row + row, row + b"," + row, b"[%b,7]" % row, row + b"\n7", b"{}", b"[]", b"x"):
        assert json_rows._fast(text) is None, text
