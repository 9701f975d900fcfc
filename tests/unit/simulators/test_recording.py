"""Recordings: every form that is read, chunks that do not matter, and each fault in one sentence."""

from __future__ import annotations

import gzip
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from simulators import recording
from simulators.mapping import ColumnMap, with_options
from simulators.recording import Recording
from simulators.replay import slices
from streams.errors import UsageError

WIDE = """Time,Cl,Trueb,note,EVENT
2016-08-03 09:49:00,0.17,,a,False
2016-08-03 09:50:00, 0.18 ,0.2,b,False
2016-08-03 09:51:00,NaN,0.3,c,True
"""
T0 = 1_470_217_740_000  # 2016-08-03T09:49:00Z


def read(path: Path, **options: Any) -> tuple[Recording, list[tuple[str, int, float]]]:
    r = Recording(path, with_options(ColumnMap(), **options))
    rows = [
        (c.names[n], int(t), float(v)) for c in r.chunks() for n, t, v in zip(c.name, c.ts_ms, c.value, strict=True)
    ]
    return r, rows


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_wide_csv_columns_are_found_and_empty_cells_are_gaps(tmp_path: Path) -> None:
    r, rows = read(write(tmp_path / "a.csv", WIDE))
    assert r.mapping.value == ("Cl", "Trueb")
    assert rows == [
        ("Cl", T0, 0.17), ("Cl", T0 + 60_000, 0.18), ("Trueb", T0 + 60_000, 0.2), ("Trueb", T0 + 120_000, 0.3),
    ]  # fmt: skip
    survey = r.survey()
    assert (survey.names, survey.readings, survey.first_ms, survey.last_ms) == (["Cl", "Trueb"], 4, T0, T0 + 120_000)
    assert survey.intervals_s == {"Cl": 60.0, "Trueb": 60.0}


def test_the_end_is_the_last_row_even_without_a_reading(tmp_path: Path) -> None:
    text = WIDE + "2016-08-03 10:30:00,NaN,,d,False\n"
    survey = read(write(tmp_path / "a.csv", text))[0].survey()
    assert (survey.last_ms, survey.until_ms) == (T0 + 120_000, T0 + 41 * 60_000)
    long = "sensor,ts,value\n" + f"a,{T0},1\na,{T0 + 9_000},nan\n"
    assert read(write(tmp_path / "b.csv", long))[0].survey().until_ms == T0 + 9_000


