"""`cityops bench`: speed, latency and memory, measured on the real system. Ratios and medians are what to keep."""

from __future__ import annotations

import sys

import click

from streams.cli.benches.figure import report
from streams.cli.common import say


@click.group()
def command() -> None:
    """Measure speed, latency and accuracy on the real system."""


@command.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--quick", is_flag=True, help="Fewer samples, for CI.")
@click.option(
    "--out", metavar="FILE", default="bench-smoke.json", show_default=True, help="Where to write the figures."
)
def smoke(as_json: bool, quick: bool, out: str) -> None:
    """Latency from reading to feed, readings a second of one detect worker, memory of the demo."""
    from streams.cli.benches.smoke import run

    report(run(quick, say), as_json, out)
    sys.stdout.flush()
