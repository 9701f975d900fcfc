"""Webhook subscriptions in the store: made, listed, ended; their place in the feed; what was given up."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import delete, func, insert, or_, select, update

from api import queries
from api.cursor import Cursor
from api.roles import Scope
from api.store import Store
from api.webhook_table import webhook_dead, webhooks
from geo.moments import rfc3339

EVENTS = ("alert", "workorder")
MOST = 50  # subscriptions
KEEP_DEAD = 1000  # given up, of one subscription
LEASE_MS = 30_000
c = webhooks.c


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a subscription gets; an empty severity or domain means all."""

    events: tuple[str, ...] = ("alert",)
    severity: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    mode: str = "actual"


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A subscription and where it is in the feed."""

    id: str
    name: str
    url: str
    scope: Scope
    wanted: Wanted
    by: str
    created_ms: int
    epoch: str
    seq: int
    attempts: int = 0
    first_ms: int = 0
    next_ms: int = 0
    why: str = ""
    delivered: int = 0
    delivered_ms: int | None = None
    dead: int = field(default=0)

    def public(self, head: int) -> dict[str, Any]:
        """As the API shows it; `head`: the feed's last sequence."""
        return {
            "id": self.id, "name": self.name, "url": self.url, "unit": self.scope.prefix.ljust(6, "0"),
            "orgs": sorted(self.scope.orgs), "events": list(self.wanted.events), "severity": list(self.wanted.severity),
            "domain": list(self.wanted.domain), "mode": self.wanted.mode, "by": self.by,
            "created": rfc3339(self.created_ms), "cursor": f"{self.epoch}-{self.seq}",
            "behind": max(0, head - self.seq), "attempts": self.attempts, "why": self.why or None,
            "next": rfc3339(self.next_ms) if self.attempts else None, "delivered": self.delivered,
            "last_delivered": rfc3339(self.delivered_ms) if self.delivered_ms else None, "dead": self.dead,
        }  # fmt: skip


def create(store: Store, name: str, url: str, scope: Scope, wanted: Wanted, by: str, now_ms: int) -> Webhook | None:
    """A new subscription that begins with the next event; None where there are `MOST` already."""
    id_, cursor = secrets.token_hex(8), queries.position(store)[0]
    kept = {
        "events": wanted.events, "severity": wanted.severity, "domain": wanted.domain, "mode": wanted.mode,
    }  # fmt: skip
    with store.write() as tx:
        if (tx.scalar(select(func.count()).select_from(webhooks)) or 0) >= MOST:
            return None
        tx.execute(
            insert(webhooks).values(
                id=id_, name=name, url=url, prefix=scope.prefix, orgs=orjson.dumps(sorted(scope.orgs)).decode(),
                wanted=orjson.dumps(kept).decode(), by=by, created_ms=now_ms, epoch=cursor.epoch, seq=cursor.seq,
                attempts=0, first_ms=0, next_ms=0, why="", delivered=0, delivered_ms=None, owner="", lease_ms=0,
            )
        )  # fmt: skip
    return get(store, id_)


def everyone(store: Store) -> list[Webhook]:
    return _found(store, None)


def get(store: Store, id_: str) -> Webhook | None:
    found = _found(store, id_)
    return found[0] if found else None


def _found(store: Store, id_: str | None) -> list[Webhook]:
    query = select(webhooks).order_by(c.created_ms, c.id)
    with store.read() as tx:
        rows = tx.execute(query if id_ is None else query.where(c.id == id_)).all()
        counted = select(webhook_dead.c.webhook, func.count().label("n")).group_by(webhook_dead.c.webhook)
        dead = {row.webhook: row.n for row in tx.execute(counted)}
    return [_webhook(row._mapping, dead.get(row.id, 0)) for row in rows]


