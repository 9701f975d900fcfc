"""`cityops compare`: two alert logs, or two profiles over one recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from streams.cli.common import json_option
from streams.cli.logs import alerts_of, alerts_with, write_whole
from streams.cli.reading import mapping_of, reading_options
from streams.errors import UsageError


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--recording", type=click.Path(path_type=Path), help="What two profiles are to judge.")
@reading_options
@click.option("--near", type=click.FloatRange(min=0), default=3600.0, show_default=True, metavar="SECONDS",
              help="Starts further apart are two alerts.")  # fmt: skip
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write the report, one file with plots.")
@json_option
def command(
    a: Path, b: Path, recording: Path | None, near: float, page: Path | None, as_json: bool, **reading: Any
) -> int:
    """Say which alerts appear, vanish, move or change from A to B.

    A and B are alert logs (`cityops backtest --log`), or with --recording files of profiles, `<domain>.toml`.

    \b
      cityops compare before.jsonl after.jsonl --html difference.html
      cityops compare old/water.toml new/water.toml --recording week.parquet
    """
    from simulators.compare import as_dict, compare
    from simulators.plan import plan
    from simulators.report_page import compare_page

    if (a.suffix == ".toml") != (b.suffix == ".toml") or (a.suffix == ".toml") != (recording is not None):
        raise UsageError("give two alert logs, or two <domain>.toml with --recording")
    if recording is not None:
        planned = plan(recording, mapping_of(**reading))
        found = compare(alerts_with(planned, a), alerts_with(plan(recording, mapping_of(**reading)), b), near)
    else:
        found = compare(alerts_of(a), alerts_of(b), near)
    if page:
        write_whole(page, compare_page(f"{a.name} and {b.name}", found))
    said = as_dict(found)
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False))
        return 0
    click.echo(f"{said['same']} the same")
    for sign, name in (("+", "appeared"), ("-", "vanished"), ("~", "moved")):
        for x in said[name]:
            more = f"  {x['moved_s']:+g} s {x['changed'] or ''}" if name == "moved" else ""
            click.echo(f"{sign} {x['start']}  {x['severity']:3} {x['domain']}.{x['kind']}  {x['sensor']}{more}")
    return 0
