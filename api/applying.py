"""Records of the log become rows, within a transaction of the caller."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from api import alert_orgs, schema
from api.cursor import Cursor
from api.records import Record
from streams.sql import save_offsets
from streams.topics import run_of


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the feed: its place, what filters ask of it, and its data as JSON text."""

    seq: int
    alert: str
    version: int
    severity: str
    domain: str
    unit: str
    at: str
    data: str


@dataclass(frozen=True)
class Applied:
    """What a batch did: the events in commit order, how many records were old or came twice, which made transitions."""

    events: list[Event]
    stale: int = 0
    duplicate: int = 0
    made: Sequence[Record] = ()


def apply_records(
    tx: Connection, records: Sequence[Record], offsets: Mapping[tuple[str, int], int], cursor: Cursor
) -> Applied:
    """Apply records in their order, with the offsets reached; events are numbered on from the cursor.

    A record whose version is already there with the same content is a duplicate, one with a lower
    version is stale; both change nothing. The same version with new content is a repeat: it moves
    count and last_seen, makes an event, and no transition.
    """
    events: list[Event] = []
    stale = duplicate = 0
    seq = cursor.seq
    known = _known(tx, {r.id for r in records})
    rows: dict[str, dict[str, Any]] = {}
    steps: list[dict[str, Any]] = []
    made: list[Record] = []
    fresh: set[str] = set()
    for r in records:
        row = {**r.columns, "json": r.alert}
        old = known.get(r.id)
        if old is None:
            fresh.add(r.id)
        elif old["version"] > r.version:
            stale += 1
            continue
        elif old["version"] == r.version:
            if old["json"] == r.alert:
                duplicate += 1
                continue
            row["changed_ms"] = old["changed_ms"]
        if old is None or old["version"] < r.version:
            steps.append({"alert": r.id, "version": r.version, "json": r.transition})
            made.append(r)
        known[r.id] = rows[r.id] = row
        seq += 1
        events.append(Event(seq, r.id, r.version, row["severity"], row["domain"], row["unit"], r.at, r.slim))
    if new := [rows[i] for i in rows if i in fresh]:
        tx.execute(insert(schema.alerts), new)
    if changed := [rows[i] for i in rows if i not in fresh]:
        _update_all(tx, changed)
    if steps:
        tx.execute(insert(schema.transitions), steps)
        alert_orgs.keep(tx, {r.id: r.orgs for r in made}, fresh)
    if events:
        tx.execute(
            insert(schema.events),
            [{f: getattr(e, f) for f in Event.__slots__} | {"epoch": cursor.epoch} for e in events],
        )
    save_offsets(tx, schema.offsets, offsets)
    return Applied(events, stale, duplicate, made)


def forget(tx: Connection, runs: Collection[str], epoch: str) -> None:
    """Remove all of these runs ("" is live operation) and begin an epoch; other runs and users stay."""
    theirs = schema.alerts.c.run.in_(runs)
    ids = select(schema.alerts.c.id).where(theirs)
    tx.execute(delete(schema.transitions).where(schema.transitions.c.alert.in_(ids)))
    alert_orgs.forget(tx, ids)
    tx.execute(delete(schema.alerts).where(theirs))
    for table in (schema.offsets, schema.topics):
        named = [t for t in tx.scalars(select(table.c.topic).distinct()) if run_of(t) in runs]
        tx.execute(delete(table).where(table.c.topic.in_(named)))
    begin(tx, epoch)


def begin(tx: Connection, epoch: str) -> None:
    """A new epoch without events: cursors of the old one are answered with resync."""
    tx.execute(delete(schema.events))
    tx.execute(update(schema.meta).where(schema.meta.c.key == "epoch").values(value=epoch))


def _known(tx: Connection, ids: set[str]) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    wanted = sorted(ids)
    c = schema.alerts.c
    for k in range(0, len(wanted), 500):
        rows = tx.execute(select(c.id, c.version, c.json, c.changed_ms).where(c.id.in_(wanted[k : k + 500])))
        out |= {row.id: dict(row._mapping) for row in rows}
    return out


def _update_all(tx: Connection, rows: list[dict[str, Any]]) -> None:
    names = [c.name for c in schema.alerts.columns if c.name != "id"]
    statement = update(schema.alerts).where(schema.alerts.c.id == bindparam("_id"))
    tx.execute(
        statement.values({name: bindparam("_" + name) for name in names}),
        [{"_" + name: value for name, value in row.items()} for row in rows],
    )
