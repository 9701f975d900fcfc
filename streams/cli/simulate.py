"""`cityops simulate`: the demo simulators alone, against any broker."""

from __future__ import annotations

from typing import Any

import click

from streams.cli.common import connection_options, require_topics, serve_as_child, settings_from


@click.command()
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--rate", type=click.FloatRange(min=0.01, max=100), default=1.0, show_default=True,
    help="Readings a second of each sensor.",
)  # fmt: skip
@click.option(
    "--duration", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="End after this; 0: until Ctrl-C."
)
@click.option("--backfill", type=click.FloatRange(min=0, max=1440), default=30.0, show_default=True, metavar="MINUTES",
              help="Clean readings before the start, so that detectors know what is normal.")  # fmt: skip
@click.option("--no-incidents", is_flag=True, help="Only normal operation.")
@connection_options
def command(seed: int, rate: float, duration: float, backfill: float, no_incidents: bool, **options: Any) -> int:
    """Send readings of every demo sensor in the registry, now and each second, with labelled incidents.

    First it sends half an hour of clean readings, or what is missing since its last run, then prints one line of
    JSON ({"ready": true, …}) and goes on at the pace of the clock. Incidents begin when the line "go" comes on
    stdin, or by themselves where stdin is no pipe; each is written to topic `truth` and to truth.jsonl in the data
    folder.
    """
    settings = settings_from(**options)
    serve_as_child(settings)
    require_topics(settings)
    from simulators import demo

    return demo.run(
        settings,
        demo.Options(
            seed=seed,
            rate=rate,
            duration_s=duration,
            incidents=not no_incidents,
            backfill_ms=round(backfill * 60_000),
        ),
    )
