"""`cityops backtest`: a recording through the same detectors and alert engine in this process, without Kafka."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.bar import Bar
from streams.cli.common import checked, json_option
from streams.cli.found import as_dict, table
from streams.cli.logs import whole
from streams.cli.reading import mapping_of, reading_options

if TYPE_CHECKING:
    from simulators.outcome import Result
    from simulators.plan import Plan


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@reading_options
@click.option(
    "--run", default="backtest", show_default=True, metavar="ID", help="Name of the run: ids of alerts depend on it."
)
@click.option("--profiles", "profile_files", multiple=True, metavar="DOMAIN.toml", type=click.Path(path_type=Path),
              help="Detector profiles over those in force.")  # fmt: skip
@click.option(
    "--log", metavar="FILE", type=click.Path(path_type=Path), help="Write the alert log, a line of JSON a record."
)
@json_option
def command(
    file: Path, run: str, profile_files: tuple[Path, ...], log: Path | None, as_json: bool, **reading: Any
) -> int:
    """Judge FILE (CSV, gzipped CSV, Parquet, or what `cityops record` wrote) and list its alerts; no Kafka is needed.

    The alert log is that of `cityops replay` on the same file and run, byte for byte.

    \b
      cityops backtest water.csv.gz --domain water
      cityops backtest week.parquet --profiles water.toml --log alerts.jsonl
    """
    from simulators.plan import plan
    from simulators.replay import run_settings
    from streams.settings import Settings

    settings = run_settings(checked(Settings()), run)
    planned = plan(file, mapping_of(**reading)).with_profiles(profile_files)
    bar = Bar(planned.survey.readings)
    try:
        result = backtest(settings, planned, log, bar)
    finally:
        bar.end()
    click.echo(json.dumps(as_dict(result), ensure_ascii=False) if as_json else table(result))
    return 0


def backtest(settings: Any, planned: Plan, log: Path | None, bar: Bar) -> Result:
    """The run; its log has its name only when it is whole."""
    from simulators import backtest as backtests

    if log is None:
        return backtests.run(settings, planned, None, bar.show)
    with whole(log) as part, part.open("wb") as out:
        return backtests.run(settings, planned, out, bar.show)
