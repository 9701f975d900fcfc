"""State of one partition's alerts and the verbs that change it. Pure: time is an argument, nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from geo.assets import Code
from geo.impact import Impact, Surroundings
from streams.alerts import fenced, machines, ticking
from streams.alerts.commands import on_command
from streams.alerts.desk import Desk
from streams.alerts.due import DueQueue
from streams.alerts.linking import Nearby
from streams.alerts.policy_book import PolicyBook
from streams.alerts.raising import clocked, on_detection, on_link
from streams.alerts.severity import Rule, default_rules
from streams.alerts.table import SYSTEM, TABLE, Row
from streams.alerts.transitions import Step
from streams.duty.book import DutyBook
from streams.events import Alert, AlertRecord, Command, CommandResult, Detection, Text

KEPT_KEYS = 2_000  # idempotency keys remembered a partition
KEPT_CLOSED = 2_000  # closed alerts that can still be reopened or commented
DUE_AT_ONCE = 500  # transitions of one tick; the timer asks again at once


class Engine:
    """At most one episode a (run, asset, kind) is open; `changed` names what a caller must store (or drop).

    Every verb returns the records to write, in their order; `asks` are commands for alerts of other partitions.
    """

    def __init__(self, desk: Desk | None = None, rules: Sequence[Rule] | None = None) -> None:
        self.desk = desk or Desk(PolicyBook(), DutyBook())
        self.rules = rules or default_rules()
        self.alerts: dict[str, Alert] = {}
        self.newest: dict[tuple[str, str, str], str] = {}
        self.keys: dict[str, str] = {}  # idempotency key -> id of the alert it was done to
        self.changed: set[str] = set()
        self.asks: list[Command] = []
        self.nearby = Nearby()
        self.surroundings = Surroundings()
        self.due = DueQueue()
        self._closed: dict[str, None] = {}  # in the order of closing

    def restore(self, alerts: Mapping[str, bytes], keys: bytes) -> None:
        """Take back what was stored."""
        found = [msgspec.msgpack.decode(raw, type=Alert) for raw in alerts.values()]
        for alert in sorted(found, key=lambda a: (a.changed_ms, a.id)):
            self._keep(alert)
        self.keys = msgspec.msgpack.decode(keys, type=dict[str, str]) if keys else {}
        self.changed.clear()

    def _keep(self, alert: Alert) -> None:
        self.alerts[alert.id] = alert
        slot = (alert.run, alert.asset, alert.kind)
        held = self.alerts.get(self.newest.get(slot, ""))
        if held is None or alert.episode >= held.episode:
            self.newest[slot] = alert.id
        self.changed.add(alert.id)
        self.nearby.keep(alert)
        self.due.put(alert.id, ticking.due_ms(alert))
        self._closed.pop(alert.id, None)
        if alert.handling == "CLOSED":
            self._closed[alert.id] = None
            while len(self._closed) > KEPT_CLOSED:
                self._forget(next(iter(self._closed)))

    def _forget(self, id_: str) -> None:
        del self._closed[id_]
        alert = self.alerts.pop(id_)
        slot = (alert.run, alert.asset, alert.kind)
        if self.newest.get(slot) == id_:
            del self.newest[slot]
        self.due.put(id_, 0)
        self.changed.add(id_)

    # -- detections ------------------------------------------------------------------------------------------------

    def on_detection(self, d: Detection, now_ms: int) -> list[AlertRecord]:
        """The records to write: of this alert, and of those that it touches."""
        current = self.alerts.get(self.newest.get((d.run, d.asset, d.kind), ""))
        over = current is None or current.condition == "CLEARED" or current.handling == "CLOSED"
        impact = self._impact(d) if d.state != "clear" and over else current.impact if current else None
        severity, why = fenced.severity(d, self.rules, impact.people if impact else 0)
        step = on_detection(current, d, severity, why, now_ms)
        if step.alert is None or step.alert is current:
            return []
        out: list[AlertRecord] = []
        if step.transition is not None and step.transition.trigger == "raise":
            alert, out = self._linked(replace(step.alert, impact=impact, codes=self._codes(d.asset)), now_ms)
            step = clocked(None, step._replace(alert=alert), self.desk, now_ms)
        else:
            step = clocked(current, step, self.desk, now_ms)
        return [*self._done(step), *out]

    def _done(self, step: Step) -> list[AlertRecord]:
        assert step.alert is not None
        self._keep(step.alert)
        return [AlertRecord(step.alert, step.transition)] if step.transition is not None else []

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
        links = self.nearby.links(alert)
        out = []
        for link in links:
            out += self._done(on_link(self.alerts[link.alert], replace(link, alert=alert.id), now_ms))
        return replace(alert, links=links), out

    # -- commands --------------------------------------------------------------------------------------------------

    def on_command(self, c: Command, now_ms: int) -> tuple[CommandResult, list[AlertRecord]]:
        """The answer to the sender, and the records to write where it was accepted.

        A key that was used before gives the same answer again and changes nothing.
        """
        alert = self.alerts.get(c.alert)
        if c.key and self.keys.get(f"{c.by}|{c.key}") == c.alert and alert is not None:
            return CommandResult(id=c.id, alert_id=c.alert, accepted=True, row="REPLAY", alert=alert), []
        if c.command in SYSTEM:
            step = machines.on_command(alert, c, self.desk, now_ms)
        else:
            refused = self._forbidden(alert, c)
            step = Step(alert, None, refused) if refused else on_command(alert, c, self.desk, now_ms)
        if step.row.refused or step.alert is None:
            return self._refusal(c, step, alert), []
        out = self._done(step)
        if c.key:
            self.keys[f"{c.by}|{c.key}"] = c.alert
            while len(self.keys) > KEPT_KEYS:
                self.keys.pop(next(iter(self.keys)))
        return CommandResult(id=c.id, alert_id=c.alert, accepted=True, row=step.row.name, alert=step.alert), out

    def _forbidden(self, alert: Alert | None, c: Command) -> Row | None:
        """Rows that look at other alerts."""
        if alert is None:
            return None
        if c.command == "reopen" and self.newest.get((alert.run, alert.asset, alert.kind)) != alert.id:
            return TABLE["REOPEN-3"]
        return None

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
        return self.due.next_ms()

    def on_tick(self, now_ms: int) -> list[AlertRecord]:
        """Everything that is due, `DUE_AT_ONCE` transitions at most: ask again while `next_due_ms` has passed."""
        out: list[AlertRecord] = []
        while len(out) < DUE_AT_ONCE and (id_ := self.due.pop(now_ms)) is not None:
            for _ in range(ticking.MANY):
                step = ticking.on_due(self.alerts[id_], self.desk, now_ms)
                if step is None:
                    break
                out += self._done(step)
            else:  # it would go on for ever: once a tick is enough
                self.due.put(id_, now_ms + 1000)
        return out
