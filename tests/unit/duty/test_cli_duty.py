"""`cityops duty` on a book that is given: what it writes, says and ends with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from streams import cli, tables
from streams.cli import duty as command
from streams.duty.book import DutyBook
from streams.duty.records import DutyRecord, Hours, Roster, decode
from streams.settings import Settings
from tests.unit.duty.sample import KAILI, MONDAY, book, roster, shift, weekly

ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:1
SUMMARY:li
DTSTART;VALUE=DATE:20261207
RRULE:FREQ=DAILY
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> DutyBook:
    village = replace(roster(hours=(Hours(from_minute=480, until_minute=1080),)), id="522601001002")
    made = book(roster(weekly("main", ("li",), ("wu",))), village)
    monkeypatch.setattr(command, "known", lambda _: (Settings(env={}), made))
    monkeypatch.setattr(command, "now_ms", lambda: MONDAY)
    return made


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[DutyRecord]:
    found: list[DutyRecord] = []

    def write(_: Settings, topic: str, rows: Any) -> int:
        assert topic == "duty"
        found.extend(decode(value) for key, value in rows if b"@" not in key)
        return len(rows)

    monkeypatch.setattr(tables, "write", write)
    return found


def test_who(there: DutyBook, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["duty", "who", "--unit", KAILI, "--at", "2026-12-14 09:00"]) == 0
    out = capsys.readouterr()
    assert out.out.split()[:3] == ["main", "主班", "wu"]
    assert "1 on duty at 522601, promised hours" in out.err
    assert cli.run(["duty", "who", "--unit", "522622"]) == 2
    assert "522622 has no roster" in capsys.readouterr().err
    assert cli.run(["duty", "who", "--unit", KAILI, "--at", "noon"]) == 2
    assert "--at: 'noon' is no time" in capsys.readouterr().err


def test_check_ends_with_one_where_promised_hours_have_a_gap(
    there: DutyBook, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["duty", "check", "--days", "1", "--unit", KAILI, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["gaps"], {v["place"] for v in found["villages"]}) == ([], {"522601001002"})
    there.put(Roster(id="522601001002", version=2, removed=True))
    assert cli.run(["duty", "check", "--days", "1"]) == 0
    assert cli.run(["duty", "check", "--unit", "x"]) == 2


def test_a_calendar_is_taken_for_its_horizon_and_place(
    there: DutyBook, written: list[DutyRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.ics"
    file.write_text(ICS.replace("\n", "\r\n"), "utf-8")
    assert cli.run(["duty", "import", str(file)]) == 2
    assert "name the place of its shifts with --unit" in capsys.readouterr().err
    take = ["duty", "import", str(file), "--unit", "522622", "--days", "3", "--handover", "08:30"]
    assert cli.run([*take, "--role", "boss"]) == 2
    assert cli.run([*take[:-1], "25:00"]) == 2
    assert cli.run([*take, "--dry-run"]) == 0
    assert written == []
    assert cli.run(take) == 0
    (made,) = written
    assert isinstance(made, Roster)
    assert made.shifts == tuple(
        shift("li", f"2026-12-{day:02d} 08:30", f"2026-12-{day + 1:02d} 08:30") for day in (7, 8, 9)
    )


def test_records_that_list_writes_are_read_again(
    there: DutyBook, written: list[DutyRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["duty", "list", "--json"]) == 0
    lines = capsys.readouterr().out
    file = tmp_path / "all.json"
    file.write_text(lines, "utf-8")
    assert cli.run(["duty", "import", str(file)]) == 0
    assert "0 records written, 2 unchanged" in capsys.readouterr().out
    file.write_text(lines.replace('"main"', '"chief"'), "utf-8")
    assert cli.run(["duty", "import", str(file)]) == 2
    assert "role 'chief' is unknown" in capsys.readouterr().err
    file.write_text("[{", "utf-8")
    assert cli.run(["duty", "import", str(file)]) == 2
    assert "is not JSON" in capsys.readouterr().err
    assert written == []


def test_a_swap_and_its_refusal(there: DutyBook, written: list[DutyRecord], capsys: pytest.CaptureFixture[str]) -> None:
    day = ["--from", "2026-12-08 08:30", "--until", "2026-12-09 08:30", "--person", "shi", "--instead-of"]
    assert cli.run(["duty", "swap", "--unit", KAILI, *day, "wu"]) == 2
    out = capsys.readouterr()
    assert "wu is not on duty as main, so shi takes over nothing" in out.err
    assert (out.out, written) == ("", [])
    assert cli.run(["duty", "swap", "--unit", KAILI, *day, "li", "--by", "chief"]) == 0
    (made,) = written
    assert isinstance(made, Roster)
    assert (made.version, made.by, made.shifts[0].person) == (2, "chief", "shi")


def test_reset_is_all_or_nothing(there: DutyBook, written: list[DutyRecord]) -> None:
    assert cli.run(["duty", "reset", KAILI, "nobody"]) == 2
    assert cli.run(["duty", "reset", "li"]) == 2  # the roster still plans this person
    assert written == []
    assert cli.run(["duty", "reset", KAILI, "li", "wu"]) == 0
    assert [(r.id, r.removed) for r in written] == [("li", True), ("wu", True), (KAILI, True)]
