"""An alert among others: what explains it, which group it joins, and what becomes of its children when it changes.

`joined` is asked of each new episode before its clock starts; `after` of each change that was kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from streams.alerts.book import Book
from streams.alerts.desk import Desk
from streams.alerts.escalation import to_all
from streams.alerts.group import GroupKey, group_alert, group_cleared, grouped, is_group, key_of
from streams.alerts.incidents import member_asks
from streams.alerts.inhibition import BY_RULE, explained, may_suppress, released, told_again
from streams.alerts.raising import clocked
from streams.alerts.rising import risen
from streams.alerts.silence import turned
from streams.alerts.table import TABLE
from streams.alerts.transitions import Step, moved, touched
from streams.events import Alert, Command, Text

GROUP_TOLD_MS = 5_000  # a growing group is told of so often
GROUP_LOOK_MS = 30_000  # how often it is looked whether a storm is over
GROUPS = "\0groups"  # in the queue of what is due
OVER = Text("主报警已恢复，恢复通知", "what explained it is over: told again")
GRAVER = Text("级别升高或主报警未通知，恢复通知", "graver than what explains it, or that is not told itself: told")


class Joined(NamedTuple):
    """A new episode as its family makes it; what else changes, in order, before it is kept and after."""

    first: list[Step]  # to be kept before it: the group that it joins
    alert: Alert
    then: list[Step]


class Family:
    """The relations between alerts of one partition."""

    def __init__(self, book: Book, desk: Desk) -> None:
        self._book, self._desk = book, desk

    # -- a new episode ---------------------------------------------------------------------------------------------

    def joined(self, alert: Alert, now_ms: int, zone_sensors: int = 0) -> Joined:
        """Its parent or group, and the alerts that it explains."""
        book = self._book
        cause = book.inhibitor.parent_of(alert)
        if cause is not None:
            alert = explained(alert, cause)
        effects = book.inhibitor.explains(alert)
        silent = book.zones.on_raise(alert, now_ms, zone_sensors)
        key = book.storm.on_raise(alert, now_ms, bool(effects))
        first: list[Step] = []
        then: list[Step] = []
        if silent is not None and alert.parent is None:
            before = [a for i in silent.members if i != alert.id and (a := book.get(i)) is not None]
            first += self._grouped(silent.key, alert, before, now_ms)
            alert = grouped(alert, silent.key)
        elif key is not None:
            key = self._open(key, now_ms)
            first += self._grouped(key, alert, [], now_ms)
            alert = grouped(alert, key)
        for effect in effects:
            child = book.get(effect.child)
            if child is not None:
                why = Text(
                    f"由 {alert.title.zh} 解释：{effect.why.zh}", f"explained by {alert.title.en}: {effect.why.en}"
                )
                then.append(moved(child, explained(child, effect), "explain", why, now_ms, TABLE["FAMILY-1"]))
        return Joined(first, alert, then)

    def _open(self, key: GroupKey, now_ms: int) -> GroupKey:
        """That of the group that is open: another one where people closed it while its storm lasts."""
        held = self._book.get(key.id)
        if held is None or not held.over:
            return key
        newest = self._book.latest(key.run, key.asset, key.kind)
        if newest is not None and newest.mode == key.mode and not newest.over:
            return key_of(newest)
        return key._replace(started_ms=max(now_ms, held.first_seen_ms + 1))

    def _grouped(self, key: GroupKey, alert: Alert, before: list[Alert], now_ms: int) -> Iterator[Step]:
        """The group's own change, and those that join it together with the new alert."""
        held = self._book.get(key.id)
        new = group_alert(key, held, [*before, alert], now_ms)
        if held is None:
            yield clocked(None, moved(None, new, "raise", new.reason, now_ms, TABLE["GROUP-1"]), self._desk, now_ms)
            self._look_at(now_ms + GROUP_LOOK_MS)
        elif new.severity != held.severity:
            new = risen(new, new.severity, new.severity_why)
            step = moved(held, new, "severity", new.reason, now_ms, TABLE["GROUP-3"])
            yield clocked(held, step, self._desk, now_ms)
        elif now_ms - held.touched_group_ms >= GROUP_TOLD_MS:
            new = replace(new, touched_group_ms=now_ms)
            yield touched(held, new, "repeat", new.reason, now_ms, TABLE["GROUP-2"])
        else:
            yield Step(new, None, TABLE["GROUP-2"])
        for member in before:
            yield moved(member, grouped(member, key), "explain", new.reason, now_ms, TABLE["FAMILY-2"])

    # -- a change --------------------------------------------------------------------------------------------------

    def freed(self, alert: Alert) -> Alert:
        """A child that may no longer be silenced is told: it is graver now, or its parent is not told itself."""
        if alert.handling == "CLOSED" or not any(s.kind == BY_RULE for s in alert.suppressions):
            return alert
        parent = self._book.get(alert.parent)
        over = parent is None or parent.over
        if parent is not None and (alert.condition == "CLEARED" or not over) and _may_suppress(alert, parent):
            return alert
        return released(alert) if parent is None or over or is_group(parent) else told_again(alert)

    def after(self, before: Alert | None, alert: Alert, now_ms: int) -> Iterator[Step]:
        """What the change of one alert makes of others; each step is to be kept before the next is asked for."""
        yield from self._told_after_all(alert, now_ms)
        if alert.suppressions and not (before and before.suppressions):
            for id_ in self._book.inhibitor.children_of(alert.id):
                yield from self._told_after_all(self._book.alerts[id_], now_ms)
        if alert.over and not (before is not None and before.over):
            yield from self._without(alert, now_ms)
        while self._book.turns:
            turn = self._book.turns.pop(0)
            held = self._book.get(turn.alert)
            if held is not None and held.condition != turn.condition:
                trigger, row = ("unknown", "SILENT-1") if turn.condition == "UNKNOWN" else ("heard", "SILENT-2")
                yield moved(held, turned(held, turn), trigger, turn.why, now_ms, TABLE[row])

    def _told_after_all(self, child: Alert, now_ms: int) -> Iterator[Step]:
        free = self.freed(child)
        if free is not child:
            yield clocked(child, moved(child, free, "release", GRAVER, now_ms, TABLE["FAMILY-4"]), self._desk, now_ms)

    def _without(self, parent: Alert, now_ms: int) -> Iterator[Step]:
        """Children of a parent that is over: what still lasts is told. Those that people merged stay merged."""
        if is_group(parent) and parent.handling != "CLOSED":
            return
        for id_ in self._book.inhibitor.children_of(parent.id):
            child = self._book.get(id_)
            if child is None or child.merged or (id_ in parent.members and is_group(parent)):
                continue
            if child.condition != "CLEARED":
                yield clocked(
                    child, moved(child, released(child), "release", OVER, now_ms, TABLE["FAMILY-3"]), self._desk, now_ms
                )

    def asks(self, before: Alert | None, alert: Alert, by: str, now_ms: int) -> list[Command]:
        """What an incident has to hear of its member."""
        if before is None or not (alert.merged or before.merged):
            return []
        if (before.over, before.severity) == (alert.over, alert.severity):
            return []
        cause = f"{alert.id}@{alert.version}"
        return [ask.as_command(cause, by, alert.unit, now_ms) for ask in member_asks(alert)]

    # -- time ------------------------------------------------------------------------------------------------------

    def restored(self, at_ms: int) -> None:
        """Groups that are not over are looked at again, when they would have been."""
        if self._book.storm.has_groups():
            self._look_at(self._book.storm.look_ms or at_ms + GROUP_LOOK_MS)

    def _look_at(self, at_ms: int) -> None:
        self._book.storm.look_ms = at_ms
        self._book.due.put(GROUPS, at_ms)

    def on_look(self, now_ms: int) -> Iterator[Step]:
        """Groups whose storm is over and whose members are all over."""
        for id_ in self._book.storm.tick(now_ms):
            held = self._book.get(id_)
            if held is not None:
                new = group_cleared(held, now_ms)
                yield moved(held, new, "clear", new.reason, now_ms, TABLE["GROUP-4"], to_all(held, "clear"))
        if self._book.storm.has_groups():
            self._look_at(now_ms + GROUP_LOOK_MS)


def _may_suppress(child: Alert, parent: Alert) -> bool:
    """Whoever sets a group aside means its members too; the effects of another parent are told then."""
    if is_group(parent) and all(s.kind in ("SHELVED", "OUT_OF_SERVICE") for s in parent.suppressions):
        parent = replace(parent, suppressions=())
    return may_suppress(child, parent)
