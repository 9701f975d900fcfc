"""`cityops assets demo`: the made-up registry of the demo, written into Kafka; `cityops up --demo` runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import connection_options, json_option, require_topics, settings_from

if TYPE_CHECKING:
    from geo.fences import Fence
    from streams.duty.book import DutyBook
    from streams.settings import Settings


@click.command("demo")
@click.option("--size", type=click.Choice(["small", "full"]), default="full", show_default=True,
              help="648 or 5,184 sensors.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Another city for another number.")
@click.option("--prefix", metavar="TEXT", help="Topic prefix of a run, run.<id>. (CITYOPS_PREFIX).")
@json_option
@connection_options
def demo(size: str, seed: int | None, as_json: bool, **connection: Any) -> None:
    """Write the demo's zones, assets, sensors, fences and duty, each marked `demo`; what was changed is left alone."""
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
    fences = _fences(settings, known.fences, SEED if seed is None else seed)
    duty = _duty(settings, known.duty)
    if as_json:
        click.echo(json.dumps({"records": len(records), "written": len(wanted), "fences": fences, "duty": duty}))
    else:
        click.echo(f"{len(wanted)} of {len(records)} records, {fences} fences and {duty} records of duty written")


def _duty(settings: Settings, known: DutyBook) -> int:
    """Write the demo's people and rosters that were never there; returns how many."""
    from geo.divisions import Divisions
    from streams import tables, topics, versions
    from streams.duty.demo import demo_duty
    from streams.duty.records import encode

    fresh = [r for r in demo_duty(Divisions.load()) if known.get(r.id) is None]
    if fresh:
        tables.write(settings, topics.DUTY, versions.rows((r.id, r.version, encode(r)) for r in fresh))
    return len(fresh)


def _fences(settings: Settings, known: Mapping[str, Fence], seed: int) -> int:
    """Write the demo's fences that were never there; returns how many."""
    import time

    from geo.demo_fences import demo_fences
    from geo.fences import encode
    from streams import tables, topics, versions

    made = demo_fences(seed, settings.cache, int(time.time() * 1000))
    fresh = [f for f in made if f.id not in known]
    if fresh:
        tables.write(settings, topics.FENCES, versions.rows((f.id, f.version, encode(f)) for f in fresh))
    return len(fresh)
