"""What people answer from their telephone: a code of a message they were sent, and the guard against guessing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, update

from streams.notify import claims, codes, plan, schema, states
from streams.notify.outbox import Outbox

_k, _m, _t = schema.codes.c, schema.messages.c, schema.tries.c


@dataclass(frozen=True)
class Answer:
    """`message`: the row that was answered, None for a wrong code. `used`: it was answered before."""

    message: dict[str, Any] | None
    used: bool = False


def guarded(outbox: Outbox, number: str, now_ms: int) -> bool:
    """Too many wrong codes came from this number, or in all: none is looked at for a while."""
    since = now_ms - codes.WRONG_WINDOW_MS
    with outbox.read() as tx:
        recent = select(func.count()).select_from(schema.tries).where(_t.at_ms > since)
        if (tx.scalar(recent.where(_t.number == number)) or 0) >= codes.WRONG_OF_NUMBER:
            return True
        return (tx.scalar(recent) or 0) >= codes.WRONG_OF_ALL


def look(outbox: Outbox, number: str, code: str, now_ms: int) -> Answer:
    """Whose code this is; a wrong one is counted."""
    with outbox.write() as tx:
        here = (_k.number == number, _k.code == code, _k.expires_ms > now_ms)
        found = tx.execute(select(_k.message, _k.used_ms).where(*here).order_by(_k.expires_ms.desc())).first()
        if found is not None:
            row = tx.execute(select(schema.messages).where(_m.id == found.message)).first()
            if row is not None:
                return Answer(dict(row._mapping), found.used_ms is not None)
        tx.execute(insert(schema.tries), {"number": number, "at_ms": now_ms})
    return Answer(None)


def use(outbox: Outbox, message: str, now_ms: int) -> None:
    """The alert took the ack: the code is spent, the message arrived."""
    with outbox.write() as tx:
        tx.execute(update(schema.codes).where(_k.message == message).values(used_ms=now_ms))
        values = {"state": "delivered", "reason": plan.reason(states.ANSWERED)}
        tx.execute(update(schema.messages).where(_m.id == message).values(values))


def unheard(outbox: Outbox, message: str, result: str, now_ms: int) -> bool:
    """A call reached nobody (`states.UNHEARD`): the next way begins. False: told before, or it was answered."""
    with outbox.write() as tx:
        row = tx.execute(select(schema.messages).where(_m.id == message, _m.state.in_(states.DONE))).first()
        used = tx.scalar(select(_k.used_ms).where(_k.message == message))
        if row is None or used is not None:
            return False
        claims.give_up(tx, dict(row._mapping), plan.reason(states.UNHEARD[result]), now_ms)
        return True
