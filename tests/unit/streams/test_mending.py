"""Mending refused rows: names, times, values; what cannot be read keeps its reason; bad mappings are one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streams import codec
from streams.columns import from_rows
from streams.errors import UsageError
from streams.intake.mending import Mend, Scale, Times, mended, read_mend, read_sensors
from streams.intake.rejects import Rejected

T = 1_763_884_800

BEIJING = Times(timezone="Asia/Shanghai")


def item(value: bytes, *rows: int) -> Rejected:
    return Rejected(0, 0, "", "readings.raw.gas", rows, value)


def rows(value: bytes, mend: Mend, *refused: int, sent: tuple[int, ...] = ()) -> list[tuple[int, str, int, float]]:
    got = mended(item(value, *refused), mend, sent)
    return [
        (int(r), got.cols.sensors[i], int(t), float(x))
        for r, i, t, x in zip(got.row, got.cols.idx, got.cols.ts_ms, got.cols.value, strict=True)
    ]


ARRAY = json.dumps([{"sensor": s, "ts": T, "value": v} for s, v in (("a", 1.0), ("b", 2.0), ("c", 3.0))]).encode()
PACKED = codec.pack(from_rows([("a", T, 1.0), ("b", T, 2.0), ("c", T, 3.0)]))


@pytest.mark.parametrize("value", [ARRAY, PACKED])
def test_only_the_refused_rows_that_were_not_sent_are_touched(value: bytes) -> None:
    mend = Mend(sensors={"c": "d"}, ts=Times(1000, 7), value=Scale(2, 1), values={"d": Scale(10)})
    assert rows(value, mend, 0, 2) == [(0, "a", T * 1000 + 7, 3.0), (2, "d", T * 1000 + 7, 30.0)]
    assert rows(value, mend, 0, 2, sent=(0,)) == [(2, "d", T * 1000 + 7, 30.0)]
    assert rows(value, mend, 0, 2, sent=(0, 2)) == []
    assert len(rows(value, Mend())) == 3


@pytest.mark.parametrize(
    ("reading", "mend", "ts", "value"),
    [
        ({"sensor": "a", "ts": T + 0.25, "value": 1}, Mend(ts=Times(1000)), T * 1000 + 250, 1.0),
        ({"sensor": "a", "ts": str(T), "value": "1.5"}, Mend(ts=Times(1000)), T * 1000, 1.5),
        ({"id": "a", "time": T * 1000, "v": 2}, Mend(fields={"sensor": "id", "ts": "time", "value": "v"}), T * 1000, 2),
        ({"sensor": "a", "ts": "2025-11-23T16:00:00", "value": 1}, Mend(ts=BEIJING), T * 1000, 1),
        ({"sensor": "a", "ts": "2025-11-23T08:00:00Z", "value": 1}, Mend(ts=Times(shift_ms=-5)), T * 1000 - 5, 1),
    ],
)  # fmt: skip
def test_what_json_devices_get_wrong(reading: dict[str, Any], mend: Mend, ts: int, value: float) -> None:
    assert rows(json.dumps(reading).encode(), mend) == [(0, "a", ts, value)]


def test_lines_are_counted_as_the_packer_counts_them_and_bad_ones_keep_their_reason() -> None:
    lines = b'{"sensor":"a","ts":1763884800000,"value":"x"}\n\n{oops\n{"sensor":"a","ts":1763884800000,"value":3}\n'
    assert set(codec.decode([lines]).row.tolist()) == {2}
    got = mended(item(lines), Mend())
    assert (got.row.tolist(), got.left) == ([2], {"value is text, not a number": [0], "bad JSON in this line": [1]})
    assert mended(item(lines, 0), Mend()).left == {"value is text, not a number": [0]}, "row 1 has its own record"
    assert mended(item(b"junk"), Mend()).left == {"neither JSON nor a packed message": []}
    assert len(mended(item(b""), Mend()).cols) == len(mended(item(b"\x85junk"), Mend()).cols) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ts]\nfactor = 'x'", "Expected `float`, got `str`, at `ts.factor`"),
        ("[ts]\nfactor = 0", "ts.factor is 0.0; want a number above 0"),
        ("[ts]\ntimezone = 'Mars/Dust'", "timezone 'Mars/Dust' is unknown"),
        ("[value]\nfactor = 0", "value: want a factor other than 0"),
        ("[values.a]\noffset = inf", "values.a: want a factor other than 0, and finite numbers"),
        ("[fields]\nname = 'id'", "fields.name: a reading has sensor, ts, value"),
        ("domain = 'heat'", "domain 'heat': want one of water"),
        ("colour = 1", "unknown field `colour`"),
        ("[", "is no TOML"),
    ],
)
def test_a_bad_mapping_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mend.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError) as error:
        read_mend(file)
    assert str(error.value).startswith(f"{file}: ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alt,neu\n", "line 1: want the columns old and new, found alt, neu"),
        ("old,new\na,\n", "line 2: new is empty"),
        ("old,new\na\n", "line 2: new is empty"),
        ("old,new\na,b\na,c\n", "line 3: a is there already, as b"),
    ],
)
def test_a_bad_table_of_sensors(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "ids.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError) as error:
        read_sensors(file)
    assert said in str(error.value)
    file.write_text("old,new\n a , b \n", "utf-8-sig")
    assert read_sensors(file) == {"a": "b"}
    with pytest.raises(UsageError, match="no such file"):
        read_sensors(tmp_path / "nowhere.csv")
