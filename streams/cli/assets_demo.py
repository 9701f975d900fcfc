"""`cityops assets demo`: the made-up registry of the demo, written into Kafka; `cityops up --demo` runs it."""

from __future__ import annotations

import json
from typing import Any

import click

from streams.cli.common import connection_options, json_option, require_topics, settings_from


@click.command("demo")
@click.option("--size", type=click.Choice(["small", "full"]), default="full", show_default=True,
              help="648 or 5,184 sensors.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Another city for another number.")
@click.option("--prefix", metavar="TEXT", help="Topic prefix of a run, run.<id>. (CITYOPS_PREFIX).")
@json_option
@connection_options
def demo(size: str, seed: int | None, as_json: bool, **connection: Any) -> None:
    """Write the demo's zones, assets and sensors, each marked `demo`; what was changed since is left alone."""
    from geo.boundaries import BoundaryError
    from geo.demo import SEED, demo_registry
    from streams.errors import CityopsError
    from streams.process import watch_parent
    from streams.registry import publish, read_all

    watch_parent()
    settings = settings_from(**connection)
    require_topics(settings)
    try:
        records = demo_registry(SEED if seed is None else seed, settings.partitions, settings.cache, size)
    except BoundaryError as error:
        raise CityopsError(str(error)) from None
    known = read_all(settings)
    wanted = []
    for record in records:
        there = known.zones.get(record.id) or known.get(record.id)
        if there is None or (there.version == record.version and there != record):
            wanted.append(record)
    if wanted:
        publish(settings, wanted, known=known)
    if as_json:
        click.echo(json.dumps({"records": len(records), "written": len(wanted)}))
    else:
        click.echo(f"{len(wanted)} of {len(records)} records written")
