"""`cityops replay`: a recording through Kafka and the detectors, as a run of its own."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geo.moments import rfc3339
from streams.cli.bar import Bar
from streams.cli.common import connection_options, json_option, require_broker, say, settings_from
from streams.cli.found import as_dict, minute, table
from streams.cli.moment import Moment
from streams.cli.reading import mapping_of, reading_options
from streams.errors import CityopsError, UsageError

if TYPE_CHECKING:
    from simulators.outcome import Result
    from simulators.plan import Plan
    from streams.settings import Settings


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--speed", type=click.FloatRange(min=0), default=0.0, show_default=True,
    help="Times faster than recorded: 1, 600, …; 0 = as fast as it goes.",
)  # fmt: skip
@reading_options
@click.option(
    "--from", "from_ms", type=Moment(), default=0, metavar="TIME", help="Begin at this time of the recording."
)
@click.option("--until", "until_ms", type=Moment(), default=0, metavar="TIME", help="End before this time of it.")
@click.option("--loop", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Play it so many times.")
@click.option("--shift-to-now", is_flag=True, help="Move all times so that it begins now.")
@click.option("--run", "run", metavar="ID", help="Name of the run (default replay-<UTC time>).")
@click.option("--keep/--no-keep", default=True, show_default=True, help="Keep the run, so that the console shows it.")
@click.option("--stay", is_flag=True, help="Keep the run's workers until Ctrl-C, so that its alerts take commands.")
@click.option("--dry-run", is_flag=True, help="Read the file, say what would be sent, send nothing.")
@click.option("--delete", "delete_run", metavar="RUN", help="Delete a run as a whole and end.")
@json_option
@connection_options
def command(file: Path | None, delete_run: str | None, **options: Any) -> int:
    """Send FILE (CSV, gzipped CSV or Parquet) through the detectors, as a run of its own, and list its alerts.

    The run has its own topics (run.<id>.…), registry, workers and clock: times stay as they were recorded.
    Its alerts appear in console and API with mode "test". Where it is paced, signal USR1 (kill -USR1) holds it and lets
    it go on.

    \b
      cityops replay water.csv.gz --domain water --speed 600
      cityops replay loops.csv --domain traffic --map value=speed --speed 0 --json
      cityops replay --delete replay-20260102T030405
    """
    settings = settings_from(**{name: options.pop(name) for name in _CONNECTION})
    as_json = options.pop("as_json")
    if delete_run:
        if file:
            raise UsageError("--delete takes no FILE")
        return _delete(settings, delete_run, as_json)
    if file is None:
        raise UsageError("FILE is missing: name a CSV, gzipped CSV or Parquet file, or --delete RUN")
    return _replay(settings, file, as_json, **options)


_CONNECTION = (
    "broker", "data", "security_protocol", "sasl_mechanism", "sasl_username", "ssl_cafile", "ssl_certfile",
    "ssl_keyfile",
)  # fmt: skip


def _replay(
    settings: Settings, file: Path, as_json: bool, *, from_ms: int, until_ms: int, loop: int,
    shift_to_now: bool, run: str | None, speed: float, keep: bool, stay: bool,
    dry_run: bool, **reading: Any,
) -> int:  # fmt: skip
    from simulators import replay
    from simulators.plan import plan
    from streams.kafka import delete_topics
    from streams.supervisor import Stopped, Supervisor

    run_settings = replay.run_settings(settings, run if run is not None else replay.run_id(time.time()))
    planned = plan(file, mapping_of(**reading))
    planned = planned.played(from_ms, until_ms, loop, round(time.time() * 1000) if shift_to_now else 0)
    if dry_run:
        _tell_plan(planned, as_json)
        return 0
    _need_broker(settings)
    bar = Bar(planned.survey.readings)
    with Supervisor(say) as supervisor:
        result: Result | None = None
        try:
            result = replay.run(run_settings, planned, supervisor, speed, bar.show)
            bar.end()
            click.echo(json.dumps(as_dict(result), ensure_ascii=False) if as_json else table(result))
            if stay:
                say(f"run {result.run} stays until Ctrl-C: its alerts take commands")
                supervisor.run()
            if keep and not as_json:
                say(f"\nThe console shows run {result.run}; `cityops replay --delete {result.run}` removes it.")
        except Stopped:
            bar.end()
            gone = result is None or not keep
            say(f"interrupted; run {run_settings.run} {'was deleted' if gone else 'is complete and stays'}")
            return 130
        except CityopsError:
            bar.end()
            raise
        finally:
            if result is not None and not keep:
                supervisor.hold()
                supervisor.stop()
                delete_topics(run_settings, run_settings.prefix)
    return 0


def _need_broker(settings: Settings) -> None:
    try:
        require_broker(settings)
    except CityopsError as error:
        raise UsageError(str(error)) from None


def _delete(settings: Settings, run: str, as_json: bool) -> int:
    from simulators import replay

    replay.run_settings(settings, run)
    _need_broker(settings)
    n = replay.delete(settings, run)
    click.echo(json.dumps({"deleted": run, "topics": n}) if as_json else f"run {run} deleted ({n} topics)")
    return 0


def _tell_plan(plan: Plan, as_json: bool) -> None:
    by_id, survey = {sensor: name for name, sensor in plan.ids.items()}, plan.survey
    if as_json:
        about = [
            {"column": by_id[s.id], "sensor": s.id, "kind": s.kind, "interval_s": s.interval_s} for s in plan.sensors
        ]
        said = {"readings": survey.readings, "from": rfc3339(survey.first_ms), "to": rfc3339(survey.last_ms),
                "zone": plan.sensors[0].zone, "sensors": about}  # fmt: skip
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    click.echo(f"{survey.readings:,} readings, {minute(survey.first_ms)} to {minute(survey.last_ms)}, nothing sent")
    for s in plan.sensors:
        click.echo(f"  {by_id[s.id]:20} {s.id}  {s.kind:13} each {s.interval_s:g} s")
