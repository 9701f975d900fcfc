"""`cityops truth`: what officers found out about alerts, as truth to score against."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import connection_options, require_topics, settings_from
from streams.cli.logs import alerts_of, write_whole
from streams.cli.reference import prefix_option

if TYPE_CHECKING:
    from streams.settings import Settings


@click.group()
def command() -> None:
    """Truth: incident intervals that detectors are scored against."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--log", type=click.Path(path_type=Path), help="An alert log instead of Kafka's.")
@prefix_option
@connection_options
def export(file: Path, log: Path | None, **options: Any) -> int:
    """Write the officers' verdicts (属实, 误报, 设备故障, 施工作业, 计划操作, 重复) to FILE, a line a judged alert.

    属实 and 设备故障 are incidents to be found; 误报 is false; 施工作业, 计划操作 and 重复 count neither way.
    """
    from simulators.truth import from_verdicts

    if log is not None:
        alerts = alerts_of(log)
    else:
        settings = settings_from(**options)
        require_topics(settings)
        alerts = asyncio.run(_alerts(settings))
    rows = from_verdicts(alerts)
    write_whole(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    click.echo(f"{file}: {len(rows)} verdicts of {len(alerts)} alerts")
    return 0


async def _alerts(settings: Settings) -> list[dict[str, Any]]:
    from simulators.replay import outcome

    return (await outcome(settings))[1]
