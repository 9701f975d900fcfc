"""What is asked of the store: lists of alerts with filters and pages, one alert, events, counts."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select, true, tuple_

from api import alert_orgs, schema
from api.cursor import Cursor
from api.store import Event, Store

PAGE = 500


@dataclass(frozen=True, kw_only=True)
class AlertFilter:
    """The filters of a list; `prefix` and `orgs`: units and organisations that the caller may see and asked for."""

    prefix: str
    orgs: frozenset[str] = frozenset()  # none: whoever's
    severity: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    kind: str | None = None
    condition: str | None = None
    run: str | None = None
    state: str = "open"  # open | closed | all
    mode: str = "all"
    since_ms: int | None = None
    until_ms: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    q: str = ""

    def where(self) -> ColumnElement[bool]:
        c = schema.alerts.c
        terms: list[ColumnElement[bool]] = [within(schema.alerts, self.prefix)]
        if self.orgs:
            terms.append(alert_orgs.seen_by(c.id, self.orgs))
        if self.severity:
            terms.append(c.severity.in_(self.severity))
        if self.domain:
            terms.append(c.domain.in_(self.domain))
        exact = {name: getattr(self, name) for name in ("kind", "condition", "run")}
        terms += [c[name] == value for name, value in exact.items() if value is not None]
        if self.state != "all":
            terms.append(c.handling == "CLOSED" if self.state == "closed" else c.handling != "CLOSED")
        if self.mode != "all":
            terms.append(c.mode == self.mode)
        if self.since_ms is not None:
            terms.append(c.changed_ms >= self.since_ms)
        if self.until_ms is not None:
            terms.append(c.changed_ms <= self.until_ms)
        if self.bbox is not None:
            west, south, east, north = self.bbox
            terms.append(and_(c.lon.between(west, east), c.lat.between(south, north)))
        terms += [c.text.contains(word, autoescape=True) for word in self.q.lower().split()]
        return and_(*terms)


def within(table: Table, prefix: str) -> ColumnElement[bool]:
    """Rows in the subtree of a unit prefix."""
    if f"u{len(prefix)}" in table.c:
        return table.c[f"u{len(prefix)}"] == prefix
    return table.c.unit.startswith(prefix, autoescape=True) if prefix else true()


@dataclass(frozen=True)
class Page:
    items: list[str]
    next: str | None
    cursor: Cursor


def page_token(changed_ms: int, alert: str) -> str:
    """Where the next page begins, opaque to clients."""
    return base64.urlsafe_b64encode(f"{changed_ms}:{alert}".encode()).decode().rstrip("=")


def parse_page_token(text: str) -> tuple[int, str]:
    """Raises ValueError for a text that is no page token.

    >>> parse_page_token(page_token(17, "abc"))
    (17, 'abc')
    """
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        changed, alert = plain.split(":", 1)
        return int(changed), alert
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no page of this list; take `next` of the page before") from None


def list_alerts(store: Store, wanted: AlertFilter, limit: int, after: tuple[int, str] | None) -> Page:
    """One page, newest transition first, with the feed position of the state it shows."""
    c = schema.alerts.c
    query = select(c.json, c.changed_ms, c.id).where(wanted.where())
    if after is not None:
        query = query.where(tuple_(c.changed_ms, c.id) < after)
    query = query.order_by(c.changed_ms.desc(), c.id.desc()).limit(limit + 1)
    with store.read() as tx:
        rows = tx.execute(query).all()
        cursor = head(tx)
    more = len(rows) > limit
    rows = rows[:limit]
    token = page_token(rows[-1].changed_ms, rows[-1].id) if more else None
    return Page([row.json for row in rows], token, cursor)


def head(tx: Connection) -> Cursor:
    """The feed position of the state that this transaction sees."""
    epoch = tx.scalar(select(schema.meta.c.value).where(schema.meta.c.key == "epoch"))
    return Cursor(epoch or "", tx.scalar(select(func.max(schema.events.c.seq))) or 0)


def get_alert(store: Store, alert: str) -> dict[str, Any] | None:
    """The row of one alert."""
    with store.read() as tx:
        row = tx.execute(select(schema.alerts).where(schema.alerts.c.id == alert)).first()
    return dict(row._mapping) if row else None


def timeline(store: Store, alert: str) -> list[str]:
    """JSON of every transition, oldest first."""
    c = schema.transitions.c
    with store.read() as tx:
        return list(tx.scalars(select(c.json).where(c.alert == alert).order_by(c.version)))


def position(store: Store) -> tuple[Cursor, int]:
    """(last event, the oldest sequence still kept)."""
    with store.read() as tx:
        last = head(tx)
        oldest = tx.scalar(select(func.min(schema.events.c.seq)))
    return last, oldest if oldest is not None else last.seq + 1


def events_after(store: Store, told: Cursor) -> tuple[Cursor, int, list[Event]]:
    """(last event, the oldest sequence still kept, the next page of events after `told`), all of one state."""
    c = schema.events.c
    page = select(*(c[name] for name in Event.__slots__)).where(c.seq > told.seq).order_by(c.seq).limit(PAGE)
    with store.read() as tx:
        last = head(tx)
        oldest = tx.scalar(select(func.min(c.seq)))
        return last, last.seq + 1 if oldest is None else oldest, [Event(*row) for row in tx.execute(page)]


def events_between(
    store: Store,
    after: int,
    upto: int,
    prefix: str,
    severity: tuple[str, ...] = (),
    domain: tuple[str, ...] = (),
    orgs: frozenset[str] = frozenset(),
) -> Iterator[list[Event]]:
    """Events with after < seq ≤ upto that pass the filter, in order, a page at a time."""
    c = schema.events.c
    while after < upto:
        query = select(*(c[name] for name in Event.__slots__)).where(c.seq > after, c.seq <= upto)
        query = query.where(within(schema.events, prefix))
        if orgs:
            query = query.where(alert_orgs.seen_by(c.alert, orgs))
        if severity:
            query = query.where(c.severity.in_(severity))
        if domain:
            query = query.where(c.domain.in_(domain))
        with store.read() as tx:
            rows = [Event(*row) for row in tx.execute(query.order_by(c.seq).limit(PAGE))]
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        after = rows[-1].seq


_DEPTH = {2: "u4", 4: "u6", 6: "u9", 9: "u12", 12: "u12"}


def counts(store: Store, wanted: AlertFilter) -> dict[str, Any]:
    """Numbers of alerts by severity, condition, handling, domain, mode, and unit one level below the asked one."""
    below = _DEPTH.get(len(wanted.prefix), "u4")
    out: dict[str, Any] = {}
    where = wanted.where()
    with store.read() as tx:
        for name, column in (
            ("severity", "severity"), ("condition", "condition"), ("handling", "handling"),
            ("domain", "domain"), ("mode", "mode"), ("unit", below),
        ):  # fmt: skip
            key = schema.alerts.c[column]
            rows = tx.execute(select(key, func.count()).where(where).group_by(key))
            out[name] = {value or wanted.prefix: number for value, number in rows}
        unacked = or_(*(schema.alerts.c.json.contains(f'"label":"{label}"') for label in ("UNACK", "RTNUN")))
        out["unacknowledged"] = tx.scalar(select(func.count()).select_from(schema.alerts).where(where, unacked))
        out["total"] = tx.scalar(select(func.count()).select_from(schema.alerts).where(where))
        out["cursor"] = str(head(tx))
    return out
