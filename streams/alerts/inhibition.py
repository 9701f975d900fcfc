"""An open alert explains others: one burst main the low pressures downstream. The table is inhibition.toml.

An explained alert has a parent and, unless it is grave, nobody is told of it (DSUPR after ISA-18.2). A parent is a top
one always, so there are no chains and no cycles. All state is made of alerts: feed the stored ones to `keep`, in any
order, and every answer is the same as before. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice, product
from typing import NamedTuple

from msgspec.structs import replace

from geo.impact import Surroundings
from geo.metric import distance_m
from streams.alerts.inhibition_rules import Rule, default_rules
from streams.alerts.open_index import OpenIndex
from streams.alerts.severity import worse
from streams.events import SENSOR, Alert, Link, Suppression, Text

BY_RULE = "BY_RULE"
MOST = 500  # alerts that a new parent takes at most
LOOKED_AT = 64  # candidates of a zone that are looked at
GRAVE = ("I", "II")

Head = tuple[str, bool, bool]  # kind, hard limit, without a parent: begin of a key, then run, mode, zone or asset
Span = tuple[int, int]


class Cause(NamedTuple):
    """`parent` explains `child`. `suppress`: nobody needs to be told of the child."""

    child: str
    parent: str
    why: Text
    suppress: bool
    metres: float  # between both, 0.0 where a place is unknown


class Inhibitor:
    """Open alerts by rule, zone and asset. `keep` each alert that changed."""

    def __init__(self, surroundings: Surroundings | None = None, rules: Sequence[Rule] | None = None) -> None:
        self._rules = tuple(rules) if rules is not None else default_rules()
        self._net = surroundings or Surroundings()
        self._known: dict[str, Alert] = {}  # not closed
        self._family: dict[str, dict[str, None]] = {}  # parent -> its children that are not closed
        self._parent: dict[str, str] = {}  # and back
        self._as_parent = _by_kind((k, n) for n, r in enumerate(self._rules) for k in r.parent)
        self._as_child = _by_kind((k, n) for n, r in enumerate(self._rules) for k in r.child)
        self._index = OpenIndex()

    def keep(self, alert: Alert) -> None:
        """Take over an alert's newest state; one that is over is forgotten."""
        old = self._known.pop(alert.id, None)
        if old is not None and old.condition != "CLEARED":
            for key in self._keys(old):
                self._index.remove(key, old.first_seen_ms, old.id)
        if (before := self._parent.pop(alert.id, None)) is not None:
            del self._family[before][alert.id]
            if not self._family[before]:
                del self._family[before]
        if alert.handling == "CLOSED":
            return
        if alert.parent is not None:
            self._parent[alert.id] = alert.parent
            self._family.setdefault(alert.parent, {})[alert.id] = None
        self._known[alert.id] = alert
        if alert.condition != "CLEARED":
            for key in self._keys(alert):
                self._index.add(key, alert.first_seen_ms, alert.id)

    def parent_of(self, alert: Alert) -> Cause | None:
        """What explains an alert that has no parent; None for nothing, and for one that explains others itself."""
        if alert.parent is not None or alert.members or alert.id in self._family:
            return None
        walked: dict[str, list[str]] = {}
        for n in self._as_child.get(alert.kind, ()):
            for other in self._causes(n, alert, walked):
                top = other.parent or other.id
                if other.id != alert.id and top != alert.id:
                    return self._cause(alert, self._known.get(top, other), top, self._rules[n].why)
        return None

    def explains(self, alert: Alert) -> tuple[Cause, ...]:
        """What a new alert explains of those that were raised before it, with their own children; about `MOST` at most.

        Ask `parent_of` first: where the new alert has a parent itself, all of them become that parent's.
        """
        if alert.over:
            return ()
        top = alert.parent or alert.id
        by = self._known.get(top, alert)
        found: dict[str, Cause] = {}
        walked: dict[str, list[str]] = {}
        for n in self._as_parent.get(alert.kind, ()):
            for other in self._effects(n, alert, walked):
                if other.id in (alert.id, top) or other.id in found or other.members:
                    continue  # an incident or group that people look at stays a top one
                for id_ in (other.id, *self.children_of(other.id)):
                    found[id_] = self._cause(self._known[id_], by, top, self._rules[n].why)
                if len(found) >= MOST:
                    return tuple(found.values())
        return tuple(found.values())

    def children_of(self, id_: str) -> tuple[str, ...]:
        """Alerts with this parent that are not closed, in the order of their ids."""
        return tuple(sorted(self._family.get(id_, ())))

    def _cause(self, child: Alert, parent: Alert, top: str, why: Text) -> Cause:
        return Cause(child.id, top, why, may_suppress(child, parent), _metres(child, parent))

    def _keys(self, alert: Alert) -> Iterator[tuple[str | bool, ...]]:
        if alert.kind in self._as_parent or alert.kind in self._as_child:
            head = (alert.kind, alert.hard, alert.parent is None, alert.run, alert.mode)
            for place in dict.fromkeys(("", alert.zone, alert.asset)):  # "": wherever
                yield (*head, place)

    def _can_explain(self, rule: Rule, alert: Alert) -> bool:
        """Beyond its kind: the hard limit and the kind of its asset that the rule asks for."""
        if rule.parent_hard and not alert.hard:
            return False
        if not rule.parent_asset:
            return True
        asset = self._net.get(alert.asset)
        return asset is not None and asset.kind in rule.parent_asset

    def _causes(self, n: int, child: Alert, walked: dict[str, list[str]]) -> Iterator[Alert]:
        """Open alerts that a rule lets explain the child: the nearest on the network, else the earliest of the zone."""
        rule, at = self._rules[n], child.first_seen_ms
        span = (at - rule.within_s * 1000, at + rule.before_s * 1000)
        way = {"downstream": "upstream", "upstream": "downstream"}.get(rule.follow, "")
        heads = product(rule.parent, (True,) if rule.parent_hard else (True, False), (True, False))
        found = self._related(heads, child, way, span, LOOKED_AT, walked)
        yield from (a for a in found if self._can_explain(rule, a))

    def _effects(self, n: int, parent: Alert, walked: dict[str, list[str]]) -> Iterator[Alert]:
        rule, at = self._rules[n], parent.first_seen_ms
        if self._can_explain(rule, parent):
            span = (at - rule.before_s * 1000, at + rule.within_s * 1000)
            way = rule.follow if rule.follow != "zone" else ""
            heads = product(rule.child, (True, False), (True,))
            yield from self._related(heads, parent, way, span, MOST, walked)

    def _related(
        self, heads: Iterable[Head], alert: Alert, way: str, span: Span, most: int, walked: dict[str, list[str]]
    ) -> Iterator[Alert]:
        """Those on the network `way` (`upstream`, `downstream`) of an alert, then those of its zone: all where there is
        no way to go, else those of which, or of this one, the network knows nothing.
        """
        index, of = self._index, (alert.run, alert.mode)
        keys = [(*h, *of) for h in heads if next(index.between((*h, *of, ""), *span), None)]
        linked = bool(way) and self._net.linked(alert.asset)
        if way and keys:
            if way not in walked:
                walked[way] = self._walk(alert.asset, way) if linked else [alert.asset]
            for at in ((*key, asset) for asset in walked[way] for key in keys):
                if at in index:
                    yield from (self._known[i] for _, i in index.between(at, *span))
        if alert.zone:
            for _, id_ in islice(merge(*(index.between((*key, alert.zone), *span) for key in keys)), most):
                other = self._known[id_]
                if not (linked and self._net.linked(other.asset)):
                    yield other

    def _walk(self, asset: str, way: str) -> list[str]:
        walk = self._net.upstream(asset) if way == "upstream" else self._net.downstream(asset)
        return [asset, *(r.id for r in walk.reached)]


