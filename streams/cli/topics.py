"""`cityops topics`: create, list, delete."""

from __future__ import annotations

import json
from typing import Any

import click

from streams.cli.common import connection_options, json_option, require_broker, settings_from
from streams.errors import UsageError


@click.group()
def command() -> None:
    """Create, list or delete the topics of live operation or of a run."""


@command.command()
@click.option("--prefix", metavar="RUN", help="Topic prefix of a run, run.<id>.")
@click.option("--partitions", type=click.IntRange(1), help="Partitions of readings, detections, commands, alerts.")
@click.option("--replication", type=click.IntRange(1), help="Copies of each partition.")
@json_option
@connection_options
def create(as_json: bool, **options: Any) -> None:
    """Create what is missing; topics that exist are kept, and have to have the same number of partitions."""
    from streams.kafka import create_topics

    settings = settings_from(**options)
    require_broker(settings)
    report = create_topics(settings)
    if as_json:
        click.echo(json.dumps({"created": report.created, "kept": report.kept}))
        return
    click.echo(f"{len(report.created)} created, {len(report.kept)} kept at {settings.broker}")


@command.command("list")
@click.option("--prefix", metavar="RUN", default="", help="Only topics that begin so.")
@json_option
@connection_options
def list_(prefix: str, as_json: bool, **options: Any) -> None:
    """Show topics with partitions and records kept."""
    from streams.kafka import admin
    from streams.offsets import record_counts

    settings = settings_from(**options)
    require_broker(settings)
    with admin(settings) as client:
        rows = record_counts(client, prefix)
    if as_json:
        click.echo(json.dumps([{"topic": name, "partitions": parts, "records": n} for name, parts, n in rows]))
        return
    if not rows:
        click.echo(f"no topic{f' begins with {prefix}' if prefix else ''} at {settings.broker}", err=True)
    for name, parts, n in rows:
        click.echo(f"{name:40} {parts:3} partitions  {n:12,} records")


@command.command()
@click.argument("prefix")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connection_options
def delete(prefix: str, yes: bool, **options: Any) -> None:
    """Delete all topics of the run PREFIX (run.<id>.). Live topics cannot be deleted here."""
    from streams.kafka import admin, delete_topics

    settings = settings_from(**options)
    if not prefix.startswith("run."):
        raise UsageError(f"prefix {prefix!r}: only a run's topics can be deleted, as in run.2024-storm.")
    require_broker(settings)
    with admin(settings) as client:
        if not any(name.startswith(prefix) for name in client.list_topics()):
            raise UsageError(
                f"no topic begins with {prefix} at {settings.broker}: see `cityops topics list --prefix run.`"
            )
    if not yes:
        click.confirm(f"Delete every topic that begins with {prefix} at {settings.broker}?", abort=True)
    names = delete_topics(settings, prefix)
    click.echo(f"{len(names)} topics deleted")
