"""What people wrote about duty, in the API's own database: rows are added, never changed or removed."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from api import queries, schema
from api.store import Store

OLDEST = 2**31 - 1  # above every id


def add_entry(store: Store, unit: str, at_ms: int, by: str, text: str, alert: str) -> int:
    """An entry of the duty log; returns its id."""
    return _add(store, schema.duty_log, unit=unit, at_ms=at_ms, by=by, text=text, alert=alert)


def add_entry_once(store: Store, unit: str, at_ms: int, by: str, text: str, alert: str) -> None:
    """An entry of the duty log, unless the alert has the same one already."""
    c = schema.duty_log.c
    with store.write() as tx:
        if tx.execute(select(c.id).where(c.alert == alert, c.text == text)).first() is None:
            tx.execute(insert(schema.duty_log).values(unit=unit, at_ms=at_ms, by=by, text=text, alert=alert))


def entries(store: Store, prefix: str, limit: int, before: int = OLDEST) -> list[dict[str, Any]]:
    """Entries of a subtree, newest first, with ids below `before`."""
    return _newest(store, schema.duty_log, prefix, limit, before)


def add_handover(store: Store, row: dict[str, Any]) -> int:
    return _add(store, schema.duty_handovers, **row)


def last_handover_ms(store: Store, place: str) -> int:
    """When a place was handed over last; 0: never."""
    c = schema.duty_handovers.c
    with store.read() as tx:
        return tx.scalar(select(c.at_ms).where(c.place == place).order_by(c.id.desc()).limit(1)) or 0


def handovers(store: Store, prefix: str, limit: int, before: int = OLDEST) -> list[dict[str, Any]]:
    """Hand-overs of a subtree, newest first, each with `signed`: the row of the signature or None."""
    rows = _newest(store, schema.duty_handovers, prefix, limit, before)
    c = schema.duty_signatures.c
    with store.read() as tx:
        found = tx.execute(select(schema.duty_signatures).where(c.handover.in_([r["id"] for r in rows]))).all()
    signed = {r.handover: dict(r._mapping) for r in found}
    return [{**row, "signed": signed.get(row["id"])} for row in rows]


def handover(store: Store, id_: int) -> dict[str, Any] | None:
    return next(iter(handovers(store, "", 1, id_ + 1)), None) if _there(store, schema.duty_handovers, id_) else None


def sign(store: Store, handover_id: int, by: str, at_ms: int, note: str) -> bool:
    """False where it is signed already."""
    return _once(store, schema.duty_signatures, handover=handover_id, by=by, at_ms=at_ms, note=note)


def add_rollcall(store: Store, unit: str, at_ms: int, by: str, what: dict[str, Any]) -> int:
    return _add(store, schema.duty_rollcalls, unit=unit, at_ms=at_ms, by=by, json=orjson.dumps(what).decode())


def rollcalls(store: Store, limit: int, before: int = OLDEST) -> list[dict[str, Any]]:
    """Roll-calls of all units, newest first, each with `answers`: the row by person."""
    rows = _newest(store, schema.duty_rollcalls, "", limit, before)
    c = schema.duty_answers.c
    with store.read() as tx:
        found = tx.execute(select(schema.duty_answers).where(c.rollcall.in_([r["id"] for r in rows]))).all()
    answers: dict[int, dict[str, Any]] = {}
    for r in found:
        answers.setdefault(r.rollcall, {})[r.person] = dict(r._mapping)
    return [{**row, "answers": answers.get(row["id"], {})} for row in rows]


def rollcall(store: Store, id_: int) -> dict[str, Any] | None:
    return next(iter(rollcalls(store, 1, id_ + 1)), None) if _there(store, schema.duty_rollcalls, id_) else None


def add_answer(store: Store, rollcall_id: int, person: str, by: str, at_ms: int, note: str) -> bool:
    """False where this person has answered already."""
    return _once(store, schema.duty_answers, rollcall=rollcall_id, person=person, by=by, at_ms=at_ms, note=note)


def alerts_of(store: Store, prefix: str, since_ms: int) -> list[dict[str, Any]]:
    """Public alerts of live operation in a subtree: open ones, and those that changed since."""
    c = schema.alerts.c
    here = queries.within(schema.alerts, prefix)
    wanted = here & (c.run == "") & (c.mode == "actual") & ((c.handling != "CLOSED") | (c.changed_ms > since_ms))
    with store.read() as tx:
        return [orjson.loads(text) for text in tx.scalars(select(c.json).where(wanted))]


def _add(store: Store, table: Any, **row: Any) -> int:
    with store.write() as tx:
        done = tx.execute(insert(table).values(**row)).inserted_primary_key
    assert done is not None
    return int(done[0])


def _once(store: Store, table: Any, **row: Any) -> bool:
    keys = list(table.primary_key.columns)
    with store.write() as tx:
        if tx.execute(select(keys[0]).where(*(c == row[c.name] for c in keys))).first() is not None:
            return False
        try:
            with tx.begin_nested():
                tx.execute(insert(table).values(**row))
        except IntegrityError:  # another process was first
            return False
    return True


def _there(store: Store, table: Any, id_: int) -> bool:
    if not 0 < id_ < OLDEST:
        return False
    with store.read() as tx:
        return tx.execute(select(table.c.id).where(table.c.id == id_)).first() is not None


def _newest(store: Store, table: Any, prefix: str, limit: int, before: int) -> list[dict[str, Any]]:
    c = table.c
    rows = (
        select(table)
        .where(queries.within(table, prefix), c.id < min(before, OLDEST))
        .order_by(c.id.desc())
        .limit(limit)
    )
    with store.read() as tx:
        return [dict(r._mapping) for r in tx.execute(rows)]
