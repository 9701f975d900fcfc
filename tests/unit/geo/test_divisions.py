"""The table of units: codes, paths, subtrees, and what a wrong code or table says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from geo.divisions import PREFECTURE, Divisions, UnitError, in_subtree, level_of, normalise
from geo.ids import DOMAIN_LETTER
from streams import topics

DIVISIONS = Divisions.load()


def test_the_table_is_whole() -> None:
    assert Counter(unit.level for unit in DIVISIONS) == {
        "prefecture": 1,
        "county": 16,
        "township": 217,
        "village": 2438,
    }
    for unit in DIVISIONS:
        assert level_of(unit.code) == unit.level
        assert in_subtree(unit.code, PREFECTURE)
        assert unit.level == "prefecture" or in_subtree(unit.code, unit.parent)
        assert DIVISIONS.path(unit.code)[unit.level] == unit.code


def test_streams_and_geo_name_the_same_counties_and_domains() -> None:
    assert tuple(unit.code for unit in DIVISIONS.children(PREFECTURE)) == topics.COUNTIES
    assert topics.DOMAIN_LETTER == DOMAIN_LETTER


def test_rare_characters_survive() -> None:
    assert DIVISIONS.get("522626001").name == "㵲水街道"
    assert "㵲水".encode() in "".join(u.name for u in DIVISIONS).encode()


@pytest.mark.parametrize(
    ("code", "root", "expected"),
    [
        ("522601002003", "5226", True),
        ("522601002003", "522600", True),
        ("522601002003", "522601", True),
        ("522601002003", "522601002", True),
        ("522601002003", "522601003", False),
        ("522600", "522600", True),
        ("522600", "522601", False),
        ("522601", "522601002", False),
        ("522700", "522600", False),
        ("522601002", "520000", True),
    ],
)
def test_subtree(code: str, root: str, expected: bool) -> None:
    assert in_subtree(code, root) is expected


def test_path_children_subtree() -> None:
    path = DIVISIONS.path("522626001001")
    assert path == {"prefecture": "522600", "county": "522626", "township": "522626001", "village": "522626001001"}
    assert DIVISIONS.path("5226") == {"prefecture": "522600", "county": None, "township": None, "village": None}
    assert DIVISIONS.children("522626001001") == ()
    assert sum(1 for _ in DIVISIONS.subtree(PREFECTURE)) == len(DIVISIONS)
    assert {u.parent for u in DIVISIONS.subtree("522601", "township")} == {"522601"}
    assert "522601002" in DIVISIONS
    assert "522601999" not in DIVISIONS
    assert "water" not in DIVISIONS


@pytest.mark.parametrize("code", ["", "52", "52260", "5226010", "52260100x", "５２２６０１", "522601-1", "-22601"])
def test_malformed_codes_say_what_a_code_looks_like(code: str) -> None:
    with pytest.raises(UnitError, match="want 6 digits"):
        normalise(code)


def test_unknown_codes_are_told() -> None:
    with pytest.raises(UnitError, match=r"522699 is not in the table of divisions \(china-division 2.7.0, 2023\)"):
        DIVISIONS.get("522699")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("code,name\n522600,x\n", "no column level, parent"),
        ("code,name,level,parent\n522600,州,prefecture,520000\n522600,州,prefecture,520000\n", "522600 is twice"),
        ("code,name,level,parent\n522601002,街道,township,522601\n", "its parent 522601 is not in the table"),
        ("code,name,level,parent\n522601002,街道,village,522601\n", "line 2: code '522601002' is not a code of level"),
    ],
)
def test_a_wrong_table_says_where(tmp_path: Path, rows: str, reason: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(rows, encoding="utf-8")
    with pytest.raises(UnitError, match=reason):
        Divisions.read(file)
