"""`cityops duty import`: people, shifts and rotations from CSV, shifts from iCalendar, whole records from JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import connection_options, json_option

if TYPE_CHECKING:
    from streams.duty.book import DutyBook
    from streams.duty.reading import Read

MAX_MB = 20
_SHOWN = 50
_MINUTES = r"HH:MM"


@click.command("import")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--unit", metavar="PLACE", help="Place of a calendar's shifts: unit code or org:NAME.")
@click.option("--role", default="main", show_default=True, help="Role of a calendar's events that name none.")
@click.option("--days", type=click.IntRange(1, 366), default=92, show_default=True,
              help="Recurring events of a calendar are taken so far ahead.")  # fmt: skip
@click.option("--handover", metavar=_MINUTES, default="08:00", show_default=True, help="Hand-over of all-day events.")
@click.option("--replace", "instead", is_flag=True,
              help="Shifts take the place of those that begin in the files' time, in their roles.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Check and report only.")
@click.option("--by", metavar="NAME", help="Who does this (default: the user of this machine).")
@click.option("--prefix", metavar="TEXT", help="Topic prefix of a run, run.<id>. (CITYOPS_PREFIX).")
@json_option
@connection_options
def import_(
    files: tuple[Path, ...], unit: str | None, role: str, days: int, handover: str, instead: bool, dry_run: bool,
    by: str | None, as_json: bool, **connection: Any,
) -> None:  # fmt: skip
    """Import all of FILE… (CSV, .ics or .json), or nothing when a row is bad; columns are in docs/duty.md."""
    from streams.cli import duty
    from streams.duty.plan import plan
    from streams.duty.reading import merged
    from streams.errors import UsageError

    texts = [(path, _text(path)) for path in files]  # what cannot be read is told before Kafka is asked
    settings, book = duty.known(connection)
    now = duty.now_ms()
    read = _read(texts, book, unit, role, (now, now + days * 86_400_000), _minutes(handover))
    for text in read.problems[:_SHOWN]:
        click.echo(text, err=True)
    if read.problems:
        raise UsageError(f"{len(read.problems)} problems, nothing was written; mend them and repeat")
    duty.finish(settings, plan(merged(read, book, instead), book, duty.author(by), now), dry_run, as_json)


def _read(
    texts: list[tuple[Path, str]], book: DutyBook, unit: str | None, role: str, span: tuple[int, int], handover: int
) -> Read:
    from streams.duty import csv_files, ical, wire
    from streams.duty.reading import Names, role_of
    from streams.duty.records import Person
    from streams.errors import UsageError

    plain = [(str(p), t) for p, t in texts if p.suffix.lower() not in (".ics", ".json")]
    out = csv_files.read_all(plain, book.persons)
    for path, text in texts:
        if path.suffix.lower() == ".json":
            wire.read_json(str(path), text, out)
    people = {**book.persons, **{p.id: p for p in out.records if isinstance(p, Person)}}
    for path, text in texts:
        if path.suffix.lower() == ".ics":
            if unit is None:
                raise UsageError(f"{path}: name the place of its shifts with --unit, e.g. --unit 522601")
            try:
                post = role_of(role)
            except ValueError as error:
                raise UsageError(f"--role: {error}") from None
            read = ical.read_ical(str(path), text, unit, Names(people.values()), span, post, handover)
            out.problems += read.problems
            for place, shifts in read.shifts.items():
                out.shifts.setdefault(place, []).extend(shifts)
    return out


def _text(path: Path) -> str:
    """A file's text in UTF-8 or, as spreadsheets of Chinese machines save it, GB 18030."""
    from streams.errors import UsageError, explain

    try:
        if (size := path.stat().st_size) > MAX_MB * 2**20:
            raise UsageError(f"{path}: {size / 2**20:.0f} MB; at most {MAX_MB} MB are read, split the file")
        content = path.read_bytes()
    except OSError as error:
        raise explain(error) from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UsageError(f"{path}: is neither UTF-8 nor GB 18030; save it as UTF-8")


def _minutes(text: str) -> int:
    from streams.errors import UsageError

    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
        raise UsageError(f"--handover: {text[:20]!r} is no time of day: want e.g. 08:30")
    return int(hours) * 60 + int(minutes)
