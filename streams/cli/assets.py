"""`cityops assets import|export|list|show|retire|qr|demo`: the assets of the registry from the command line."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.assets_demo import demo
from streams.cli.assets_import import import_
from streams.cli.common import connection_options, json_option, require_topics, settings_from

if TYPE_CHECKING:
    from geo.assets import Asset, Sensor
    from streams.registry import Registry

prefix_option = click.option("--prefix", metavar="TEXT", help="Topic prefix of a run, run.<id>. (CITYOPS_PREFIX).")


@click.group("assets")
def command() -> None:
    """Valves, pipes, wells, stations, schools, bridges: one code for every object 一码统管."""


command.add_command(import_)
command.add_command(demo)


def _registry(**connection: Any) -> Registry:
    from streams.registry import read_all

    settings = settings_from(**connection)
    require_topics(settings)
    return read_all(settings)


def _chosen(registry: Registry, unit: str | None, domain: str | None, kind: str | None) -> list[Asset]:
    from geo.divisions import UnitError, in_subtree
    from geo.ids import ASSET_LETTER, ASSET_TYPES
    from streams.errors import UsageError

    kinds = [about.kind for about in ASSET_TYPES.values()]
    for option, value, known in (("--domain", domain, list(ASSET_LETTER)), ("--kind", kind, kinds)):
        if value is not None and value not in known:
            raise UsageError(f"{option} {value!r}: want one of {', '.join(known)}")
    try:
        return [
            a
            for a in sorted(registry.assets.values(), key=lambda a: a.id)
            if in_subtree(a.unit_code, unit or "522600") and domain in (None, a.domain) and kind in (None, a.kind)
        ]
    except UnitError as error:
        raise UsageError(f"--unit: {error}") from None


def _filters(function: Any) -> Any:
    for option in (
        click.option("--kind", help="Only this kind, e.g. valve."),
        click.option("--domain", help="Only this domain; urban: schools, bridges, vehicles."),
        click.option("--unit", metavar="CODE", help="Only this unit and below, e.g. 522601."),
    ):
        function = option(function)
    return function


@command.command("list")
@_filters
@prefix_option
@json_option
@connection_options
def list_(unit: str | None, domain: str | None, kind: str | None, as_json: bool, **connection: Any) -> None:
    """List assets with their unified codes; with --json one a line."""
    from geo.codes import code_of
    from streams.assets.geojson import public

    registry = _registry(**connection)
    chosen = _chosen(registry, unit, domain, kind)
    for a in chosen:
        if as_json:
            click.echo(json.dumps(public(a), ensure_ascii=False))
            continue
        out = "  (retired)" if a.retired else ""
        click.echo(f"{code_of(a.id)}  {a.unit_code:<12}  {a.kind:<12} {a.name_zh or a.name_en}{out}")
    if not as_json:
        click.echo(f"{len(chosen)} of {len(registry.assets)} assets", err=True)


@command.command()
@click.argument("code")
@prefix_option
@json_option
@connection_options
def show(code: str, as_json: bool, **connection: Any) -> None:
    """The object of any CODE: unified, without its check character, or another system's.

    \b
      cityops assets show 522601-W-VLV-000123-J
      cityops assets show scada:V-7
    """
    from streams.assets.geojson import public

    registry = _registry(**connection)
    record = found(registry, code)
    told = public(record)
    told["sensors"] = sorted(s.id for s in registry.sensors.values() if s.asset == record.id)
    told["upstream"] = sorted(a.id for a in registry.assets.values() if any(p.to == record.id for p in a.downstream))
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    for name, value in told.items():
        if value not in ("", None, [], {}, 0, False):
            text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
            click.echo(f"{name:<13} {text}")


def found(registry: Registry, code: str) -> Sensor | Asset:
    """The object of any code. Raises UsageError where there is none, or the code cannot be read."""
    from geo.assets import AssetError
    from streams.errors import UsageError

    try:
        record = registry.find(code)
    except AssetError as error:
        raise UsageError(str(error)) from None
    if record is None:
        raise UsageError(f"code {code[:60]!r} is of no asset or sensor: `cityops assets list` shows all")
    return record


@command.command()
@click.option("--out", type=click.Path(path_type=Path), help="File to write; stdout when left out.")
@_filters
@prefix_option
@connection_options
def export(out: Path | None, unit: str | None, domain: str | None, kind: str | None, **connection: Any) -> None:
    """Write assets as GeoJSON (WGS-84); `cityops assets import` reads it back."""
    from streams.assets.geojson import exported
    from streams.errors import explain

    chosen = _chosen(_registry(**connection), unit, domain, kind)
    text = json.dumps(
        {"type": "FeatureCollection", "features": [exported(a) for a in chosen]}, ensure_ascii=False, indent=1
    )
    if out is None:
        click.echo(text)
        return
    try:
        out.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise explain(error) from None
    click.echo(f"{len(chosen)} assets written to {out}", err=True)


@command.command()
@click.argument("codes", metavar="CODE", nargs=-1, required=True)
@click.option("--undo", is_flag=True, help="Bring them back into service.")
@click.option("--dry-run", is_flag=True, help="Check and report only.")
@prefix_option
@json_option
@connection_options
def retire(codes: tuple[str, ...], undo: bool, dry_run: bool, as_json: bool, **connection: Any) -> None:
    """Take assets out of service: they touch no alert any more; their codes are never given again."""
    import msgspec

    from geo.assets import Asset
    from streams.assets.who import operator
    from streams.errors import UsageError
    from streams.registry import publish, read_all

    settings = settings_from(**connection)
    require_topics(settings)
    known = read_all(settings)
    changed: list[Asset] = []
    for record in {r.id: r for r in (found(known, code) for code in codes)}.values():
        if not isinstance(record, Asset):
            raise UsageError(f"{record.id} is a sensor: `cityops sensors retire {record.id}`")
        if record.retired is undo:
            changed.append(
                msgspec.structs.replace(
                    record, retired=not undo, version=record.version + 1, by=operator(), at_ms=int(time.time() * 1000)
                )
            )
    if changed and not dry_run:
        publish(settings, changed, known=known)
    done, same = [a.id for a in changed], len(set(codes)) - len(changed)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "brought_back" if undo else "retired": done, "unchanged": same}))
        return
    would = "would be " if dry_run else ""
    click.echo(f"{len(done)} assets {would}{'brought back' if undo else 'retired'}, {same} unchanged")


@command.command()
@click.argument("codes", metavar="CODE", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the labels.")
@click.option("--format", "kind", type=click.Choice(["svg", "png"]), default="svg", show_default=True,
              help="svg: name and codes below; png: codes below.")  # fmt: skip
@prefix_option
@connection_options
def qr(codes: tuple[str, ...], out: Path, kind: str, **connection: Any) -> None:
    """QR labels of assets and sensors, one file each, named by its code."""
    from geo.codes import code_of
    from streams.assets.qr import png, svg
    from streams.errors import explain

    registry = _registry(**connection)
    records = [found(registry, code) for code in codes]
    try:
        out.mkdir(parents=True, exist_ok=True)
        for record in records:
            content = svg(record).encode() if kind == "svg" else png(record)
            (out / f"{code_of(record.id)}.{kind}").write_bytes(content)
    except OSError as error:
        raise explain(error) from None
    click.echo(f"{len(records)} labels in {out}", err=True)
