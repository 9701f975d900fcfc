"""State of one partition's alerts and the verbs that change it. Pure: time is an argument, nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from geo.assets import Code
from geo.impact import Impact, Surroundings
from streams.alerts import fenced, machines, merging, ticking
from streams.alerts.book import Book
from streams.alerts.commands import apply, permitted
from streams.alerts.desk import Desk
from streams.alerts.family import GROUPS, Family
from streams.alerts.incidents import INTERNAL
from streams.alerts.inhibition import Inhibitor
from streams.alerts.policy_book import PolicyBook
from streams.alerts.raising import clocked, on_detection, on_link, said_by
from streams.alerts.severity import Rule, default_rules
from streams.alerts.table import SYSTEM, TABLE
from streams.alerts.transitions import Step, moved
from streams.duty.book import DutyBook
from streams.events import Alert, AlertRecord, Command, CommandResult, Detection, Text, stable_id

KEPT_KEYS = 2_000  # idempotency keys remembered a partition
_alert = msgspec.msgpack.Decoder(Alert)
RETRY_MS = 60_000  # after a fault
DUE_AT_ONCE = 500  # transitions of one tick; the timer asks again at once


class Fault(NamedTuple):
    """An alert that could not be worked on, and why."""

    alert: str
    error: Exception


class Engine:
    """At most one episode a (run, asset, kind) is open; `changed` names what a caller must store (or drop).

    Every verb returns the records to write, in their order; `asks` are commands for alerts of other partitions.
    """

    def __init__(self, desk: Desk | None = None, rules: Sequence[Rule] | None = None) -> None:
        self.desk = desk or Desk(PolicyBook(), DutyBook())
        self.rules = rules or default_rules()
        self.keys: dict[str, str] = {}  # idempotency key of a sender -> what was done by it, both as hashes
        self.asks: list[Command] = []
        self.faults: list[Fault] = []  # what could not be done when it was due: for the caller to tell of
        self.surroundings = Surroundings()
        self.book = Book(Inhibitor(self.surroundings))
        self.family = Family(self.book, self.desk)

    @property
    def alerts(self) -> dict[str, Alert]:
        return self.book.alerts

    @property
    def changed(self) -> set[str]:
        return self.book.changed

    def restore(self, alerts: Mapping[str, bytes], keys: bytes, storms: bytes = b"") -> None:
        """Take back what was stored, in the order in which it changed."""
        found = [_alert.decode(raw) for raw in alerts.values()]
        for alert in sorted(found, key=lambda a: (a.changed_ms, a.id)):
            self.book.put(alert)
        self.book.storm.load(storms)
        self.keys = msgspec.msgpack.decode(keys, type=dict[str, str]) if keys else {}
        self.book.changed.clear()
        self.book.turns.clear()
        self.family.restored(max((a.changed_ms for a in found), default=0))

    # -- detections ------------------------------------------------------------------------------------------------

    def on_detection(self, d: Detection, now_ms: int) -> list[AlertRecord]:
        """The records to write: of this alert, and of those that it touches."""
        if d.alert and d.alert in self.alerts:  # sent again
            return []
        current = None if d.alert else self.book.latest(d.run, d.asset, d.kind)
        over = current is None or current.over
        impact = self._impact(d) if d.state != "clear" and over else current.impact if current else None
        severity, why = fenced.severity(d, self.rules, impact.people if impact else 0)
        step = on_detection(current, d, severity, why, now_ms)
        if step.alert is None or step.alert is current:
            return []
        if step.transition is not None and step.transition.trigger == "raise":
            return self._raised(replace(step.alert, impact=impact, codes=self._codes(d.asset)), step, now_ms)
        return self._done(current, clocked(current, step, self.desk, now_ms), now_ms)

    def _raised(self, alert: Alert, step: Step, now_ms: int) -> list[AlertRecord]:
        """A new episode: linked, explained or grouped, then its clock starts."""
        alert, out = self._linked(alert, now_ms)
        first, alert, then = self.family.joined(alert, now_ms)
        assert step.transition is not None
        made = moved(None, alert, "raise", step.transition.reason, now_ms, step.row)
        step = said_by(made, step.transition.by)
        done = self._kept(first, now_ms)
        done += self._done(None, clocked(None, step, self.desk, now_ms), now_ms)
        return [*done, *out, *self._kept(then, now_ms)]

    def _kept(self, steps: Iterable[Step], now_ms: int) -> list[AlertRecord]:
        """Keep steps of alerts that are known, one by one."""
        out: list[AlertRecord] = []
        for step in steps:
            assert step.alert is not None
            out += self._done(self.book.get(step.alert.id), step, now_ms)
        return out

    def _done(self, before: Alert | None, step: Step, now_ms: int) -> list[AlertRecord]:
        """Keep a step and all that follows from it."""
        alert = step.alert
        assert alert is not None
        self.book.put(alert)
        out = [AlertRecord(alert, step.transition)] if step.transition is not None else []
        self.asks += self.family.asks(before, alert, "system", now_ms)
        return out + self._kept(self.family.after(before, alert, now_ms), now_ms)

    def _impact(self, d: Detection) -> Impact | None:
        """Whom an alert of this detection touches; None where no assets are known, and for equipment."""
        if d.cls != "hazard" or not len(self.surroundings):
            return None
        return self.surroundings.impact(d.lon, d.lat, d.kind, d.asset)

    def _codes(self, asset: str) -> tuple[Code, ...]:
        known = self.surroundings.get(asset)
        return known.codes if known is not None else ()

    def _linked(self, alert: Alert, now_ms: int) -> tuple[Alert, list[AlertRecord]]:
        """A new alert with its links, and the records of those at their other ends."""
        links = self.book.nearby.links(alert)
        out: list[AlertRecord] = []
        for link in links:
            other = self.alerts[link.alert]
            out += self._done(other, on_link(other, replace(link, alert=alert.id), now_ms), now_ms)
        return replace(alert, links=links), out

    # -- commands --------------------------------------------------------------------------------------------------

    def on_command(self, c: Command, now_ms: int) -> tuple[CommandResult, list[AlertRecord]]:
        """The answer to the sender, and the records to write where it was accepted.

        A key that was used before gives the same answer again and changes nothing; with another command it is refused.
        """
        alert = self.alerts.get(c.alert)
        key, asked = stable_id(c.by, c.key), _asked(c)
        if c.key and key in self.keys and alert is not None:
            if self.keys[key] != asked:
                return self._refusal(c, Step(alert, None, TABLE["ANY-8"]), alert), []
            return CommandResult(id=c.id, alert_id=c.alert, accepted=True, row="REPLAY", alert=alert), []
        step, asks = self._answer(alert, c, now_ms)
        self.asks += asks
        if step.row.refused or step.alert is None:
            return self._refusal(c, step, alert), []
        out = self._done(alert, step, now_ms)
        if c.key:
            self.keys[key] = asked
            while len(self.keys) > KEPT_KEYS:
                self.keys.pop(next(iter(self.keys)))
        return CommandResult(id=c.id, alert_id=c.alert, accepted=True, row=step.row.name, alert=step.alert), out

    def _answer(self, alert: Alert | None, c: Command, now_ms: int) -> tuple[Step, list[Command]]:
        """What the command makes, and what it asks of other alerts."""
        if c.command in SYSTEM:
            return machines.on_command(alert, c, self.desk, now_ms), []
        if c.command in INTERNAL:
            return merging.on_command(alert, c, self.book, self.desk, now_ms)
        given = permitted(alert, c, now_ms)
        if isinstance(given, Step):
            return given, []
        assert alert is not None
        if c.command == "reopen" and not self.book.is_latest(alert):
            return Step(alert, None, TABLE["REOPEN-3"]), []
        if c.command in ("merge", "split"):
            return merging.on_command(alert, c, self.book, self.desk, now_ms)
        asks: list[Command] = []
        if c.command == "close":
            checked = merging.closing(alert, c, self.book, now_ms)
            if checked.step.row.refused:
                return checked.step, []
            asks = checked.asks
        return apply(alert, c, given, self.desk, now_ms), asks

    @staticmethod
    def _refusal(c: Command, step: Step, alert: Alert | None) -> CommandResult:
        row = step.row
        reason = step.detail or Text(row.zh, row.en)
        status = row.refused or 404
        return CommandResult(
            id=c.id, alert_id=c.alert, accepted=False, status=status, row=row.name, reason=reason, alert=alert
        )

    # -- time ------------------------------------------------------------------------------------------------------

    def next_due_ms(self) -> int:
        """When time alone changes something next, 0: never."""
        return self.book.due.next_ms()

    def on_tick(self, now_ms: int) -> list[AlertRecord]:
        """Everything that is due, `DUE_AT_ONCE` transitions at most: ask again while `next_due_ms` has passed."""
        out: list[AlertRecord] = []
        due = self.book.due
        while len(out) < DUE_AT_ONCE and (id_ := due.pop(now_ms)) is not None:
            if id_ == GROUPS:
                out += self._kept(self.family.on_look(now_ms), now_ms)
                continue
            try:
                self._due(id_, now_ms, out)
            except Exception as error:  # that of one alert must not keep the others from being told
                self.faults.append(Fault(id_, error))
                due.put(id_, now_ms + RETRY_MS)
        return out

    def _due(self, id_: str, now_ms: int, out: list[AlertRecord]) -> None:
        """What is due of one alert."""
        for _ in range(ticking.MANY):
            alert = self.alerts.get(id_)
            found = ticking.on_due(alert, self.desk, now_ms) if alert is not None else None
            if found is None:
                return
            out += self._done(alert, found, now_ms)
        self.book.due.put(id_, now_ms + 1000)  # it would go on for ever: once a tick is enough


def _asked(c: Command) -> str:
    """What a command asks for, whoever sends it, whenever; a hash."""
    params = (part for name in sorted(c.params) for part in (name, bytes(c.params[name]).decode()))
    return stable_id(c.alert, c.command, c.comment, *params)
