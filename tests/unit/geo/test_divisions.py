"""The table of units: codes, paths, subtrees, and what a wrong code or table says."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from geo.division_table import write
from geo.divisions import PREFECTURE, Divisions, UnitError, in_subtree, level_of, normalise
from geo.ids import DOMAIN_LETTER
from geo.names import english
from streams import topics

DIVISIONS = Divisions.load()
ROOT = Path(__file__).parents[3]


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


def test_every_row_says_where_it_comes_from_and_has_an_english_name() -> None:
    assert {(unit.source, unit.as_of) for unit in DIVISIONS} == {("china-division 2.7.0", "2023")}
    assert all(unit.name_en for unit in DIVISIONS)
    assert DIVISIONS.get("522622102").name_en == "Chong'an Town"
    assert DIVISIONS.get("522626001").name_en == "Wushui Subdistrict"
    assert DIVISIONS.get("522600").name_en == "Qiandongnan Prefecture"


def test_names_that_ship_are_those_that_are_made() -> None:
    wrong = [unit.code for unit in DIVISIONS if english(unit.short, unit.level) != unit.name_en]
    assert wrong == [], "make them anew: python -m geo.names"


def test_no_start_of_a_process_loads_the_dictionary_of_readings() -> None:
    code = "import sys; from geo.divisions import Divisions; Divisions.load(); print('pypinyin' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("重安", ["522622102"]),
        ("CHONG AN", ["522622102"]),
        ("chong'an town", ["522622102"]),
        ("㵲水", ["522626001", "522626001001"]),
        ("岑巩县㵲水街道㵲水社区", ["522626001001"]),
        ("wushui", ["522626001", "522626001001"]),
        ("nowhere", []),
        (" ", []),
    ],
)
def test_find_by_chinese_or_pinyin(text: str, codes: list[str]) -> None:
    assert [unit.code for unit in DIVISIONS.find(text)] == codes


def test_a_name_that_repeats_is_found_in_every_place() -> None:
    found = DIVISIONS.find("甘溪村")
    assert len(found) > 2
    assert len({DIVISIONS.full_name(unit.code) for unit in found}) == len(found)


def test_a_stored_table_that_was_damaged_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.csv"
    monkeypatch.setenv("CITYOPS_DIVISIONS", str(own))
    own.write_bytes(write(DIVISIONS))
    assert len(Divisions.load()) == len(DIVISIONS)
    for text, reason in (
        ("code,name\n522600,x\n", "no table that cityops stored"),
        (own.read_text("utf-8") + "52260100x\n", "line 2674: the row is damaged"),
    ):
        broken = tmp_path / f"{len(text)}.csv"
        broken.write_text(text, "utf-8")
        monkeypatch.setenv("CITYOPS_DIVISIONS", str(broken))
        with pytest.raises(UnitError, match=reason):
            Divisions.load()
