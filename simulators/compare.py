"""Two alert logs of the same readings: which alerts appear, vanish, move in time, or change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from geo.moments import epoch_ms

NEAR_S = 3600.0  # starts further apart are two alerts
Alert = Mapping[str, Any]
SEEN = ("severity", "condition", "ended", "class")


class Pair(NamedTuple):
    """The same alert in both; `moved_s` > 0: later in B; `changed`: field -> (in A, in B)."""

    a: Alert
    b: Alert
    moved_s: float
    changed: dict[str, tuple[Any, Any]]


class Difference(NamedTuple):
    appeared: list[Alert]
    vanished: list[Alert]
    moved: list[Pair]
    same: int


def compare(a: Sequence[Alert], b: Sequence[Alert], near_s: float = NEAR_S) -> Difference:
    """Alerts are paired by what they are about and their kind, the closest starts first."""
    free: dict[tuple[Any, ...], list[Alert]] = {}
    for alert in b:
        free.setdefault(_key(alert), []).append(alert)
    near = sorted(
        (abs(_at(x) - _at(y)), i, _at(y), x["id"], y["id"]) for i, x in enumerate(a) for y in free.get(_key(x), ())
    )
    ours, theirs = {x["id"]: x for x in a}, {y["id"]: y for y in b}
    left, right, pairs = dict(ours), dict(theirs), []
    for apart, _, _, i, j in near:
        if apart <= near_s * 1000 and i in left and j in right:
            pairs.append(_pair(left.pop(i), right.pop(j)))
    moved = sorted((p for p in pairs if p.moved_s or p.changed), key=lambda p: (_at(p.b), p.b["id"]))
    return Difference(list(right.values()), list(left.values()), moved, len(pairs) - len(moved))


def _pair(a: Alert, b: Alert) -> Pair:
    changed = {name: (a.get(name), b.get(name)) for name in SEEN if a.get(name) != b.get(name)}
    return Pair(a, b, (_at(b) - _at(a)) / 1000.0, changed)


def _key(alert: Alert) -> tuple[Any, ...]:
    return alert["domain"], alert["kind"], (alert["assets"] or alert["sensors"] or [alert["zone"]])[0]


def _at(alert: Alert) -> int:
    return epoch_ms(alert["first_seen"])


def as_dict(d: Difference) -> dict[str, Any]:
    """For machines."""
    return {
        "same": d.same,
        "appeared": [brief(a) for a in d.appeared],
        "vanished": [brief(a) for a in d.vanished],
        "moved": [{**brief(p.b), "moved_s": p.moved_s, "changed": p.changed} for p in d.moved],
    }


def brief(a: Alert) -> dict[str, Any]:
    """What an engineer needs to know of an alert."""
    return {
        "id": a["id"], "start": a["first_seen"], "end": a.get("ended"), "severity": a["severity"],
        "domain": a["domain"], "kind": a["kind"], "class": a["class"],
        "sensor": (a["sensors"] or a["assets"] or [""])[0], "reason": a["reason"],
    }  # fmt: skip
