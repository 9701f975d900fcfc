"""Alarm storm: while too many alerts come in one county, III and IV are told as one group of a unit and kind. Pure.

ISA-18.2 calls it an alarm flood when more than 10 alarms reach one operator in 10 minutes, over below 5. Here the duty
scope is the county, hazards and equipment apart. I, II and hard limits stay single.

The group's members are known from alerts (`keep`); when a storm began is not in any alert: store `dump()` with them.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from streams.alerts.group import GroupKey, is_group, key_of, may_join
from streams.events import Alert

WINDOW_MS = 10 * 60_000
BEGINS = 10  # more than so many in the window
OVER = 5  # fewer than so many


class Scope(Struct):
    """The newest raises of one duty scope (`BEGINS` + 1 at most, oldest first), and the storm's begin, 0: none."""

    raised_ms: list[int] = []
    started_ms: int = 0


class Storm:
    """Duty scopes by run, mode, county and class. Call `on_raise` for each new episode, `keep` for each change."""

    def __init__(self) -> None:
        self._scopes: dict[str, Scope] = {}
        self._active: dict[str, dict[str, None]] = {}  # parent -> members that are not cleared
        self._parent: dict[str, str] = {}
        self._groups: dict[str, Alert] = {}
        self.look_ms = 0  # when it is looked next whether groups are over

    def dump(self) -> bytes:
        """All that alerts do not say: about 120 bytes for each scope."""
        return msgspec.msgpack.encode((self._scopes, self.look_ms))

    def load(self, dumped: bytes) -> None:
        """Take over a dump; b"" for none."""
        self._scopes, self.look_ms = (
            msgspec.msgpack.decode(dumped, type=tuple[dict[str, Scope], int]) if dumped else ({}, 0)
        )

    def keep(self, alert: Alert) -> None:
        """Take over an alert's newest state, of members and groups."""
        if is_group(alert):
            self._groups.pop(alert.id, None)
            if not alert.over:
                self._groups[alert.id] = alert
        if (before := self._parent.pop(alert.id, None)) is not None:
            del self._active[before][alert.id]
            if not self._active[before]:
                del self._active[before]
        if alert.parent is not None and not alert.over:
            self._parent[alert.id] = alert.parent
            self._active.setdefault(alert.parent, {})[alert.id] = None

    def on_raise(self, alert: Alert, now_ms: int, explains: bool = False) -> GroupKey | None:
        """Count a new episode; the group it joins, None where it stays single.

        That is also where it has a parent already, or where it `explains` others: a cause is told by itself.
        """
        if is_group(alert):
            return None
        scope = self._scopes.setdefault(_scope(alert), Scope())
        now_ms = max([now_ms, *scope.raised_ms[-1:]])  # event clocks may step back
        if scope.started_ms and _over(scope, now_ms):
            scope.started_ms = 0
        scope.raised_ms = [*scope.raised_ms[-BEGINS:], now_ms]
        if not scope.started_ms and len(scope.raised_ms) > BEGINS and scope.raised_ms[0] > now_ms - WINDOW_MS:
            scope.started_ms = now_ms
        if not scope.started_ms or alert.parent is not None or explains or not may_join(alert):
            return None
        place = alert.unit[:9] if len(alert.unit) >= 9 else alert.county
        return GroupKey(alert.run, alert.mode, alert.county, place, alert.domain, alert.kind, scope.started_ms)

    def lasts(self, alert: Alert) -> int:
        """When the storm of this alert's duty scope began, 0: there is none."""
        scope = self._scopes.get(_scope(alert))
        return scope.started_ms if scope else 0

    def tick(self, now_ms: int) -> tuple[str, ...]:
        """Ids of groups that are over: no storm adds to them and no member is active; told until kept CLEARED."""
        for name in [n for n, s in self._scopes.items() if _over(s, now_ms)]:
            if self._scopes[name].raised_ms[-1] <= now_ms - WINDOW_MS:
                del self._scopes[name]
            else:
                self._scopes[name].started_ms = 0
        return tuple(sorted(id_ for id_, g in self._groups.items() if id_ not in self._active and self._still(g)))

    def has_groups(self) -> bool:
        """Is any group not over?"""
        return bool(self._groups)

    def _still(self, group: Alert) -> bool:
        key = key_of(group)
        return key.of_zone or self.lasts(group) != key.started_ms


def _scope(alert: Alert) -> str:
    return "|".join((alert.run, alert.mode, alert.county, alert.cls))


def _over(scope: Scope, now_ms: int) -> bool:
    return len(scope.raised_ms) < OVER or scope.raised_ms[-OVER] <= now_ms - WINDOW_MS
