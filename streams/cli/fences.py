"""`cityops fences`: geofences from the command line; they reach every worker through the topic `fences`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import connection_options, json_option
from streams.cli.reference import by_option, now_ms, prefix_option, registry_now, who, write

if TYPE_CHECKING:
    from geo.fences import Fence
    from streams.settings import Settings

_SHOWN = 50  # problems printed one by one
_FREE = {"ignore_unknown_options": True}  # so that a negative number is an argument, told as a bad place


@click.group("fences")
def command() -> None:
    """Geofences: works, schools, markets, hazard zones; when they are active and what they do to alerts."""


@command.command("list")
@click.option("--kind", help="Only this kind, e.g. works.")
@click.option("--active", is_flag=True, help="Only those that are active now.")
@click.option("--all", "with_removed", is_flag=True, help="Removed ones too.")
@click.option("--geojson", is_flag=True, help="A GeoJSON FeatureCollection for maps, shapes as polygons.")
@prefix_option
@json_option
@connection_options
def list_(kind: str | None, active: bool, with_removed: bool, geojson: bool, as_json: bool, **connection: Any) -> None:
    """List fences."""
    from geo.effects import active as is_active
    from geo.fence_wire import public

    now = now_ms()
    _, known = _known(connection)
    chosen = [
        f
        for f in known
        if (with_removed or not f.removed) and kind in (None, f.kind) and (not active or is_active(f, now))
    ]
    if geojson:
        from streams.fence_shapes import collection

        click.echo(json.dumps(collection(chosen), ensure_ascii=False))
        return
    for fence in chosen:
        click.echo(json.dumps(public(fence), ensure_ascii=False) if as_json else _line(fence, now))
    click.echo(f"{len(chosen)} of {sum(not f.removed for f in known)} fences", err=True)


@command.command()
@click.argument("id_", metavar="ID")
@prefix_option
@connection_options
def show(id_: str, **connection: Any) -> None:
    """Show one fence as JSON; the same JSON can be edited and given to `put`."""
    from geo.fence_wire import public
    from streams.errors import UsageError

    _, known = _known(connection)
    fence = next((f for f in known if f.id == id_), None)
    if fence is None:
        raise UsageError(f"there is no fence {id_!r}: `cityops fences list` shows all")
    click.echo(json.dumps(public(fence), ensure_ascii=False, indent=1))


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check and report only.")
@click.option("--force", is_flag=True, help="Overwrite whatever version is there.")
@by_option
@prefix_option
@json_option
@connection_options
def put(file: Path, dry_run: bool, force: bool, by: str | None, as_json: bool, **connection: Any) -> None:
    """Create or change all fences of FILE (GeoJSON, or JSON as `show` gives it), or none when one is bad."""
    from streams.cli.fence_files import read
    from streams.errors import UsageError
    from streams.fence_plan import plan

    written, unreadable = read(file)  # a file that cannot be read is told before Kafka is asked
    settings, known = _known(connection)
    result = plan(written, {f.id: f for f in known}, who(by), now_ms(), force)
    problems = [*unreadable, *map(str, result.problems)]
    if not problems and not dry_run and result.fences:
        _write(settings, result.fences)
    if as_json:
        added, changed = [f.id for f in result.added], [f.id for f in result.changed]
        answer = {"dry_run": dry_run, "added": added, "changed": changed, "unchanged": result.unchanged,
                  "notes": result.notes, "problems": problems}  # fmt: skip
        click.echo(json.dumps(answer, ensure_ascii=False))
    for text in (*problems[:_SHOWN], *([] if as_json else result.notes)):
        click.echo(text, err=True)
    if problems:
        raise UsageError(f"{file}: {len(problems)} problems, nothing was written; mend them and repeat")
    if not as_json:
        would = "would be " if dry_run else ""
        click.echo(
            f"{len(result.added)} fences {would}added, {len(result.changed)} changed, {result.unchanged} unchanged"
        )


@command.command()
@click.argument("ids", metavar="ID", nargs=-1, required=True)
@by_option
@prefix_option
@connection_options
def remove(ids: tuple[str, ...], by: str | None, **connection: Any) -> None:
    """Remove fences; what they did to alerts ends with the next reading there."""
    from streams.errors import UsageError
    from streams.fence_plan import BadFence, removal

    settings, known = _known(connection)
    table = {f.id: f for f in known}
    done = [removal(i, None, table, who(by), now_ms()) for i in dict.fromkeys(ids)]
    for bad in (d for d in done if isinstance(d, BadFence)):
        raise UsageError(f"{bad}; nothing was removed")
    _write(settings, [d for d in done if not isinstance(d, BadFence)])
    click.echo(f"{len(done)} fences removed")


@command.command("test", context_settings=_FREE)
@click.argument("lon", type=float)
@click.argument("lat", type=float)
@click.option("--kind", default="", help="Kind of alert, e.g. gas_concentration: what would be done to it?")
@click.option("--severity", default="III", type=click.Choice(["I", "II", "III", "IV"]), help="It would have (III).")
@click.option("--hard", is_flag=True, help="It crossed a hard limit.")
@click.option("--at", metavar="TIME", help="RFC 3339 time (now), e.g. 2026-12-01T08:00:00+08:00.")
@prefix_option
@json_option
@connection_options
def test_(
    lon: float, lat: float, kind: str, severity: str, hard: bool, at: str | None, as_json: bool, **connection: Any
) -> None:
    """Which fences hold the point LON LAT, and what would they do to an alert of a kind now?"""
    from geo.assets import location_problem
    from streams.errors import UsageError
    from streams.fence_shapes import Outlines, verdict

    if fault := location_problem(lon, lat):
        raise UsageError(fault)
    now = _moment(at)
    _, known = _known(connection)
    answer = verdict(Outlines(known), lon, lat, kind, severity, hard, now)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    for fence in answer["fences"]:
        state = "active" if fence["active"] else "not active"
        click.echo(f"{fence['id']:<24} {fence['kind']:<12} {state:<11} {fence['name']['zh']} {fence['name']['en']}")
    click.echo(f"{len(answer['fences'])} fences hold {lon:g} {lat:g}", err=True)
    if kind:
        what = "not told" if answer["suppressed"] else f"told, severity {answer['severity']}"
        click.echo(
            f"{kind}: {what}" + (f" ({answer['why']['zh']} {answer['why']['en']})" if answer["why"]["zh"] else "")
        )


def _known(connection: dict[str, Any]) -> tuple[Settings, list[Fence]]:
    settings, registry = registry_now(connection)
    return settings, sorted(registry.fences.values(), key=lambda f: f.id)


def _write(settings: Settings, fences: list[Fence]) -> None:
    from geo.fences import encode
    from streams.topics import FENCES

    write(settings, FENCES, ((f.id, f.version, encode(f)) for f in fences))


def _moment(text: str | None) -> int:
    from streams.codec import CodecError, parse_ts
    from streams.errors import UsageError

    if text is None:
        return now_ms()
    try:
        return parse_ts(text)
    except CodecError as error:
        raise UsageError(f"--at: {error}, e.g. 2026-12-01T08:00:00+08:00") from None


def _line(fence: Fence, now_ms: int) -> str:
    from geo.effects import active

    state = "removed" if fence.removed else "active" if active(fence, now_ms) else "not active"
    name = f"{fence.name_zh} {fence.name_en}".rstrip()
    return f"{fence.id:<24} {fence.kind:<12} v{fence.version:<3} {state:<11} {name}"
