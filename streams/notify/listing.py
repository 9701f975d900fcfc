"""What the API shows of the outbox, and sending a message again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import case, func, or_, select, update

from geo.moments import rfc3339, rfc3339_or_none
from streams.notify import plan, schema, states
from streams.notify.masking import masked
from streams.notify.outbox import Outbox

_m = schema.messages.c
_PAGE = re.compile(r"(\d{1,15})\.([0-9a-f]{1,40})")


@dataclass(frozen=True)
class Asked:
    """Filters; "" and () leave all through. `prefix`: of the alert's unit."""

    prefix: str
    alert: str = ""
    states: tuple[str, ...] = ()
    person: str = ""


def page_of(text: str) -> tuple[int, str]:
    """(created_ms, id) after which a page begins; raises ValueError."""
    match = _PAGE.fullmatch(text)
    if match is None:
        raise ValueError("want `next` of the page before")
    return int(match.group(1)), match.group(2)


def messages(
    outbox: Outbox, asked: Asked, limit: int, after: tuple[int, str] | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Messages, the newest first, and the token of the next page."""
    query = select(schema.messages).where(_m.unit.startswith(asked.prefix, autoescape=True))
    if asked.alert:
        query = query.where(_m.alert == asked.alert)
    if asked.states:
        query = query.where(_m.state.in_(asked.states))
    if asked.person:
        query = query.where(_m.person == asked.person)
    if after is not None:
        query = query.where(or_(_m.created_ms < after[0], (_m.created_ms == after[0]) & (_m.id < after[1])))
    with outbox.read() as tx:
        rows = tx.execute(query.order_by(_m.created_ms.desc(), _m.id.desc()).limit(limit + 1)).all()
    more = rows[limit - 1] if len(rows) > limit else None
    return [public(dict(r._mapping)) for r in rows[:limit]], f"{more.created_ms}.{more.id}" if more else None


def public(row: plan.Row) -> dict[str, Any]:
    """A message as the API shows it: why it is in its state, until when it waits, its address masked."""
    waits = row["state"] in states.WAITING
    return {
        **{k: row[k] for k in _PLAIN},
        "address": masked(row["address"]),
        "reason": msgspec.json.decode(row["reason"]),
        "until": rfc3339(row["next_ms"]) if waits else None,
        **{k: rfc3339_or_none(row[f"{k}_ms"]) for k in ("at", "due", "created", "sent")},
    }


_PLAIN = (
    "id", "alert", "run", "mode", "severity", "notice", "why", "place", "role", "person", "channel", "state",
    "attempts", "text",
)  # fmt: skip


def one(outbox: Outbox, id_: str) -> plan.Row | None:
    with outbox.read() as tx:
        row = tx.execute(select(schema.messages).where(_m.id == id_)).first()
        return dict(row._mapping) if row else None


def resend(outbox: Outbox, id_: str, by: str, now_ms: int) -> bool:
    """Put a message that was given up, or is old, into the queue again; False where its state forbids that."""
    values = {
        "state": "queued", "attempts": 0, "created_ms": now_ms, "next_ms": now_ms,
        "reason": plan.reason(states.resent(by)),
    }  # fmt: skip
    with outbox.write() as tx:
        here = (_m.id == id_, _m.state.in_(states.RESENDABLE), _m.address != "")
        return bool(tx.execute(update(schema.messages).where(*here).values(values)).rowcount)


def figures(outbox: Outbox, now_ms: int) -> dict[str, float]:
    """For Prometheus: what waits, since when, and what was given up."""
    with outbox.read() as tx:
        rows = tx.execute(
            select(_m.state, func.count(), func.min(_m.created_ms), func.sum(case((_m.severity == "I", 1), else_=0)))
            .where(_m.state.in_((*states.OPEN, "dead")))
            .group_by(_m.state)
        ).all()
        replies = tx.scalar(select(func.count()).select_from(schema.replies)) or 0
    n = {state: count for state, count, _, _ in rows}
    open_ = [(oldest, red) for state, _, oldest, red in rows if state in states.OPEN]
    return {
        "waiting": float(sum(n.get(s, 0) for s in states.OPEN)),
        "waiting_severity_1": float(sum(red for _, red in open_)),
        "oldest_waiting_seconds": max((now_ms - oldest) / 1000 for oldest, _ in open_) if open_ else 0.0,
        "dead": float(n.get("dead", 0)),
        "results_waiting": float(replies),
    }
