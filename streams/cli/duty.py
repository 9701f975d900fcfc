"""`cityops duty`: people and rosters from the command line; they reach every worker through the topic `duty`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import connection_options, json_option, settings_from
from streams.cli.duty_import import import_

if TYPE_CHECKING:
    from streams.duty.book import DutyBook
    from streams.duty.plan import DutyPlan
    from streams.settings import Settings

_SHOWN = 50  # faults printed one by one
prefix_option = click.option("--prefix", metavar="TEXT", help="Topic prefix of a run, run.<id>. (CITYOPS_PREFIX).")
by_option = click.option("--by", metavar="NAME", help="Who does this (default: the user of this machine).")
unit_option = click.option("--unit", metavar="PLACE", help="Unit code or org:NAME.")
at_option = click.option("--at", metavar="TIME", help="Local time or RFC 3339, e.g. '2026-12-01 02:00' (now).")


@click.group("duty")
def command() -> None:
    """People, rosters, who is on duty where and when."""


command.add_command(import_)


@command.command("list")
@unit_option
@click.option("--people", "with_people", is_flag=True, help="People instead of rosters.")
@prefix_option
@json_option
@connection_options
def list_(unit: str | None, with_people: bool, as_json: bool, **connection: Any) -> None:
    """List rosters, or people; with --json as records that `import` reads again (with telephone numbers)."""
    from streams.duty.wire import public

    _, book = known(connection)
    table: dict[str, Any] = {**(book.persons if with_people else book.rosters)}
    chosen = [
        r for _, r in sorted(table.items())
        if not r.removed and (unit is None or (r.place if with_people else r.id).startswith(_subtree(unit)))
    ]  # fmt: skip
    for record in chosen:
        if as_json:
            click.echo(json.dumps(public(record, contacts=True), ensure_ascii=False))
        elif with_people:
            click.echo(
                f"{record.id:<24} {record.place:<14} {record.name} {','.join(c.channel for c in record.contacts)}"
            )
        else:
            posts = ", ".join(f"{n} {role}" for role, n in (record.posts or {"main": 1}).items())
            parts = f"{len(record.rotations)} rotations, {len(record.shifts)} shifts"
            click.echo(f"{record.id:<24} v{record.version:<3} {posts}; {parts}")
    click.echo(f"{len(chosen)} {'people' if with_people else 'rosters'}", err=True)


@command.command()
@click.option("--unit", metavar="PLACE", required=True, help="Unit code or org:NAME.")
@at_option
@prefix_option
@json_option
@connection_options
def who(unit: str, at: str | None, as_json: bool, **connection: Any) -> None:
    """Who is on duty at a place: role, person, by what this person can be told."""
    from streams.duty.wire import on_duty
    from streams.errors import UsageError

    moment = moment_of(at)
    _, book = known(connection)
    answer = on_duty(book, unit, moment, contacts=False)
    if answer is None:
        raise UsageError(f"{unit} has no roster: `cityops duty list` shows those there are")
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    for row in answer["people"]:
        click.echo(f"{row['role']:<8} {row['role_zh']} {row['id']:<20} {row['name']} {','.join(row['channels'])}")
    hours = "promised hours" if answer["promised"] else "outside of promised hours"
    click.echo(f"{len(answer['people'])} on duty at {unit}, {hours}", err=True)


@command.command()
@unit_option
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True, help="So far ahead.")
@at_option
@prefix_option
@json_option
@connection_options
def check(unit: str | None, days: int, at: str | None, as_json: bool, **connection: Any) -> int:
    """Gaps of promised hours in the next days, villages in a list of their own; ends with 1 where there are any."""
    from streams.duty.coverage import daily
    from streams.duty.wire import finding

    moment = moment_of(at)
    _, book = known(connection)
    rosters = [r for r in book.rosters.values() if unit is None or r.id.startswith(_subtree(unit))]
    found = daily(rosters, book.persons, moment, days)
    if as_json:
        gaps, villages = map(finding, found.gaps), map(finding, found.villages)
        click.echo(json.dumps({"gaps": list(gaps), "villages": list(villages)}, ensure_ascii=False))
    else:
        for gap in (*found.gaps, *found.villages):
            click.echo(f"{gap.reason.zh} {gap.reason.en}")
        click.echo(f"{len(found.gaps)} gaps, and {len(found.villages)} of villages, in {days} days", err=True)
    return 1 if found.gaps or found.villages else 0


@command.command()
@click.option("--unit", metavar="PLACE", required=True, help="Unit code or org:NAME.")
@click.option("--role", default="main", show_default=True, help="lead, main, deputy or standby.")
@click.option("--from", "start", metavar="TIME", required=True, help="Begin, local or RFC 3339.")
@click.option("--until", metavar="TIME", required=True, help="End.")
@click.option("--person", metavar="ID", required=True, help="Who takes over.")
@click.option("--instead-of", metavar="ID", required=True, help="Whose duty it was.")
@click.option("--why", default="swap", show_default=True, help="Reason.")
@by_option
@prefix_option
@connection_options
def swap(
    unit: str, role: str, start: str, until: str, person: str, instead_of: str, why: str, by: str | None,
    **connection: Any,
) -> None:  # fmt: skip
    """One person takes over another's duty for a time."""
    from streams.duty.plan import plan
    from streams.duty.swapping import swapped
    from streams.errors import UsageError

    times = moment_of(start, "--from"), moment_of(until, "--until")
    settings, book = known(connection)
    try:
        roster = swapped(book, unit, role, person, instead_of, times, why)
    except ValueError as error:
        raise UsageError(str(error)) from None
    finish(settings, plan([roster], book, author(by), now_ms()), dry_run=False)


