"""Messages on their way: what is due, taking it in hand, what came of an attempt. Each is a step of a transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, insert, select, update

from streams.events import SEVERITIES, stable_id
from streams.notify import backoff, codes, plan, schema, states
from streams.notify.compose import Composed
from streams.notify.outbox import Outbox, insert_rows, keep_replies
from streams.notify.plan import Row
from streams.notify.records import Seen, unpack

WITH_CODE = ("voice", "sms")
MOST_IN_DIGEST = 200
FALL_BACK_AFTER = 2  # failed attempts after which the next way is taken too
_m = schema.messages.c
_RANK = case({s: k for k, s in enumerate(SEVERITIES)}, value=_m.severity, else_=9)
Compose = Callable[[Sequence[Row], Sequence[Seen], str], Composed]


@dataclass(frozen=True)
class Claim:
    """One message that is to be sent now; `key` is its idempotency key, the same at each attempt."""

    key: str
    rows: tuple[Row, ...]
    alerts: tuple[Seen, ...]
    code: str
    composed: Composed

    @property
    def first(self) -> Row:
        return self.rows[0]


@dataclass(frozen=True)
class Limits:
    attempts: int = 6
    give_up_ms: int = 3_600_000


def restart(outbox: Outbox, now_ms: int) -> int:
    """What was being sent when the notifier ended is sent again, with the same key; returns how many."""
    with outbox.write() as tx:
        values = {"state": "queued", "next_ms": now_ms, "reason": plan.reason(states.RESTARTED)}
        return tx.execute(update(schema.messages).where(_m.state == "sending").values(values)).rowcount


def due(outbox: Outbox, now_ms: int) -> tuple[list[Row], int | None]:
    """Destinations that have something to send now (dest, channel, mode, rank), and when the next will."""
    with outbox.read() as tx:
        waiting = _m.state.in_(states.WAITING)
        rows = tx.execute(
            select(_m.dest, _m.channel, func.min(_m.mode).label("mode"), func.min(_RANK).label("rank"))
            .where(waiting, _m.next_ms <= now_ms)
            .group_by(_m.dest, _m.channel)
            .order_by(func.min(_RANK))
        )
        later = tx.scalar(select(func.min(_m.next_ms)).where(waiting, _m.next_ms > now_ms))
        return [dict(r._mapping) for r in rows], later


def only_mild(tx: Connection, dest: str, now_ms: int) -> bool:
    """Only III and IV are due at this destination: a rate limit may hold it."""
    urgent = select(_m.id).where(_m.dest == dest, _m.state.in_(states.WAITING), _m.next_ms <= now_ms)
    return tx.scalar(urgent.where(_m.severity.not_in(states.MILD)).limit(1)) is None


def claim(tx: Connection, dest: str, compose: Compose, limits: Limits, now_ms: int) -> Claim | None:
    """Take the most urgent message of a destination in hand: state `sending`, text and code kept; None: none is due."""
    while rows := _next(tx, dest, now_ms):
        alerts = _alerts(tx, rows)
        good: list[Row] = []
        for row in rows:
            why = states.cancelled(row["why"], row["place"], alerts.get(row["alert"]), now_ms)
            if why is not None:
                _set(tx, [row], state="cancelled", reason=plan.reason(why))
            elif now_ms - row["created_ms"] > limits.give_up_ms and row["attempts"]:
                give_up(tx, row, plan.reason(states.too_old(limits.give_up_ms / 1000)), now_ms)
            else:
                good.append(row)
        if not good:
            continue
        key = good[0]["batch"] or (good[0]["id"] if len(good) == 1 else stable_id(*(r["id"] for r in good)))
        code = _code(tx, good[0], now_ms) if len(good) == 1 else ""
        seen = tuple(alerts[r["alert"]] for r in good)
        made = compose(good, seen, code)
        sending = {"state": "sending", "batch": key, "text": made.text, "reason": plan.reason(states.SENDING)}
        _set(tx, good, **sending, sent_ms=now_ms)
        return Claim(key, tuple(good), seen, code, made)
    return None


def _next(tx: Connection, dest: str, now_ms: int) -> list[Row]:
    here = (_m.dest == dest, _m.state.in_(states.WAITING))
    query = select(schema.messages).where(*here, _m.next_ms <= now_ms)
    first = tx.execute(query.order_by(_RANK, _m.created_ms, _m.id).limit(1)).first()
    if first is None:
        return []
    if first.batch:
        query = select(schema.messages).where(*here, _m.batch == first.batch)
    elif first.severity in states.MILD:
        query = query.where(_m.person == first.person, _m.batch == "", _m.severity.in_(states.MILD))
    else:
        return [dict(first._mapping)]
    rows = tx.execute(query.order_by(_RANK, _m.created_ms, _m.id).limit(MOST_IN_DIGEST))
    return [dict(r._mapping) for r in rows]


def _alerts(tx: Connection, rows: Sequence[Row]) -> dict[str, Seen]:
    ids = list({row["alert"] for row in rows})
    found = tx.execute(select(schema.alerts.c.id, schema.alerts.c.json).where(schema.alerts.c.id.in_(ids)))
    return {r.id: unpack(r.json) for r in found}


def _set(tx: Connection, rows: Sequence[Row], **values: Any) -> None:
    for row in rows:
        row |= values
    tx.execute(update(schema.messages).where(_m.id.in_([row["id"] for row in rows])).values(values))


def _code(tx: Connection, row: Row, now_ms: int) -> str:
    """The code by which this message is answered: made once, "" where no ack is asked."""
    if row["channel"] not in WITH_CODE or row["due_ms"] is None or row["why"] not in (*states.CALLS, states.ROLLCALL):
        return ""
    k = schema.codes.c
    number = codes.number_of(row["address"])
    old: str | None = tx.scalar(select(k.code).where(k.message == row["id"], k.used_ms.is_(None)))
    if old is not None:
        return old
    taken = set(tx.scalars(select(k.code).where(k.number == number, k.expires_ms > now_ms)))
    code = codes.new_code(secrets.randbelow, taken)
    if code:
        made = {"message": row["id"], "number": number, "code": code, "alert": row["alert"], "person": row["person"]}
        tx.execute(insert(schema.codes), {**made, "expires_ms": now_ms + codes.LIFE_MS, "used_ms": None})
    return code


def succeeded(tx: Connection, done: Claim, arrived: bool, now_ms: int) -> None:
    """A message was taken. `arrived`: by the destination itself, not only by a gateway on the way."""
    state, why = ("delivered", states.ARRIVED) if arrived else ("sent", states.TAKEN)
    if rows := _still_sending(tx, done.rows):
        _set(tx, rows, state=state, reason=plan.reason(why), sent_ms=now_ms)
    keep_replies(tx, done.rows, "delivered", now_ms)


def failed(tx: Connection, done: Claim, why: str, final: bool, limits: Limits, draw: float, now_ms: int) -> None:
    """An attempt failed: the message waits for the next one, or is given up; the next way to the person begins."""
    attempts = max(row["attempts"] for row in done.rows) + 1
    rows = _still_sending(tx, done.rows)
    if not rows:
        return
    at = now_ms + backoff.wait_ms(attempts, draw)
    _set(tx, rows, state="failed", attempts=attempts, next_ms=at, reason=plan.reason(states.again(why, at)))
    for row in rows:
        if final or attempts >= limits.attempts:
            give_up(tx, row, plan.reason(states.dead(why, attempts)), now_ms)
        elif attempts >= FALL_BACK_AFTER:
            _fall_back(tx, row, now_ms)


def _still_sending(tx: Connection, rows: Sequence[Row]) -> list[Row]:
    """Without those to which an answer came in before the gateway's own."""
    ids = [row["id"] for row in rows]
    there = set(tx.scalars(select(_m.id).where(_m.id.in_(ids), _m.state == "sending")))
    return [row for row in rows if row["id"] in there]


