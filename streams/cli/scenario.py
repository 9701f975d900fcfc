"""`cityops scenario`: labelled stories to judge detectors by: list, show, check, record, run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geo.moments import rfc3339
from streams.cli.common import checked, json_option, say
from streams.cli.logs import write_whole
from streams.cli.score import text

if TYPE_CHECKING:
    from simulators.scenario import Scene
    from simulators.score import Score


@click.group()
def command() -> None:
    """Scenarios: who, where, when, how strong; NAME is one of the library or a .toml file."""


@command.command("list")
@json_option
def list_(as_json: bool) -> int:
    """Those that ship."""
    from simulators.scenario import library, load

    for name, path in library().items():
        s = load(path).scenario
        row = {"name": name, "zh": s.title.zh, "en": s.title.en, "minutes": s.minutes, "incidents": len(s.incident)}
        said = f"{name:20} {s.minutes:4g} min  {len(s.incident)} incidents  {s.title.zh}  {s.title.en}"
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else said)
    return 0


@command.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> int:
    """What happens in NAME: the truth of it."""
    scene = _scene(name)
    if as_json:
        click.echo(json.dumps({"name": scene.name, "truth": scene.truth()}, ensure_ascii=False))
        return 0
    click.echo(f"{scene.name}: {scene.scenario.title.zh}  {scene.scenario.title.en}")
    click.echo(f"{rfc3339(scene.begin_ms)} to {rfc3339(scene.end_ms)}, {len(scene.city.sensors)} sensors")
    for i in scene.truth():
        when = f"{rfc3339(i['start_ms'])} to {rfc3339(i['end_ms'])}"
        size = f"{i['size']:g} {i['size_unit']}  ({len(i['sensors'])} sensors touched)"
        click.echo(f"  {when}  {i['domain']}.{i['kind']} at {i['sensors'][0]}  {size}")
    return 0


@command.command()
@click.argument("names", nargs=-1, required=True)
def check(names: tuple[str, ...]) -> int:
    """Say whether scenarios can be played; exit 2 with file, incident and reason if not."""
    for name in names:
        scene = _scene(name)
        click.echo(f"{scene.name}: {len(scene.incidents)} incidents, {len(scene.city.sensors)} sensors")
    return 0


@command.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--truth", "truth_file", type=click.Path(path_type=Path), help="Write the truth, a line an incident.")
def record(name: str, file: Path, truth_file: Path | None) -> int:
    """Write the readings of NAME to FILE, as `cityops record` would, to replay and backtest."""
    scene = _scene(name)
    n = scene.write(file)
    if truth_file is not None:
        write_whole(truth_file, "".join(json.dumps(t, ensure_ascii=False) + "\n" for t in scene.truth()))
    say(f"{file}: {n:,} readings")
    return 0


@command.command()
@click.argument("names", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of the library.")
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write the report, one file with plots.")
@json_option
def run(names: tuple[str, ...], every: bool, page: Path | None, as_json: bool) -> int:
    """Backtest scenarios and score the alerts against their truth; no Kafka is needed.

    \b
      cityops scenario run night-burst
      cityops scenario run --all --html scorecard.html
    """
    from simulators.report_page import score_page
    from simulators.scenario import library
    from simulators.score import summary
    from streams.errors import UsageError

    if every == bool(names):
        raise UsageError("name scenarios, or --all")
    figures, scores = {}, []
    for name in names or tuple(library()):
        scene = _scene(name)
        say(f"{scene.name}…")
        scores.append(scored(scene))
        figures[scene.name] = summary(scores[-1])
    whole = _together(scores)
    total = summary(whole)
    if page:
        write_whole(page, score_page("Scorecard of scenarios", whole))
    if as_json:
        click.echo(json.dumps({"all": total, "scenarios": figures}, ensure_ascii=False))
        return 0
    for name, f in figures.items():
        found = round((f["all"]["recall"]["value"] or 0) * f["incidents"])
        delay = f["all"]["delay_s_median"]["value"]
        click.echo(f"{name:20} found {found}/{f['incidents']}  delay s {'-' if delay is None else f'{delay:g}':>6}  "
                   f"alerts {f['alerts']:3}  false {f['false_alarms']}")  # fmt: skip
    click.echo("\n" + text(total))
    return 0


def scored(scene: Scene) -> Score:
    """The score of one scenario by a backtest."""
    import msgspec

    from simulators import backtest
    from simulators.mapping import ColumnMap
    from simulators.plan import plan
    from simulators.replay import run_settings
    from simulators.score import Span, score
    from simulators.truth import Truth
    from streams.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{scene.name}.parquet"
        scene.write(file)
        result = backtest.run(run_settings(checked(Settings()), f"scenario-{scene.name}"), plan(file, ColumnMap()))
    span = Span(scene.end_ms - scene.begin_ms, len(scene.city.sensors))
    return score(result.alerts, msgspec.convert(scene.truth(), list[Truth]), span)


def _together(scores: list[Any]) -> Score:
    from simulators.score import Score, Span

    sensor_ms = sum(s.span.ms * s.span.sensors for s in scores)
    return Score([f for s in scores for f in s.incidents], [a for s in scores for a in s.right],
                 [a for s in scores for a in s.false], Span(sensor_ms, 1))  # fmt: skip


def _scene(name: str) -> Scene:
    from simulators.scenario import find, load

    return load(find(name))