def test_gzip_and_parquet_are_the_same(tmp_path: Path) -> None:
    _, rows = read(write(tmp_path / "a.csv", WIDE))
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(WIDE.encode()))
    assert read(packed)[1] == rows
    ts = pa.array([T0, T0 + 60_000, T0 + 120_000], pa.timestamp("ms"))
    table = pa.table({"Time": ts, "Cl": [0.17, 0.18, None], "Trueb": [None, 0.2, 0.3], "EVENT": [False, False, True]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[1] == rows


def test_long_files_by_name_or_by_option(tmp_path: Path) -> None:
    text = "ts,sensor,value\n1470217740,a,1\n1470217740,b,2\n1470217800,a,\n1470217800,b,4\n"
    r, rows = read(write(tmp_path / "l.csv", text))
    assert r.long
    assert rows == [("a", T0, 1.0), ("b", T0, 2.0), ("b", T0 + 60_000, 4.0)]
    assert r.survey().names == ["a", "b"]
    other = write(tmp_path / "m.csv", text.replace("sensor", "point_name").replace("value", "x"))
    assert read(other, sensor="point_name", value=("x",), format="long")[1] == rows


@pytest.mark.parametrize(
    ("times", "options", "t0"),
    [
        (["2016-08-03T09:49:00Z", "2016-08-03T17:50:00+08:00"], {}, T0),
        (["2016-08-03 17:49:00", "2016-08-03 17:50:00.000000"], {"timezone": "Asia/Shanghai"}, T0),
        (["1470217740000", "1470217800000"], {}, T0),
        (["1470217740.0", "1470217800.0"], {}, T0),
        (["2016/08/03 09:49", "2016/08/03 09:50"], {}, T0),
        (["03/08/16 09:49", "03/08/16 09:50"], {"time_format": "%d/%m/%y %H:%M"}, T0),
    ],
)
def test_forms_of_time(tmp_path: Path, times: list[str], options: dict[str, str], t0: int) -> None:
    file = write(tmp_path / "t.csv", "timestamp,value\n" + "".join(f"{t},1\n" for t in times))
    assert [t for _, t, _ in read(file, **options)[1]] == [t0, t0 + 60_000]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", {}, "has no rows"),
        ("Time,a\n", {}, "has no rows"),
        ("x,a\n1,2\n", {}, r"name it with --time-column \(columns: x, a\)"),
        (WIDE, {"time_column": "Tiem"}, r"no column 'Tiem'; it has columns: Time, Cl, Trueb"),
        (WIDE, {"value": ("Chlor",)}, "no column 'Chlor'"),
        (WIDE, {"value": ("note",)}, "row 1, column note: 'a' is not a number"),
        ("Time,a\n2016-01-01,x\n", {}, "no column holds numbers"),
        ("Time,a\n2016-01-02,1\n2016-01-01,2\n", {}, "row 2 is earlier than the row before it; sort the file by Time"),
        ("Time,a\n2016-01-01T00:00:00Z,1\n2016-01-01T01:00:00,2\n", {}, r"with and without a time zone.*\(row 2\)"),
        ("Time,a\n01/02/16,1\n", {}, "'01/02/16' is no ISO 8601 time; say how it is written with --time-format"),
        ("Time,a\n01/02/16,1\nx,1\n", {"time_format": "%d/%m/%y"}, "row 2, 'x', does not fit the format"),
        ("Time,a\n2016-01-01,1\n,2\n", {}, "is no ISO 8601 time|has no time"),
        ("Time,a\n17,1\n18,2\n", {}, "no ISO 8601|no epoch"),
        ("Time,a\n2016-01-01,1\n", {"timezone": "Mars/Phobos"}, "--timezone Mars/Phobos: no such time zone"),
        ("Time,a,a\n2016-01-01,1,2\n", {}, "two columns are named 'a'"),
        ("Time,a\n2016-01-01,1,2,3\n", {}, "cannot be read as CSV"),
        ("Time,a\n2016-01-01,\n", {"value": ("a",)}, "has no values in a"),
        ("Time,sensor,value\n2016-01-01,a,1\n", {"format": "long", "value": ("Time", "value")}, "one --value-column"),
    ],
)
def test_faults_are_one_sentence(tmp_path: Path, text: str, options: dict[str, Any], said: str) -> None:
    file = write(tmp_path / "bad.csv", text)
    with pytest.raises(UsageError, match=said) as error:
        Recording(file, with_options(ColumnMap(), **options)).survey()
    assert "\n" not in str(error.value)


def test_unreadable_files(tmp_path: Path) -> None:
    whole = gzip.compress(WIDE.encode() * 2000)
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nonsense")
    (tmp_path / "noise.csv").write_bytes(bytes(range(256)) * 40)
    for name, said in (
        ("none.csv", "no such file"),
        ("cut.csv.gz", "cannot be read|earlier than"),
        ("bad.parquet", "cannot be read"),
        ("noise.csv", "cannot be read|no column looks like a time"),
    ):
        with pytest.raises(UsageError, match=said) as error:
            Recording(tmp_path / name, ColumnMap()).survey()
        assert name in str(error.value)
    with pytest.raises(UsageError, match="is a folder"):
        Recording(tmp_path, ColumnMap())


def test_chunks_do_not_matter_and_memory_stays_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    n = 250_000
    stamps = np.datetime_as_string(np.datetime64("2020-01-01") + np.arange(n).astype("m8[s]"))
    lines = [f"{t},{a:.4f},{b:.4f}\n" for t, a, b in zip(stamps, rng.normal(size=n), rng.normal(size=n), strict=True)]
    file = write(tmp_path / "big.csv", "Time,a,b\n" + "".join(lines))
    del lines, stamps
    total = 0.0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = 0
    for chunk in Recording(file, ColumnMap()).chunks():
        total += float(chunk.value.sum())
        count += len(chunk.ts_ms)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KB; the file is 9 MB
    assert count == 2 * n
    monkeypatch.setattr(recording, "BLOCK", 1 << 17)
    again = sum(float(c.value.sum()) for c in Recording(file, ColumnMap()).chunks())
    assert again == pytest.approx(total)


def test_slices_cover_every_row_once() -> None:
    ts = np.sort(np.random.default_rng(2).integers(0, 10**6, 9_000))
    for slice_ms in (0, 1, 5_000):
        got = slices(ts, slice_ms)
        assert [a for a, _ in got] == [0, *[b for _, b in got[:-1]]]
        assert got[-1][1] == len(ts)
        assert all(b - a <= 2000 for a, b in got)
        if slice_ms:
            assert all(ts[b - 1] - ts[a] < slice_ms for a, b in got)
