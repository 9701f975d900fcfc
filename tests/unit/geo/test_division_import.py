"""A newer table of units: what changed, old codes, encodings, bad rows, the commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from geo import files
from geo.division_change import change
from geo.division_table import read, text_of, write
from geo.divisions import Divisions, Unit, UnitError, in_subtree
from geo.faults import FileRefused
from streams.cli import run

SHIPPED = Divisions.load()
Edit = Callable[[dict[str, Unit]], None]


def _edited(edit: Edit) -> list[Unit]:
    units = {u.code: u for u in SHIPPED}
    edit(units)
    return list(units.values())


def _put(units: dict[str, Unit], code: str, name: str, like: str) -> None:
    units[code] = msgspec.structs.replace(
        SHIPPED.get(like), code=code, name=name, name_en="", parent=code[: len(code) - 3]
    )


def _newer(units: dict[str, Unit]) -> None:
    _put(units, "522601002099", "新建社区居民委员会", "522601002003")
    del units["522601002003"]  # removed
    units["522601002"] = msgspec.structs.replace(units["522601002"], name="大十字新街道")
    for code in [c for c in units if c.startswith("522634001")]:
        unit = units.pop(code)
        _put(units, "522634009" + code[9:], unit.name, code)


def test_added_removed_renamed_and_moved_are_told_apart() -> None:
    found = change(SHIPPED, _edited(_newer))
    assert found.counts() == {"added": 1, "removed": 1, "renamed": 1, "moved": 3}
    assert found.plain()["renamed"] == [{"code": "522601002", "from": "大十字街道", "to": "大十字新街道"}]
    assert {"name": "龙头街道", "from": "522634001", "to": "522634009"} in found.plain()["moved"]
    assert change(SHIPPED, list(SHIPPED)).none


def test_old_codes_still_resolve() -> None:
    table = Divisions(change(SHIPPED, _edited(_newer)).units)
    old = table.get("522634001001")
    assert (old.retired, old.successor) == (True, "522634009001")
    assert table.current("522634001001").code == "522634009001"
    assert table.full_name("522634001001") == "雷山县龙头街道城南社区"
    assert table.path("522601002003")["township"] == "522601002"
    assert table.get("522601002003").successor == ""
    assert table.current("522601002003").code == "522601002003"
    assert "522601002003" in table
    assert "522601002003" not in {u.code for u in table.children("522601002")}
    assert len(table) == len(SHIPPED)
    assert [u.code for u in table.retired()] == ["522601002003", "522634001", "522634001001", "522634001002"]


def test_a_second_import_keeps_the_retired_and_brings_back_what_returns() -> None:
    second = Divisions(change(SHIPPED, _edited(_newer)).units)
    third = Divisions(change(second, list(SHIPPED)).units)
    assert not third.get("522634001").retired
    assert third.get("522634009").retired
    assert third.get("522634009").successor == "522634001"
    fourth = Divisions(change(third, list(SHIPPED)).units)
    assert [u.code for u in fourth.retired()] == [u.code for u in third.retired()]


def test_a_name_that_is_there_twice_has_no_guessed_successor() -> None:
    def edit(units: dict[str, Unit]) -> None:
        name = units.pop("522601002003").name
        _put(units, "522601003098", name, "522601002003")
        _put(units, "522601003099", name, "522601002003")

    found = change(SHIPPED, _edited(edit))
    assert found.counts() == {"added": 2, "removed": 1, "renamed": 0, "moved": 0}


def test_the_file_may_name_the_successor() -> None:
    rows = write(u for u in SHIPPED if u.code != "522601002003").decode()
    rows += "522601002003,苹果山社区居民委员会,,,,,,true,522601002001\n"
    table = Divisions(change(SHIPPED, read(rows.encode(), "t.csv")).units)
    assert table.current("522601002003").code == "522601002001"


@pytest.mark.parametrize("gone", ["522601", "522600"])
def test_a_part_of_the_table_is_refused(gone: str) -> None:
    units = [u for u in SHIPPED if not in_subtree(u.code, gone) or (gone == "522600" and u.code != gone)]
    with pytest.raises(UnitError, match=f"lacks {gone} .*an import replaces the whole table"):
        change(SHIPPED, units)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_every_character_survives_every_encoding(encoding: str) -> None:
    data = write(SHIPPED, encoding)
    back = {u.code: u for u in read(data, "t.csv", encoding)}
    assert back == {u.code: u for u in SHIPPED}
    assert back["522626001"].name == "㵲水街道"
    if encoding == "utf-8-sig":
        assert data.startswith(b"\xef\xbb\xbf")
        assert read(data, "t.csv") == list(back.values())  # the mark alone says that it is UTF-8


def test_json_keeps_rare_characters_too() -> None:
    rows = json.dumps([{"code": u.code, "name": u.name} for u in SHIPPED], ensure_ascii=True).encode()
    assert next(u for u in read(rows, "t.json") if u.code == "522626001").name == "㵲水街道"


def test_gbk_has_no_place_for_rare_characters() -> None:
    with pytest.raises(UnitError, match=r"gbk has no '㵲' \(U\+3D72\); use gb18030 or utf-8"):
        write(SHIPPED, "gbk")
    for declared in ("gbk", "GB2312", "gb18030"):
        assert text_of("凯里市㵲水".encode("gb18030"), "t.csv", declared) == "凯里市㵲水"
    with pytest.raises(UnitError, match=r"t.csv, line 2: not UTF-8; if it is GBK.*--encoding gb18030"):
        text_of("code\n凯里市".encode("gbk"), "t.csv")
    with pytest.raises(UnitError, match="this is UTF-16"):
        text_of("code".encode("utf-16"), "t.csv")
    with pytest.raises(UnitError, match="encoding 'big5' is not known"):
        text_of(b"", "t.csv", "big5")


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ("522601002,街道", ["line 2: parent: 522601 is not in the file; add its row"]),
        ("522601x,街道", ["line 2: code: unit code '522601x': want 6 digits"]),
        ("520000,贵州省", ["line 2: code: 520000 is not of the prefecture 522600"]),
        ("522601,", ["line 2: name: is empty"]),
        ("522600,州\n522600,州", ["line 3: code: 522600 is twice in the file: also 州"]),
        ("522601,凯里市,township", ["line 2: level: code '522601' is not a code of level 'township'"]),
        (
            "522601002,街道,township,522602",
            ["line 2: parent: is 522602, but the code 522601002 begins with its parent"],
        ),
        ("522601,村民委员会", ["line 2: name: '村民委员会' is no name"]),
        ("522601,市,,,,,,maybe", ["line 2: retired: is 'maybe'; want true or nothing"]),
        ("1,x\n2,y", ["line 2: code", "line 3: code"]),
        ("", ["code: the file has no rows"]),
    ],
)
def test_bad_rows_say_line_field_and_reason(rows: str, faults: list[str]) -> None:
    data = f"code,name,level,parent,name_en,source,as_of,retired,successor\n{rows}\n".encode()
    with pytest.raises(FileRefused) as caught:
        read(data, "t.csv")
    assert len(caught.value.faults) == len(faults)
    for fault, wanted in zip(caught.value.faults, faults, strict=True):
        assert wanted in str(fault)


def test_a_file_that_is_no_table_says_what_a_table_is() -> None:
    with pytest.raises(UnitError, match="no column code, name; want code,name,level,parent in the first line"):
        read(b"a,b\n1,2\n", "t.csv")
    with pytest.raises(UnitError, match=r"t.json, line 1: not JSON"):
        read(b"[{", "t.json")
    with pytest.raises(UnitError, match=r"t.json, item 1: want an object"):
        read(b"[3]", "t.json")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CITYOPS_DATA", str(tmp_path / "data"))
    yield tmp_path / "data"
    files.forget()


def _json(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    assert run(["geo", "divisions", *args, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_import_by_command_is_found_by_every_process(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "newer.csv"
    file.write_bytes(write(_edited(_newer), "gb18030"))
    assert run(["geo", "divisions", "import", str(file)]) == 2
    assert "--encoding gb18030" in capsys.readouterr().err
    tried = _json(capsys, "import", str(file), "--encoding", "gbk", "--dry-run")
    assert tried["counts"]["moved"] == 3
    assert not tried["imported"]
    assert not data.exists()
    _json(capsys, "import", str(file), "--encoding", "gbk")
    files.forget()  # as another process, which has the environment alone
    assert Divisions.load().get("522634001").retired
    (old,) = [u for u in _json(capsys, "find", "longtou") if u["code"] == "522634001"]
    assert (old["retired"], old["successor"]) == (True, "522634009")
    assert len(_json(capsys, "list", "--retired", "--unit", "522634")) == 3
    assert run(["geo", "divisions", "find", "新建社区"]) == 0
    assert "522601002099  凯里市大十字新街道新建社区  Xinjian Community" in capsys.readouterr().out


def test_a_bad_row_imports_nothing(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "newer.csv"
    file.write_bytes(write(SHIPPED) + "522601999001,x村,,,,,,,\n".encode())
    assert run(["geo", "divisions", "import", str(file)]) == 2
    told = capsys.readouterr().err
    assert f"{file}, line 2674: parent: 522601999 is not in the file" in told
    assert "1 problems, nothing was imported" in told
    assert not data.exists()


def test_a_large_file_is_refused_before_it_is_read(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "large.csv"
    with file.open("wb") as out:
        out.truncate(200_000_000)
    assert run(["geo", "divisions", "import", str(file)]) == 2
    assert "200 MB, the limit is 100 MB; " in capsys.readouterr().err
    assert run(["geo", "divisions", "import", str(tmp_path / "absent.csv")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_export_is_what_import_reads(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out.csv"
    assert run(["geo", "divisions", "export", str(file), "--encoding", "utf-8-sig"]) == 0
    assert _json(capsys, "import", str(file), "--dry-run")["counts"] == {
        "added": 0, "removed": 0, "renamed": 0, "moved": 0,
    }  # fmt: skip
    assert run(["geo", "divisions", "export", str(file), "--encoding", "gb2312"]) == 2
    assert "gb2312 has no" in capsys.readouterr().err
