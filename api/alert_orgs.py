"""Whose an alert is: the organisations of its asset (权属单位, operator, 主管部门), kept beside the projection.

An organisation's account sees its alerts by this table, and the live feed by `owners` of the event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, Connection, String, Table, delete, insert, select, true

from api import schema
from api.schema import metadata

FIELDS = ("owner_org", "operator_org", "regulator")
_FILLED = "alert_orgs"  # key in `meta`: a database from before this table has been gone through

alert_orgs = Table(
    "alert_orgs",
    metadata,
    Column("alert", String, primary_key=True),
    Column("org", String, primary_key=True, index=True),
)


def orgs_of(alert: Mapping[str, Any]) -> tuple[str, ...]:
    """Of a public alert, the owner first.

    >>> orgs_of({"owner_org": "凯里供水", "operator_org": "凯里供水", "regulator": "凯里住建局"})
    ('凯里供水', '凯里住建局')
    """
    named = (alert.get(name) for name in FIELDS)
    return tuple(dict.fromkeys(str(org) for org in named if org))


@lru_cache(maxsize=64)
def owners(data: str) -> frozenset[str]:
    """Of an event's data; events go to many clients at a time."""
    return frozenset(orgs_of(orjson.loads(data)["alert"]))


def seen_by(column: ColumnElement[str], orgs: Collection[str]) -> ColumnElement[bool]:
    """Is the alert of this column one of theirs? Without organisations: any is."""
    if not orgs:
        return true()
    return column.in_(select(alert_orgs.c.alert).where(alert_orgs.c.org.in_(sorted(orgs))))


def keep(tx: Connection, found: Mapping[str, Iterable[str]], fresh: Collection[str]) -> None:
    """Alert → organisations, as they are now; `fresh` ones were not there before."""
    old = [alert for alert in found if alert not in fresh]
    known: dict[str, set[str]] = {alert: set() for alert in old}
    for k in range(0, len(old), 500):
        for row in tx.execute(select(alert_orgs).where(alert_orgs.c.alert.in_(old[k : k + 500]))):
            known[row.alert].add(row.org)
    changed = [alert for alert, orgs in found.items() if known.get(alert, set()) != set(orgs)]
    if gone := [alert for alert in changed if known.get(alert)]:
        forget(tx, gone)
    if rows := [{"alert": alert, "org": org} for alert in changed for org in found[alert]]:
        tx.execute(insert(alert_orgs), rows)


def forget(tx: Connection, alerts: Any) -> None:
    """A list of ids, or a query of them."""
    tx.execute(delete(alert_orgs).where(alert_orgs.c.alert.in_(alerts)))


def fill(tx: Connection) -> None:
    """Go once through the alerts of a database that was made before this table."""
    meta = schema.meta
    if tx.scalar(select(meta.c.value).where(meta.c.key == _FILLED)) is not None:
        return
    found = {
        row.id: orgs_of(orjson.loads(row.json)) for row in tx.execute(select(schema.alerts.c.id, schema.alerts.c.json))
    }
    keep(tx, found, ())
    tx.execute(insert(meta).values(key=_FILLED, value="1"))
