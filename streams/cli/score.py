"""`cityops score`: an alert log against truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import json_option
from streams.cli.logs import alerts_of, write_whole

if TYPE_CHECKING:
    from simulators.score import Span


@click.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.argument("truth", type=click.Path(path_type=Path))
@click.option(
    "--recording", type=click.Path(path_type=Path), help="What was judged, of `cityops record`: span and sensors."
)
@click.option("--sensors", type=click.IntRange(1), help="How many sensors were watched, where no recording is given.")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), help="How long, likewise.")
@click.option("--grace", type=click.FloatRange(min=0), default=600.0, show_default=True, metavar="SECONDS",
              help="An alert so long after an incident's end still belongs to it.")  # fmt: skip
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write the report, one file with plots.")
@json_option
def command(
    log: Path, truth: Path, recording: Path | None, sensors: int | None, hours: float | None, grace: float,
    page: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Score LOG (`cityops backtest --log`) against TRUTH (truth.jsonl of a simulation, or `cityops truth export`).

    Shares have Wilson intervals, medians bootstrap intervals by seed, false alarms Byar's; 95 % each.
    """
    from simulators.report_page import score_page
    from simulators.score import score, summary
    from simulators.truth import read_truth_file

    made = score(alerts_of(log), read_truth_file(truth), _span(recording, sensors, hours), grace)
    figures = summary(made)
    if page:
        write_whole(page, score_page(f"Score of {log.name}", made))
    click.echo(json.dumps(figures, ensure_ascii=False) if as_json else text(figures))
    return 0


def _span(recording: Path | None, sensors: int | None, hours: float | None) -> Span | None:
    from simulators.mapping import ColumnMap
    from simulators.plan import plan
    from simulators.score import Span

    if recording is not None:
        survey = plan(recording, ColumnMap()).survey
        return Span(survey.last_ms - survey.first_ms, len(survey.names))
    return Span(round(hours * 3_600_000), sensors) if hours and sensors else None


def text(figures: dict[str, Any]) -> str:
    """For people: a line a kind."""

    def said(f: dict[str, Any], factor: float = 1.0) -> str:
        if f["value"] is None:
            return "-"
        ends = "" if f["low"] is None else f" ({f['low'] * factor:.3g} to {f['high'] * factor:.3g})"
        return f"{f['value'] * factor:.3g}{ends}"

    lines = [
        f"{figures['incidents']} incidents, {figures['alerts']} alerts; precision % {said(figures['precision'], 100)}; "
        f"{figures['false_alarms']} false, a week per 100 sensors {said(figures['false_per_week_per_100'])}",
        f"{'':28} {'n':>4}  {'recall %':24} {'median delay s':24} {'median place error m'}",
    ]
    for name, f in {"all": figures["all"], **figures["by_kind"], **figures["by_size"]}.items():
        lines.append(
            f"{name:28} {f['n']:>4}  {said(f['recall'], 100):24} {said(f['delay_s_median']):24} "
            f"{said(f['localisation_m_median'])}"
        )
    return "\n".join(lines)
