"""What an exercise showed: each of its alerts assessed as a drill is, and what became of its messages."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import func, select

from api import queries, schema
from api.store import Store
from streams.drills import assessment, telling
from streams.notify import schema as notices
from streams.notify.outbox import Outbox

MOST = 200  # alerts of one report


def report(store: Store, outbox: Outbox, run: str, prefix: str) -> dict[str, Any]:
    """Of alerts below a unit prefix, by the events that the feed still keeps: `whole` says whether it has all."""
    a, e, m = schema.alerts.c, schema.events.c, notices.messages.c
    with store.read() as tx:
        named = (
            select(a.id, a.version)
            .where(a.run == run, a.mode == "exercise", queries.within(schema.alerts, prefix))
            .order_by(a.first_seen_ms, a.id)
        )
        found = {row.id: row.version for row in tx.execute(named.limit(MOST))}
        data = tx.execute(select(e.alert, e.data).where(e.alert.in_(list(found))).order_by(e.seq)).all()
    with outbox.read() as tx:
        here = (m.run == run, queries.within(notices.messages, prefix))
        counted = select(m.channel, m.state, func.count().label("n")).where(*here).group_by(m.channel, m.state)
        messages = [{"channel": r.channel, "state": r.state, "n": r.n} for r in tx.execute(counted.order_by("channel"))]
    records: dict[str, list[dict[str, Any]]] = {}
    for row in data:
        records.setdefault(row.alert, []).append(orjson.loads(row.data))
    items = [_item(records[id_], found[id_]) for id_ in found if id_ in records]
    return {"run": run, "items": items, "messages": messages, "ok": bool(items) and all(i["ok"] for i in items)}


def _item(records: list[dict[str, Any]], version: int) -> dict[str, Any]:
    made = assessment.report(records)
    last = records[-1]["alert"]
    whole = len({r["transition"]["seq"] for r in records}) == version
    texts = {lang: telling.told(made, None, lang) for lang in ("zh", "en")}
    facts = {"id": last["id"], "title": last["title"], "severity": last["severity"], "handling": last["handling"]}
    return {**facts, "whole": whole, **telling.assessed(made), "text": texts}
