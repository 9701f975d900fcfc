"""How each destination stands: its breaker, what it took and refused; kept, so that a restart does not forget it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from streams.notify import schema, states
from streams.notify.backoff import Breaker
from streams.notify.masking import masked
from streams.notify.outbox import Outbox
from streams.notify.plan import Row

_d, _m = schema.destinations.c, schema.messages.c


@dataclass(frozen=True)
class Standing:
    id: str
    channel: str
    masked: str
    drill: int
    failures: int
    opened: int
    until_ms: int
    last_ms: int
    last_reason: str
    ok: bool

    @classmethod
    def of(cls, row: Row, b: Breaker, ok: bool, why: str, now_ms: int) -> Standing:
        return cls(
            row["dest"], row["channel"], masked(row["address"]), int(row["mode"] != "actual"), b.failures, b.opened,
            b.until_ms, now_ms, why, ok,
        )  # fmt: skip


def keep(tx: Connection, s: Standing) -> None:
    """After each attempt."""
    values: dict[str, Any] = {k: v for k, v in vars(s).items() if k not in ("id", "ok")}
    taken, refused = int(s.ok), int(not s.ok)
    counted = {"taken": _d.taken + taken, "refused": _d.refused + refused}
    if not tx.execute(update(schema.destinations).where(_d.id == s.id).values(**values, **counted)).rowcount:
        tx.execute(insert(schema.destinations).values(id=s.id, **values, taken=taken, refused=refused))


def breakers(outbox: Outbox) -> dict[str, Breaker]:
    with outbox.read() as tx:
        rows = tx.execute(select(_d.id, _d.failures, _d.opened, _d.until_ms).where(_d.failures > 0))
        return {r.id: Breaker(r.failures, r.opened, r.until_ms) for r in rows}


def listed(outbox: Outbox, now_ms: int) -> list[dict[str, Any]]:
    """Every destination with what waits for it, the fullest first."""
    with outbox.read() as tx:
        here = _m.state.in_(states.OPEN)
        waiting = {
            r.dest: r
            for r in tx.execute(
                select(
                    _m.dest, func.min(_m.channel).label("channel"), func.min(_m.address).label("address"),
                    func.min(_m.mode).label("mode"), func.count().label("n"), func.min(_m.created_ms).label("oldest"),
                )
                .where(here)
                .group_by(_m.dest)
            )
        }  # fmt: skip
        known = {r.id: dict(r._mapping) for r in tx.execute(select(schema.destinations))}
    out = []
    for id_ in known.keys() | waiting.keys():
        row, queue = known.get(id_, {}), waiting.get(id_)
        breaker = Breaker(row.get("failures", 0), row.get("opened", 0), row.get("until_ms", 0))
        out.append(
            {
                "id": id_,
                "channel": row.get("channel") or (queue.channel if queue else ""),
                "address": row.get("masked") or masked(queue.address if queue else ""),
                "exercise": bool(row["drill"]) if row else bool(queue and queue.mode != "actual"),
                "breaker": breaker.state(now_ms),
                "failures": breaker.failures,
                "until_ms": breaker.until_ms or None,
                "waiting": queue.n if queue else 0,
                "oldest_ms": queue.oldest if queue else None,
                "taken": row.get("taken", 0),
                "refused": row.get("refused", 0),
                "last_ms": row.get("last_ms"),
                "last_reason": row.get("last_reason", ""),
            }
        )
    return sorted(out, key=lambda d: (-d["waiting"], d["channel"], d["id"]))
