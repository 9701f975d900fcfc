"""`cityops bench`: speed, latency and memory, measured on the real system. Ratios and medians are what to keep."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from streams.cli.benches.figure import report
from streams.cli.common import say
from streams.errors import CityopsError

F = TypeVar("F", bound=Callable[..., Any])


def _output(file: str) -> Callable[[F], F]:
    """The options every benchmark has."""

    def add(function: F) -> F:
        for option in (
            click.option("--out", metavar="FILE", default=file, show_default=True, help="Where to write the figures."),
            click.option("--quick", is_flag=True, help="Smaller and shorter, for CI; goals are those of the long run."),
            click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
        ):
            function = option(function)
        return function

    return add


@click.group()
def command() -> None:
    """Measure speed, latency and accuracy on the real system."""


@command.command()
@_output("bench-smoke.json")
def smoke(as_json: bool, quick: bool, out: str) -> None:
    """Latency from reading to feed, readings a second of one detect worker, memory of the demo."""
    from streams.cli.benches.smoke import run

    report(run(quick, say), as_json, out)
    sys.stdout.flush()


@command.command()
@_output("bench-stream.json")
@click.option("--only", metavar="STAGE,…", default="", help="Only these stages (default: all).")
def stream(as_json: bool, quick: bool, out: str, only: str) -> None:
    """Each stage of the main path and the whole of it, with peers in the same run.

    \b
    Stages: kernel, packer, http, mqtt, end_to_end, latency, restart
    """
    from streams.cli.benches.stream import chosen, run

    report(run(quick, say, chosen(only)), as_json, out)
    sys.stdout.flush()


@command.command()
@_output("bench-detect.json")
@click.option("--only", metavar="STAGE,…", default="", help="Only these stages (default: all).")
def detect(as_json: bool, quick: bool, out: str, only: str) -> None:
    """Recall, delay, false alarms and cost of the detectors, on recordings and simulated incidents.

    \b
    Stages: kernel, nab, water_recording, batadal, water, gas, pipeline, traffic
    """
    from streams.cli.benches.detect import chosen, run

    report(run(quick, say, chosen(only)), as_json, out)
    sys.stdout.flush()


@command.command()
@_output("bench-geo.json")
def geo(as_json: bool, quick: bool, out: str) -> None:
    """Which fences hold each point, beside shapely and geopandas in the same run; build and swap of the index."""
    from streams.cli.benches.geo import run

    report(run(quick, say), as_json, out)
    sys.stdout.flush()


@command.command()
@_output("bench-alerts.json")
@click.option("--only", metavar="STAGE,…", default="", help="Only these stages (default: all).")
def alerts(as_json: bool, quick: bool, out: str, only: str) -> None:
    """From a detection to a person: storms, transitions a second, deadlines, acknowledgements, kills of the worker.

    \b
    Stages: storm, sustained, open, kills
    """
    from streams.cli.benches.alerts import chosen, run

    report(run(quick, say, chosen(only)), as_json, out)
    sys.stdout.flush()


@command.command()
@_output("bench-feed.json")
def feed(as_json: bool, quick: bool, out: str) -> None:
    """The live feed: 1,000 clients, stuck ones, a reconnect over 10,000 missed events, a hundred lost connections."""
    from streams.cli.benches.feed import run

    report(run(quick, say), as_json, out)
    sys.stdout.flush()


@command.command()
@_output("bench-console.json")
def console(as_json: bool, quick: bool, out: str) -> None:
    """The console in Chromium with 2,000 open alerts and 5,000 assets: size, first list, frames while panning."""
    from streams.cli.benches.console import run

    report(run(quick, say), as_json, out)
    sys.stdout.flush()


@command.command()
@_output("bench-simulate.json")
def simulate(as_json: bool, quick: bool, out: str) -> None:
    """A week of 10,000 simulated sensors through the backtest: readings a second, memory."""
    from streams.cli.benches.simulate import run

    report(run(quick, say), as_json, out)
    sys.stdout.flush()


@command.command()
@_output("bench-chaos.json")
@click.option("--kills", type=click.IntRange(1), help="How many times a process is killed (default: the bench's own).")
def chaos(as_json: bool, quick: bool, out: str, kills: int | None) -> None:
    """Kill -9 and stalls of every process; the alert log is compared with that of an uninterrupted run."""
    name = "streams.cli.benches.chaos"
    if importlib.util.find_spec(name) is None:
        raise CityopsError("bench chaos is not part of this installation: streams/cli/benches/chaos.py is missing")
    report(importlib.import_module(name).run(quick, say, kills), as_json, out)
    sys.stdout.flush()