def give_up(tx: Connection, row: Row, reason: str, now_ms: int) -> None:
    """A message found nobody: the next way begins; where none is left the alert hears of it."""
    _set(tx, [row], state="dead", reason=reason)
    _fall_back(tx, row, now_ms)
    same = (_m.alert == row["alert"], _m.notice == row["notice"], _m.person == row["person"])
    if set(tx.scalars(select(_m.state).where(*same))) == {"dead"}:
        keep_replies(tx, [row], "failed", now_ms)


def _fall_back(tx: Connection, row: Row, now_ms: int) -> None:
    made = plan.next_row(row, now_ms)
    if made is not None:
        _set(tx, [row], rest="[]")
        insert_rows(tx, [made], now_ms)


def hold(tx: Connection, dest: str, until_ms: int, reason: str, limits: Limits, now_ms: int, broken: bool) -> None:
    """Nothing goes to this destination before `until_ms`; where it is `broken` the next ways to the people begin, and
    what has waited for too long is given up."""
    here = (_m.dest == dest, _m.state.in_(states.WAITING), _m.next_ms <= now_ms)
    for found in tx.execute(select(schema.messages).where(*here)).all() if broken else ():
        row = dict(found._mapping)
        if now_ms - row["created_ms"] > limits.give_up_ms:
            give_up(tx, row, plan.reason(states.too_old(limits.give_up_ms / 1000)), now_ms)
        else:
            _fall_back(tx, row, now_ms)
    tx.execute(update(schema.messages).where(*here).values(next_ms=until_ms, reason=reason))
