"""`cityops replay`: a recording through Kafka and the detectors, as a run of its own."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geo.moments import rfc3339
from streams.cli.common import connection_options, json_option, require_broker, say, settings_from
from streams.errors import CityopsError, UsageError

if TYPE_CHECKING:
    from simulators.replay import Plan, Result
    from streams.settings import Settings


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--domain", help="water, gas, pipeline or traffic.")
@click.option(
    "--speed", type=click.FloatRange(min=0), default=0.0, show_default=True,
    help="Times faster than recorded: 1, 600, …; 0 = as fast as it goes.",
)  # fmt: skip
@click.option("--mapping", "mapping_file", type=click.Path(path_type=Path), help="TOML file that says what is what.")
@click.option("--format", "format_", type=click.Choice(["wide", "long"]), help="A column a sensor, or a row a reading.")
@click.option("--time-column", metavar="NAME", help="Default: Time, timestamp, ts, time, datetime, …")
@click.option("--time-format", metavar="STRPTIME", help="As in '%d/%m/%y %H:%M'; default: ISO 8601 or epoch numbers.")
@click.option("--timezone", metavar="NAME", help="Zone of times without offset (default UTC), as in Asia/Shanghai.")
@click.option("--sensor-column", metavar="NAME", help="Long: the column with the sensor's name.")
@click.option("--value-column", metavar="NAME", multiple=True, help="Columns to send; default: all that hold numbers.")
@click.option("--map", "kinds", metavar="COLUMN=KIND", multiple=True, help="What a column measures: Trueb=turbidity.")
@click.option("--unit-code", metavar="CODE", help="Administrative unit it belongs to (default 522601).")
@click.option("--zone", metavar="ID", help="Zone id; default: made up from unit and domain.")
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
    Its alerts appear in console and API with mode "test".

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
    settings: Settings, file: Path, as_json: bool, *, run: str | None, speed: float, keep: bool, stay: bool,
    dry_run: bool, **reading: Any,
) -> int:  # fmt: skip
    from simulators import replay
    from streams.kafka import delete_topics
    from streams.supervisor import Stopped, Supervisor

    run_settings = replay.run_settings(settings, run if run is not None else replay.run_id(time.time()))
    plan = replay.plan(file, _mapping(**reading))
    if dry_run:
        _tell_plan(plan, as_json)
        return 0
    _need_broker(settings)
    bar = Bar(plan.survey.readings)
    with Supervisor(say) as supervisor:
        result: Result | None = None
        try:
            result = replay.run(run_settings, plan, supervisor, speed, bar.show)
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


def _mapping(
    *, domain: str | None, mapping_file: Path | None, format_: str | None, time_column: str | None,
    time_format: str | None, timezone: str | None, sensor_column: str | None, value_column: tuple[str, ...],
    kinds: tuple[str, ...], unit_code: str | None, zone: str | None,
) -> Any:  # fmt: skip
    from simulators.mapping import ColumnMap, read_mapping, with_options

    return with_options(
        read_mapping(mapping_file) if mapping_file else ColumnMap(),
        kinds,
        domain=domain,
        format=format_,
        time_column=time_column,
        time_format=time_format,
        timezone=timezone,
        sensor=sensor_column,
        value=value_column,
        unit_code=unit_code,
        zone=zone,
    )


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


class Bar:
    """A progress bar on stderr: a moving line on a terminal, else a line each tenth."""

    def __init__(self, readings: int) -> None:
        self._readings = readings
        self._tty = sys.stderr.isatty()
        self._last: tuple[str, int] = ("", -1)
        self._shown = 0.0

    def show(self, phase: str, share: float, readings: int, ts_ms: int) -> None:
        tenth = int(share * 10)
        now = time.monotonic()
        if (phase, tenth) == self._last and not (self._tty and now - self._shown > 0.1):
            return
        self._last, self._shown = (phase, tenth), now
        text = f"{phase:>16}"
        if ts_ms:
            full = round(share * 24)
            text += (
                f" [{'█' * full}{'·' * (24 - full)}] {share:4.0%}  {readings:,}/{self._readings:,}  {_minute(ts_ms)}"
            )
        print(f"\r{text}\x1b[K" if self._tty else text, end="" if self._tty else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._tty and self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = 0.0


def as_dict(result: Result) -> dict[str, Any]:
    """The answer for machines."""
    return {
        "run": result.run,
        "file": result.file,
        "readings": result.readings,
        "from": rfc3339(result.first_ms),
        "to": rfc3339(result.last_ms),
        "seconds": result.seconds,
        "worst_late_s": result.worst_late_s,
        "rejected": result.rejected,
        "alerts": [
            {
                "id": a["id"],
                "start": a["first_seen"],
                "end": a["ended"],
                "severity": a["severity"],
                "kind": a["kind"],
                "class": a["class"],
                "sensor": (a["sensors"] or a["assets"] or [""])[0],
                "title": a["title"],
                "reason": a["reason"],
            }
            for a in result.alerts
        ],
    }


def table(result: Result) -> str:
    """The answer for people: one line an alert."""
    head = (
        f"run {result.run}: {result.readings:,} readings of {result.file}, "
        f"{_minute(result.first_ms)} to {_minute(result.last_ms)}, in {result.seconds:.1f} s; "
        f"{len(result.alerts)} alerts"
    )
    lines = [head]
    lines += [f"  rejected: {n:,} messages, {reason}" for reason, n in result.rejected.items()]
    rows = [
        (
            a["first_seen"][:16].replace("T", " "),
            (a["ended"] or "still active")[:16].replace("T", " "),
            a["severity"],
            a["kind"],
            (a["sensors"] or a["assets"] or [""])[0],
            a["reason"]["en"],
        )
        for a in result.alerts
    ]
    if rows:
        titles = ("start (UTC)", "end (UTC)", "severity", "kind", "sensor", "what")
        widths = [max(len(r[k]) for r in [titles, *rows]) for k in range(5)]
        lines.append("")
        lines += ["  ".join([*(c.ljust(w) for c, w in zip(r, widths, strict=False)), r[5]]) for r in [titles, *rows]]
    return "\n".join(lines)


def _tell_plan(plan: Plan, as_json: bool) -> None:
    from geo.assets import Sensor

    sensors = [r for r in plan.records if isinstance(r, Sensor)]
    by_id = {sensor: name for name, sensor in plan.ids.items()}
    if as_json:
        about = [{"column": by_id[s.id], "sensor": s.id, "kind": s.kind, "interval_s": s.interval_s} for s in sensors]
        said = {"readings": plan.survey.readings, "from": rfc3339(plan.survey.first_ms),
                "to": rfc3339(plan.survey.last_ms), "zone": plan.mapping.zone, "sensors": about}  # fmt: skip
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    survey = plan.survey
    click.echo(f"{survey.readings:,} readings, {_minute(survey.first_ms)} to {_minute(survey.last_ms)}, nothing sent")
    for s in sensors:
        click.echo(f"  {by_id[s.id]:20} {s.id}  {s.kind:13} each {s.interval_s:g} s")


def _minute(ts_ms: int) -> str:
    return dt.datetime.fromtimestamp(ts_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M")
