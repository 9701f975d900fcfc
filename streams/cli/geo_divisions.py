"""`cityops geo divisions import|list|find|export`: the table of units and newer versions of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import checked, json_option
from streams.cli.geo_report import SHOWN, refuse
from streams.settings import Settings

if TYPE_CHECKING:
    from geo.division_change import Change
    from geo.divisions import Divisions, Unit

_data = click.option("--data", metavar="FOLDER", help="Data folder (default: the user's data folder).")
_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group("divisions")
def group() -> None:
    """The units of the four levels: list, find, export, import of a newer table."""


@group.command("import")
@_file
@click.option("--source", default="", help="Where the table comes from, for rows that do not say it.")
@click.option("--as-of", default="", help="The date it speaks of, e.g. 2025-01-01, for rows that do not say it.")
@click.option("--encoding", default="", help="utf-8 (default) or gb18030; gbk and gb2312 are read as gb18030.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@_data
@json_option
def import_(file: Path, source: str, as_of: str, encoding: str, dry_run: bool, data: str | None, as_json: bool) -> int:
    """Take a newer table of units from FILE (CSV or JSON; columns code and name, optional level, parent, name_en,
    source, as_of, retired, successor). It replaces the whole table or, where a row is bad, nothing; old codes still
    resolve.
    """
    from geo import files
    from geo.division_change import change
    from geo.division_table import read, write
    from geo.divisions import Divisions, UnitError
    from geo.faults import FileRefused
    from streams.errors import UsageError
    from streams.folders import writable
    from streams.geo_files import RESTART, read_limited

    settings = checked(Settings({"data": data}))
    try:
        units = read(read_limited(file, settings), str(file), encoding, source or file.name, as_of)
        found = change(Divisions.load(), units)
        Divisions(found.units)
    except FileRefused as error:
        return refuse(file, error, as_json)
    except UnitError as error:
        raise UsageError(f"{error}" if str(file) in str(error) else f"{file}: {error}") from None
    target = files.current().divisions
    if not dry_run:
        writable(Path(target).parent, "--data")
        files.write_whole(target, write(found.units))
        Divisions.reread()
    if as_json:
        report = {"file": str(file), "imported": not dry_run, "units": len(units), "counts": found.counts()}
        click.echo(json.dumps({**report, **found.plain()}, ensure_ascii=False))
        return 0
    _report(found)
    counts = ", ".join(f"{n} {name}" for name, n in found.counts().items())
    click.echo(f"{counts}; " + ("nothing was written (--dry-run)" if dry_run else f"kept in {target}; {RESTART}"))
    return 0


@group.command("list")
@click.option("--unit", default="522600", help="Only this unit and what is below it.")
@click.option("--level", type=click.Choice(["prefecture", "county", "township", "village"]), help="Only this level.")
@click.option("--retired", is_flag=True, help="Units of older tables.")
@_data
@json_option
def list_(unit: str, level: str | None, retired: bool, data: str | None, as_json: bool) -> None:
    """List units with code, full name and English name."""
    from geo.divisions import in_subtree

    divisions = _divisions(data)
    root = _unit(divisions, unit)
    units = divisions.retired() if retired else tuple(divisions.subtree(root.code, level))
    _show(divisions, [u for u in units if in_subtree(u.code, root.code) and level in (None, u.level)], as_json)


@group.command("find")
@click.argument("name")
@_data
@json_option
def find(name: str, data: str | None, as_json: bool) -> None:
    """Find units by a part of their NAME in Chinese or pinyin (`chongan`, `Chong'an Town`, 㵲水)."""
    from streams.errors import CityopsError

    divisions = _divisions(data)
    found = divisions.find(name)
    if not found:
        raise CityopsError(f"no unit has {name!r} in its name; give fewer letters, pinyin without tones")
    _show(divisions, found, as_json)


@group.command("export")
@_file
@click.option("--encoding", default="utf-8", help="utf-8, utf-8-sig (opens in Excel as it is) or gb18030.")
@_data
def export(file: Path, encoding: str, data: str | None) -> None:
    """Write the table in force, with retired units, as CSV that `import` reads."""
    from geo.division_table import write
    from geo.divisions import UnitError
    from geo.files import write_whole
    from streams.errors import UsageError

    divisions = _divisions(data)
    try:
        write_whole(file, write([*divisions, *divisions.retired()], encoding))
    except UnitError as error:
        raise UsageError(str(error)) from None


def _divisions(data: str | None) -> Divisions:
    from geo.divisions import Divisions

    checked(Settings({"data": data}))
    return Divisions.load()


def _unit(divisions: Divisions, code: str) -> Unit:
    from geo.divisions import UnitError
    from streams.errors import UsageError

    try:
        return divisions.get(code)
    except UnitError as error:
        raise UsageError(f"--unit: {error}") from None


def _show(divisions: Divisions, units: list[Unit], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([described(divisions, u) for u in units], ensure_ascii=False))
        return
    for u in units:
        gone = f"  （已撤销 retired{f', now {u.successor}' if u.successor else ''}）" if u.retired else ""
        click.echo(f"{u.code:<13} {divisions.full_name(u.code)}  {u.name_en}{gone}")


def described(divisions: Divisions, unit: Unit) -> dict[str, Any]:
    """A unit as the commands' JSON has it."""
    keys = ("code", "name", "name_en", "level", "parent", "source", "as_of", "retired", "successor")
    return {**{key: getattr(unit, key) for key in keys}, "full_name": divisions.full_name(unit.code)}


def _report(found: Change) -> None:
    lines = {
        "added": [f"added    {u.code:<13} {u.name}" for u in found.added],
        "removed": [f"removed  {u.code:<13} {u.name}" for u in found.removed],
        "renamed": [f"renamed  {new.code:<13} {old.name} → {new.name}" for old, new in found.renamed],
        "moved": [f"moved    {old.code:<13} → {new.code} {new.name}" for old, new in found.moved],
    }
    for kind, texts in lines.items():
        for text in texts[:SHOWN]:
            click.echo(text)
        if len(texts) > SHOWN:
            click.echo(f"{kind:<8} … and {len(texts) - SHOWN} more (--json has all)")