def _webhook(row: Any, dead: int) -> Webhook:
    wanted = orjson.loads(row["wanted"])
    lists = {name: tuple(wanted[name]) for name in ("events", "severity", "domain")}
    plain = ("id", "name", "url", "by", "created_ms", "epoch", "seq", "attempts", "first_ms", "next_ms", "why",
             "delivered", "delivered_ms")  # fmt: skip
    return Webhook(
        scope=Scope(row["prefix"], frozenset(orjson.loads(row["orgs"]))), wanted=Wanted(**lists, mode=wanted["mode"]),
        dead=dead, **{name: row[name] for name in plain},
    )  # fmt: skip


def remove(store: Store, id_: str) -> bool:
    """End a subscription, with what was given up of it."""
    with store.write() as tx:
        tx.execute(delete(webhook_dead).where(webhook_dead.c.webhook == id_))
        return bool(tx.execute(delete(webhooks).where(c.id == id_)).rowcount)


def lease(store: Store, id_: str, owner: str, now_ms: int) -> Webhook | None:
    """Take a subscription for this process for a while; None where another one has it, or it is gone."""
    free = (c.id == id_) & or_(c.owner == owner, c.lease_ms < now_ms)
    with store.write() as tx:
        if not tx.execute(update(webhooks).where(free).values(owner=owner, lease_ms=now_ms + LEASE_MS)).rowcount:
            return None
    return get(store, id_)


def reached(store: Store, id_: str, owner: str, at: Cursor, now_ms: int, sent: bool) -> bool:
    """Everything up to this place is done with; `sent`: its last event was delivered now. False: it is not ours now."""
    values: dict[str, Any] = {"epoch": at.epoch, "seq": at.seq, "attempts": 0, "first_ms": 0, "next_ms": 0}
    values["lease_ms"] = now_ms + LEASE_MS
    if sent:
        values |= {"delivered": c.delivered + 1, "delivered_ms": now_ms, "why": ""}
    with store.write() as tx:
        return bool(tx.execute(update(webhooks).where((c.id == id_) & (c.owner == owner)).values(**values)).rowcount)


def release(store: Store, owner: str) -> None:
    """This process sends no more: another one may go on at once."""
    with store.write() as tx:
        tx.execute(update(webhooks).where(c.owner == owner).values(owner="", lease_ms=0))


def failed(store: Store, id_: str, attempts: int, first_ms: int, next_ms: int, why: str) -> None:
    """The next event could not be delivered; it is tried again at `next_ms`."""
    with store.write() as tx:
        values = {"attempts": attempts, "first_ms": first_ms, "next_ms": next_ms, "why": why}
        tx.execute(update(webhooks).where(c.id == id_).values(**values))


def bury(store: Store, id_: str, event: str, alert: str, body: str, attempts: int, why: str, now_ms: int) -> None:
    """Keep an event that was given up; of many the oldest are forgotten."""
    d = webhook_dead.c
    with store.write() as tx:
        tx.execute(delete(webhook_dead).where((d.webhook == id_) & (d.event == event)))
        tx.execute(
            insert(webhook_dead).values(
                webhook=id_, event=event, alert=alert, at_ms=now_ms, attempts=attempts, why=why, body=body
            )
        )
        newest = select(d.event).where(d.webhook == id_).order_by(d.at_ms.desc(), d.event).limit(KEEP_DEAD)
        tx.execute(delete(webhook_dead).where((d.webhook == id_) & d.event.not_in(list(tx.scalars(newest)))))


def buried(store: Store, id_: str, event: str | None = None) -> Sequence[dict[str, Any]]:
    """What was given up, newest first; or one of it."""
    d = webhook_dead.c
    query = select(webhook_dead).where(d.webhook == id_).order_by(d.at_ms.desc(), d.event)
    with store.read() as tx:
        rows = tx.execute(query if event is None else query.where(d.event == event)).all()
    return [dict(r._mapping) for r in rows]


def unbury(store: Store, id_: str, event: str) -> None:
    with store.write() as tx:
        tx.execute(delete(webhook_dead).where((webhook_dead.c.webhook == id_) & (webhook_dead.c.event == event)))
