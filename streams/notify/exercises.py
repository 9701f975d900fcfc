"""Exercises that may use real channels: who is enrolled, and the two people who said so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from geo.moments import rfc3339_or_none
from streams.errors import UsageError
from streams.notify import schema
from streams.notify.outbox import Outbox

MOST = 500
_e = schema.exercises.c


def propose(outbox: Outbox, run: str, people: Sequence[str], by: str, now_ms: int) -> dict[str, Any]:
    """Enrol people for the run; it counts once somebody else has approved. Raises UsageError where it is approved."""
    with outbox.write() as tx:
        old = tx.execute(select(schema.exercises).where(_e.run == run)).first()
        if old is not None and old.approved_by and old.ended_ms is None:
            raise UsageError(f"exercise {run} is approved already; end it before another list is proposed")
        tx.execute(delete(schema.exercises).where(_e.run == run))
        listed = msgspec.json.encode(sorted(set(people))).decode()
        made = {"run": run, "people": listed, "proposed_by": by, "proposed_ms": now_ms, "approved_by": ""}
        tx.execute(insert(schema.exercises), {**made, "approved_ms": None, "ended_by": "", "ended_ms": None})
    return one(outbox, run) or {}


def approve(outbox: Outbox, run: str, by: str, now_ms: int) -> dict[str, Any] | None:
    """Approve what another one proposed; None: there is no such exercise. Raises UsageError."""
    with outbox.write() as tx:
        old = tx.execute(select(schema.exercises).where(_e.run == run)).first()
        if old is None:
            return None
        if old.ended_ms is not None:
            raise UsageError(f"exercise {run} has ended; propose it anew")
        if old.approved_by:
            raise UsageError(f"exercise {run} was approved by {old.approved_by}")
        if old.proposed_by == by:
            raise UsageError(f"{by} proposed exercise {run}: another person has to approve it")
        tx.execute(update(schema.exercises).where(_e.run == run).values(approved_by=by, approved_ms=now_ms))
    return one(outbox, run)


def end(outbox: Outbox, run: str, by: str, now_ms: int) -> dict[str, Any] | None:
    """From now on nobody is told by real channels; None: there is no such exercise."""
    with outbox.write() as tx:
        here = (_e.run == run, _e.ended_ms.is_(None))
        tx.execute(update(schema.exercises).where(*here).values(ended_by=by, ended_ms=now_ms))
    return one(outbox, run)


def one(outbox: Outbox, run: str) -> dict[str, Any] | None:
    return next((e for e in listed(outbox) if e["run"] == run), None)


def listed(outbox: Outbox) -> list[dict[str, Any]]:
    """All, the newest first."""
    with outbox.read() as tx:
        rows = tx.execute(select(schema.exercises).order_by(_e.proposed_ms.desc())).all()
    return [
        {
            "run": r.run,
            "people": msgspec.json.decode(r.people),
            "state": "ended" if r.ended_ms is not None else "approved" if r.approved_by else "proposed",
            **{f"{what}_by": getattr(r, f"{what}_by") for what in ("proposed", "approved", "ended")},
            **{what: rfc3339_or_none(getattr(r, f"{what}_ms")) for what in ("proposed", "approved", "ended")},
        }
        for r in rows
    ]
