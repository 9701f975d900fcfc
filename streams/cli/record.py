"""`cityops record`: readings from Kafka into a Parquet file that replay and backtest play as the city did."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import click

from streams.cli.common import connection_options, json_option, require_broker, say, settings_from
from streams.cli.moment import Duration, Moment
from streams.cli.reference import prefix_option
from streams.errors import UsageError
from streams.topics import DOMAINS


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--domain", "domains", multiple=True, type=click.Choice(DOMAINS), help="Only these (default: all).")
@click.option("--from", "from_ms", type=Moment(start=-1), default=0, metavar="TIME|start",
              help="Arrival time to begin at; start: the oldest that Kafka keeps. Default: now.")  # fmt: skip
@click.option("--until", "until_ms", type=Moment(), metavar="TIME|now", help="Arrival time to end at.")
@click.option("--for", "for_ms", type=Duration(), metavar="DURATION", help="End after 90s, 10m, 2h …")
@prefix_option
@json_option
@connection_options
def command(
    file: Path, domains: tuple[str, ...], from_ms: int, until_ms: int | None, for_ms: int | None, as_json: bool,
    **options: Any,
) -> int:  # fmt: skip
    """Write the readings that the packer let through to FILE, until the time is reached or Ctrl-C.

    Columns: ts, sensor, value, quality, metric, lon, lat, accuracy_m, arrived. The registry of the sensors goes into
    the file, without people. FILE gets its name when it is whole.

    \b
      cityops record today.parquet --from start --until now
      cityops record storm.parquet --for 2h --domain water
    """
    from simulators.recorder import Span, record

    if until_ms and for_ms:
        raise UsageError("--until and --for say the same: give one")
    if file.exists():
        raise UsageError(f"{file}: is there already; give another name")
    settings = settings_from(**options)
    require_broker(settings)
    end = (from_ms if from_ms > 0 else round(time.time() * 1000)) + for_ms if for_ms else until_ms or 0
    if end and end <= from_ms:
        raise UsageError("--until lies before --from")
    stop: list[int] = []
    before = {s: signal.signal(s, lambda number, _: stop.append(number)) for s in (signal.SIGINT, signal.SIGTERM)}
    said = [time.monotonic()]

    def progress(readings: int, at_ms: int) -> None:
        if time.monotonic() - said[0] > 5:
            said[0] = time.monotonic()
            say(f"{readings:,} readings")

    try:
        n = record(settings, file, Span(from_ms, end), domains or DOMAINS, lambda: bool(stop), progress)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    click.echo(json.dumps({"file": str(file), "readings": n}) if as_json else f"{file}: {n:,} readings")
    return 0