@command.command()
@click.argument("ids", metavar="PLACE|PERSON", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Report only.")
@by_option
@prefix_option
@connection_options
def reset(ids: tuple[str, ...], dry_run: bool, by: str | None, **connection: Any) -> None:
    """End rosters (the place is as if it had none) or remove people; all or none of them."""
    from msgspec.structs import replace

    from streams.duty.plan import plan
    from streams.errors import UsageError

    settings, book = known(connection)
    there: dict[str, Any] = {**book.persons, **book.rosters}
    for id_ in ids:
        if id_ not in there or there[id_].removed:
            raise UsageError(f"there is no roster or person {id_[:80]!r}: `cityops duty list` shows those there are")
    gone = [replace(there[i], removed=True) for i in dict.fromkeys(ids)]
    finish(settings, plan(gone, book, author(by), now_ms()), dry_run)


def known(connection: dict[str, Any]) -> tuple[Settings, DutyBook]:
    """Settings and the duty that is in force. Raises CityopsError where Kafka is away."""
    from streams.cli.common import require_topics
    from streams.registry import read_duty

    settings = settings_from(**connection)
    require_topics(settings)
    book: DutyBook = read_duty(settings)
    return settings, book


def finish(settings: Settings, result: DutyPlan, dry_run: bool, as_json: bool = False) -> None:
    """Tell the plan and, where nothing is wrong with it, write it. Raises UsageError for faults."""
    from streams import tables, topics, versions
    from streams.duty.records import encode
    from streams.errors import UsageError

    faults = list(map(str, result.faults))
    if not faults and not dry_run and result.records:
        tables.write(settings, topics.DUTY, versions.rows((r.id, r.version, encode(r)) for r in result.records))
    if as_json:
        answer = {"dry_run": dry_run, "changes": result.changes, "unchanged": result.unchanged, "problems": faults}
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif not faults:
        for line in result.changes:
            click.echo(line)
    for text in faults[:_SHOWN]:
        click.echo(text, err=True)
    if faults:
        raise UsageError(f"{len(faults)} problems, nothing was written; mend them and repeat")
    if not as_json:
        done = "would be written" if dry_run else "written"
        click.echo(f"{len(result.records)} records {done}, {result.unchanged} unchanged")


def moment_of(text: str | None, option: str = "--at") -> int:
    from streams.duty.local_time import parse
    from streams.errors import UsageError

    try:
        return now_ms() if text is None else parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def now_ms() -> int:
    return int(time.time() * 1000)


def author(by: str | None) -> str:
    import getpass

    return by or getpass.getuser()


def _subtree(place: str) -> str:
    """What the places of a unit's subtree begin with."""
    from geo.units import UnitError, prefix
    from streams.errors import UsageError

    if place.startswith("org:"):
        return place
    try:
        return prefix(place)
    except UnitError as error:
        raise UsageError(f"--unit: {error}") from None
