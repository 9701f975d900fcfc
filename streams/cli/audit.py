"""`cityops audit`: check the hash chain of who did what, and write it out."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from typing import Any

import click

from streams.cli.common import json_option
from streams.cli.recorded import recorded
from streams.cli.users import data_option, opened
from streams.errors import CityopsError, UsageError

_HASH = re.compile(r"[0-9a-f]{64}")
FIELDS = (
    "seq", "at", "by", "role", "unit", "org", "address", "request", "action", "target", "query", "place", "status",
    "changes", "prev", "hash",
)  # fmt: skip


@click.group(help=__doc__)
def command() -> None:
    pass


@command.command()
@click.option("--head", default="", metavar="HASH", help="a head that was printed before: it has to be in the chain")
@json_option
@data_option
def verify(head: str, as_json: bool, data: str | None) -> None:
    """Check every row; print how many there are and the head, the hash of the last.

    The first row that is wrong is named, and the command ends with 1. Keep the head elsewhere, on paper say: with
    --head it shows later that no rows were cut off at the end and that the chain was not made anew.
    """
    from api import audit

    if head and not _HASH.fullmatch(head):
        raise UsageError(f"--head {head[:80]!r}: want the 64 hexadecimal digits that `cityops audit verify` printed")
    with opened(data) as store:
        found = audit.verify(store, head)
    if as_json:
        facts = {"ok": not found.bad, "rows": found.rows, "head": found.head, "bad": found.bad or None}
        click.echo(json.dumps({**facts, "why": found.why or None}))
    elif not found.bad:
        click.echo(f"{found.rows} rows, all as they were written; head {found.head}")
    if found.bad:
        raise CityopsError(f"row {found.bad} {found.why}; the {found.rows} before it are as they were written")


@command.command()
@click.option("--format", "form", type=click.Choice(("jsonl", "csv")), default="jsonl", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="the same as --format jsonl")
@data_option
def export(form: str, as_json: bool, data: str | None) -> None:
    """Write all rows to standard output, oldest first, each with its hash. The export itself becomes a row."""
    from api import audit

    with opened(data) as store:
        recorded(store, "audit export", {"format": "jsonl" if as_json else form})
        rows = ({**json.loads(r["json"]), "prev": r["prev"], "hash": r["hash"]} for r in audit.everything(store))
        if form == "csv" and not as_json:
            _csv(rows)
            return
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False, separators=(",", ":")))


def _csv(rows: Any) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(FIELDS)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in FIELDS])
        sys.stdout.write(text.getvalue())
        text.seek(0)
        text.truncate()
    sys.stdout.write(text.getvalue())


def _cell(value: Any) -> str:
    """Lists as JSON; a text that a spreadsheet would take for a formula gets an apostrophe."""
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else ""
    text = str(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
