"""`cityops sensors list|add|import|retire|unknown`: the registry from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import connection_options, json_option, settings_from
from streams.cli.sensors_unknown import columns_of, unknown
from streams.topics import DOMAINS

if TYPE_CHECKING:
    from streams.registration import Plan
    from streams.settings import Settings

_SHOWN = 50  # problems printed one by one

prefix_option = click.option("--prefix", metavar="TEXT", help="Topic prefix of a run, run.<id>. (CITYOPS_PREFIX).")


@click.group("sensors")
def command() -> None:
    """The registry of sensors and zones (topic `assets`)."""


command.add_command(unknown)


@command.command("list")
@click.option("--unit", metavar="CODE", help="Only this unit and below, e.g. 522601.")
@click.option("--domain", type=click.Choice(DOMAINS), help="Only this domain.")
@click.option("--zone", metavar="ID", help="Only this zone.")
@click.option("--kind", help="Only this kind, e.g. pressure.")
@prefix_option
@json_option
@connection_options
def list_(
    unit: str | None, domain: str | None, zone: str | None, kind: str | None, as_json: bool, **connection: Any
) -> None:
    """List registered sensors."""
    import msgspec

    from geo.divisions import UnitError, in_subtree
    from streams.cli.common import require_topics
    from streams.errors import UsageError
    from streams.registry import read_all

    try:
        in_subtree("522600", unit or "522600")
    except UnitError as error:
        raise UsageError(f"--unit: {error}") from None
    settings = settings_from(**connection)
    require_topics(settings)
    registry = read_all(settings)
    chosen = [
        s
        for s in sorted(registry.sensors.values(), key=lambda s: s.id)
        if domain in (None, s.domain)
        and zone in (None, s.zone)
        and kind in (None, s.kind)
        and (unit is None or in_subtree(s.unit_code, unit))
    ]
    if as_json:
        for sensor in chosen:
            click.echo(msgspec.json.encode(sensor).decode())
        return
    for s in chosen:
        out = "  (retired)" if s.retired else ""
        click.echo(f"{s.id}  {s.zone:<16} {s.unit_code:<12}  {s.kind:<12} {s.unit:<6} {s.name_zh or s.name_en}{out}")
    click.echo(f"{len(chosen)} of {len(registry.sensors)} sensors, {len(registry.zones)} zones", err=True)


@command.command()
@click.argument("id_", metavar="ID")
@click.option("--zone", metavar="ID", help="Zone, e.g. 522601-W-DMA03; made when it is new.")
@click.option("--from-unknown", is_flag=True, help="Take place and zone from its refused readings where not given.")
@click.option("--unit-code", help="Unit that holds it; found from --lon and --lat when left out.")
@click.option("--lon", help="Longitude, WGS-84 degrees.")
@click.option("--lat", help="Latitude, WGS-84 degrees.")
@click.option("--asset", help="Id of the station or pipe it watches.")
@click.option("--name-zh", help="Name in Chinese.")
@click.option("--name-en", help="Name in English.")
@click.option("--interval-s", help="Seconds between readings (60).")
@click.option("--owner-org", help="Organisation that owns it 权属单位.")
@click.option("--regulator", help="Department that supervises the owner 主管部门.")
@click.option("--profile", help="Detector profile, when not the kind's own.")
@click.option("--report", type=click.Choice(["continuous", "batched"]), help="Sends at once, or uploads in batches.")
@click.option("--upload-s", help="Batched: seconds between uploads.")
@click.option("--flow-sign", help="In the balance of its zone: 1 into it, -1 out of it.")
@click.option("--dry-run", is_flag=True, help="Check and report only.")
@prefix_option
@json_option
@connection_options
def add(id_: str, as_json: bool, dry_run: bool, from_unknown: bool, **options: Any) -> None:
    """Register one sensor ID, e.g. 522601-W-PRS-000123, or change it."""
    from streams.errors import UsageError
    from streams.registration import COLUMNS

    row = {"id": id_, **{name: options[name] for name in COLUMNS if options.get(name) is not None}}
    settings = settings_from(**{name: value for name, value in options.items() if name not in COLUMNS})
    if from_unknown:
        row = {**columns_of(settings, id_), **row}
    if "zone" not in row:
        raise UsageError("--zone is missing: name one, e.g. 522601-W-DMA03, or give --from-unknown")
    _register(iter([(0, row)]), "the sensor", settings, dry_run, as_json)


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check and report only.")
@prefix_option
@json_option
@connection_options
def import_(file: Path, as_json: bool, dry_run: bool, **connection: Any) -> None:
    """Register all sensors of FILE (CSV in UTF-8 with a header), or none when a row is bad.

    Columns: id, zone, then unit_code or lon and lat; optional profile, asset, name_zh, name_en, unit, interval_s,
    report (continuous, batched), upload_s, flow_sign, chainage_m, owner_org, operator_org, regulator, params.NAME.
    """
    _register(_rows(file), str(file), settings_from(**connection), dry_run, as_json)


@command.command()
@click.argument("ids", metavar="ID", nargs=-1, required=True)
@click.option("--undo", is_flag=True, help="Bring them back into service; their detectors learn anew.")
@click.option("--dry-run", is_flag=True, help="Check and report only.")
@prefix_option
@json_option
@connection_options
def retire(ids: tuple[str, ...], undo: bool, as_json: bool, dry_run: bool, **connection: Any) -> None:
    """Take sensors out of service: their readings are refused with that reason, their open episodes end.

    A device that moves to another zone is retired, and registered there under a new id.
    """
    from streams.cli.common import require_topics
    from streams.registration import retired
    from streams.registry import publish, read_all

    settings = settings_from(**connection)
    require_topics(settings)
    known = read_all(settings)
    changed = retired(ids, known, undo)
    if changed and not dry_run:
        publish(settings, changed, known=known)
    done, same = [s.id for s in changed], len(set(ids)) - len(changed)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "brought_back" if undo else "retired": done, "unchanged": same}))
        return
    would = "would be " if dry_run else ""
    click.echo(f"{len(done)} sensors {would}{'brought back' if undo else 'retired'}, {same} unchanged")


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    import csv

    from streams.errors import UsageError, explain
    from streams.registration import COLUMNS

    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, restkey="")
            names = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            unknown = [n for n in names if n not in COLUMNS and not n.startswith("params.")]
            lacking = [n for n in ("id", "zone") if n not in names]
            if lacking or unknown:
                fault = f"no column {lacking[0]!r}" if lacking else f"unknown column {unknown[0]!r}"
                raise UsageError(f"{file}, line 1: {fault}; the columns are {', '.join(COLUMNS)}, params.<name>")
            for row in reader:
                if "" in row:
                    raise UsageError(
                        f"{file}, line {reader.line_num}: more cells than columns; quote cells with commas"
                    )
                yield reader.line_num, {name: value or "" for name, value in row.items()}
    except OSError as error:
        raise explain(error) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8 (byte {error.start}); save it as “CSV UTF-8”") from None
    except csv.Error as error:
        raise UsageError(f"{file}, line {reader.line_num}: {error}") from None


def _register(
    rows: Iterator[tuple[int, dict[str, str]]], source: str, settings: Settings, dry_run: bool, as_json: bool
) -> None:
    from geo.boundaries import BoundaryError
    from streams.cli.common import require_topics
    from streams.errors import CityopsError, UsageError
    from streams.registration import plan
    from streams.registry import publish, read_all

    listed = list(rows)  # a file that cannot be read is told before Kafka is asked
    require_topics(settings)  # zones are spread over as many partitions as there are
    try:
        known = read_all(settings)
        result = plan(listed, known, settings.partitions)
    except BoundaryError as error:
        raise CityopsError(str(error)) from None
    if not result.problems and not dry_run and result.records:
        publish(settings, result.records, known=known)
    _report(result, source, dry_run, as_json)
    if result.problems:
        raise UsageError(f"{source}: {len(result.problems)} problems, nothing was registered; mend them and repeat")


def _report(result: Plan, source: str, dry_run: bool, as_json: bool) -> None:
    if as_json:
        answer = {
            "dry_run": dry_run,
            "added": [s.id for s in result.added],
            "changed": [s.id for s in result.changed],
            "unchanged": result.unchanged,
            "zones": [z.id for z in result.zones],
            "problems": [p._asdict() for p in result.problems],
        }
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    for line, field, reason in result.problems[:_SHOWN]:
        place = f"{source}, line {line}" if line else source
        click.echo(f"{place}: {field}: {reason}", err=True)
    if len(result.problems) > _SHOWN:
        click.echo(f"… and {len(result.problems) - _SHOWN} more (all with --json)", err=True)
    if not result.problems:
        would = "would be " if dry_run else ""
        click.echo(
            f"{len(result.added)} sensors {would}added, {len(result.changed)} changed, {result.unchanged} unchanged, "
            f"{len(result.zones)} zones new"
        )
