"""How the imports of `cityops geo` say what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from geo.faults import FileRefused

SHOWN = 20  # lines of each kind in a report for people


def refuse(file: Path, error: FileRefused, as_json: bool) -> int:
    """Tell every fault (the first 20 to people) and the exit code, 2."""
    if as_json:
        rows = [fault._asdict() for fault in error.faults]
        click.echo(json.dumps({"file": str(file), "imported": False, "faults": rows}, ensure_ascii=False))
    else:
        for fault in error.faults[:SHOWN]:
            click.echo(str(fault), err=True)
    text = f"cityops geo: {file}: {len(error.faults)} problems, nothing was imported; mend them and repeat"
    click.echo(text, err=True)
    return 2