def _by_kind(pairs: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    """Numbers of rules by kind."""
    found: dict[str, list[int]] = {}
    for kind, n in pairs:
        found.setdefault(kind, []).append(n)
    return found


def may_suppress(child: Alert, parent: Alert) -> bool:
    """True if nobody needs to be told of the child while the parent is told.

    Never for a hard limit, what a person reported, or I and II, nor where the parent is milder or is itself not told.
    """
    if child.hard or child.source != SENSOR or child.severity in GRAVE or worse(child.severity, parent.severity):
        return False
    return not parent.suppressions


def explained(child: Alert, cause: Cause) -> Alert:
    """The child with its parent and link, and suppressed where that may be."""
    kept = tuple(s for s in child.suppressions if s.kind != BY_RULE)
    own = (Suppression(kind=BY_RULE, by=cause.parent, why=cause.why),) if cause.suppress else ()
    links = tuple(x for x in child.links if x.alert != cause.parent)
    return replace(
        child,
        parent=cause.parent,
        suppressions=(*kept, *own),
        links=(*links, Link(cause.parent, cause.why, cause.metres)),
    )


def told_again(child: Alert) -> Alert:
    """The child keeps its parent, but people are told of it from now on: it became grave, or its parent is not told."""
    return replace(child, suppressions=tuple(s for s in child.suppressions if s.kind != BY_RULE))


def released(child: Alert) -> Alert:
    """The child without a parent: it is over, or a person took the child out. The link stays, as a fact."""
    return replace(told_again(child), parent=None)


def _metres(a: Alert, b: Alert) -> float:
    if a.lon is None or a.lat is None or b.lon is None or b.lat is None:
        return 0.0
    return round(distance_m(a.lon, a.lat, b.lon, b.lat), 1)
