"""Open alerts that may be the same trouble as one that a person reported: offered for merging, never merged by itself.

An alert is offered where it is open, of the same run and mode, in the caller's units, no member of another one, and
- of the same domain, at most `METRES` away, and it holds still or was seen within `WITHIN_S` of the report, or
- of another domain, where the table of links (`detectors/links.toml`) says that the two kinds may have one cause.
Each approximate place widens the distance by `APPROXIMATE_M`. The numbers are the project's own choice.
"""

from __future__ import annotations

import math
from typing import Any

import orjson
from sqlalchemy import select

from api import schema
from api.alert_orgs import seen_by
from api.queries import within
from api.roles import Scope
from api.store import Store
from api.times import to_ms
from detectors.links import APPROXIMATE_M, Trouble, link, metres

METRES = 500.0
WITHIN_S = 2 * 3600
MOST = 10
_BOX_DEG = 0.06  # more than the reach of any rule, 2 km and two blurs


def offers(store: Store, new: dict[str, Any], run: str, scope: Scope) -> list[dict[str, Any]]:
    """What `new`, a public alert of a run, could be merged into, the nearest first; `scope`: what the caller
    sees."""
    if new["lon"] is None or new["lat"] is None:
        return []
    c = schema.alerts.c
    where = (
        within(schema.alerts, scope.prefix) & seen_by(c.id, scope.orgs)
        & (c.handling != "CLOSED") & (c.run == run) & (c.mode == new["mode"])
        & c.lon.between(new["lon"] - _BOX_DEG, new["lon"] + _BOX_DEG)
        & c.lat.between(new["lat"] - _BOX_DEG, new["lat"] + _BOX_DEG) & (c.id != new["id"])
    )  # fmt: skip
    with store.read() as tx:
        found = [orjson.loads(text) for text in tx.scalars(select(c.json).where(where))]
    made = [offer for other in found if (offer := offered(new, other)) is not None]
    return sorted(made, key=lambda o: (o["distance_m"], o["id"]))[:MOST]


def offered(new: dict[str, Any], other: dict[str, Any]) -> dict[str, Any] | None:
    """The offer of one open alert; None where it has nothing to do with the new one."""
    if other.get("parent") or other.get("class") != "hazard":
        return None
    a, b = _trouble(new), _trouble(other)
    away = metres(a, b)
    if math.isnan(away):
        return None
    if a.domain == b.domain:
        why = _same(a, b, away, other)
    else:
        linked = link(a, b)
        why = {"zh": linked.reason.zh, "en": linked.reason.en} if linked else None
    if why is None:
        return None
    shown = ("id", "version", "domain", "kind", "severity", "condition", "handling", "title", "unit", "first_seen")
    return {**{name: other[name] for name in shown}, "distance_m": round(away, 1), "why": why}


def _same(a: Trouble, b: Trouble, away: float, other: dict[str, Any]) -> dict[str, str] | None:
    if away > METRES + APPROXIMATE_M * (a.approximate + b.approximate):
        return None
    if other["condition"] == "CLEARED" and a.onset_ms - to_ms(other["last_seen"]) > WITHIN_S * 1000:
        return None
    kind = ("同类", "the same kind") if a.kind == b.kind else ("同一领域", "the same domain")
    return {"zh": f"{kind[0]}，相距 {away:.0f} m", "en": f"{kind[1]}, {away:.0f} m apart"}


def _trouble(a: dict[str, Any]) -> Trouble:
    lon, lat = a.get("lon"), a.get("lat")
    place = (math.nan, math.nan) if lon is None or lat is None else (float(lon), float(lat))
    return Trouble(a["id"], a["domain"], a["kind"], to_ms(a["first_seen"]), *place, bool(a.get("approximate")))
