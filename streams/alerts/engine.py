"""State of one partition's alerts and the two verbs that change it. Pure: time is an argument, nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from geo.assets import Code
from geo.impact import Impact, Surroundings
from streams.alerts import fenced
from streams.alerts.lifecycle import TABLE, Step, on_command, on_detection, on_link
from streams.alerts.linking import Nearby
from streams.alerts.severity import Rule, default_rules
from streams.events import Alert, AlertRecord, Command, CommandResult, Detection, Text

KEPT_KEYS = 2_000  # idempotency keys remembered a partition


class Engine:
    """At most one episode a (run, asset, kind) is ACTIVE; `changed` names what a caller must store.

    >>> Engine().on_command(Command(id="c", alert="x", county="522601", command="ack", version=1, by="a",
    ...     role="officer", unit="522601", at_ms=0), 0)[0].status
    404
    """

    def __init__(self, rules: Sequence[Rule] | None = None) -> None:
        self.rules = rules or default_rules()
        self.alerts: dict[str, Alert] = {}
        self.newest: dict[tuple[str, str, str], str] = {}
        self.keys: dict[str, str] = {}  # idempotency key -> id of the alert it was done to
        self.changed: set[str] = set()
        self.nearby = Nearby()
        self.surroundings = Surroundings()
        self.touched: list[AlertRecord] = []  # of other alerts than the one that moved; whoever calls takes them

    def restore(self, alerts: Mapping[str, bytes], keys: bytes) -> None:
        for raw in alerts.values():
            self._keep(msgspec.msgpack.decode(raw, type=Alert))
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

    def on_detection(self, d: Detection, now_ms: int) -> AlertRecord | None:
        """The record to write, or None when nothing is to be told."""
        current = self.alerts.get(self.newest.get((d.run, d.asset, d.kind), ""))
        new = d.state == "raise" and (current is None or current.condition != "ACTIVE")
        impact = self._impact(d) if new else current.impact if current else None
        severity, why = fenced.severity(d, self.rules, impact.people if impact else 0)
        step = on_detection(current, d, severity, why, now_ms)
        if step.alert is not None and step.alert is not current:
            if step.transition is not None and step.transition.trigger == "raise":
                alert = replace(step.alert, impact=impact, codes=self._codes(d.asset))
                step = step._replace(alert=self._linked(alert, now_ms))
            assert step.alert is not None
            self._keep(step.alert)
        return self._record(step)

    def _impact(self, d: Detection) -> Impact | None:
        """Whom an alert of this detection touches; None where no assets are known, and for equipment."""
        if d.cls != "hazard" or not len(self.surroundings):
            return None
        return self.surroundings.impact(d.lon, d.lat, d.kind, d.asset)

    def _codes(self, asset: str) -> tuple[Code, ...]:
        known = self.surroundings.get(asset)
        return known.codes if known is not None else ()

    def _linked(self, alert: Alert, now_ms: int) -> Alert:
        """A new alert with its links; those at their other ends go to `touched`."""
        links = self.nearby.links(alert)
        for link in links:
            step = on_link(self.alerts[link.alert], replace(link, alert=alert.id), now_ms)
            assert step.alert is not None
            self._keep(step.alert)
            if (record := self._record(step)) is not None:
                self.touched.append(record)
        return replace(alert, links=links)

    def on_command(self, c: Command, now_ms: int) -> tuple[CommandResult, AlertRecord | None]:
        """The answer to the sender, and the record to write where it was accepted.

        A key that was used before gives the same answer again and changes nothing.
        """
        alert = self.alerts.get(c.alert)
        if c.key and self.keys.get(f"{c.by}|{c.key}") == c.alert and alert is not None:
            return CommandResult(id=c.id, alert_id=c.alert, accepted=True, row="REPLAY", alert=alert), None
        step = on_command(alert, c, level_of(c.unit), now_ms)
        if step.row.refused or step.alert is None:
            row = step.row
            reason = Text(row.zh, row.en)
            return CommandResult(
                id=c.id, alert_id=c.alert, accepted=False, status=row.refused, row=row.name, reason=reason, alert=alert
            ), None
        self._keep(step.alert)
        if c.key:
            self.keys[f"{c.by}|{c.key}"] = c.alert
            while len(self.keys) > KEPT_KEYS:
                self.keys.pop(next(iter(self.keys)))
        result = CommandResult(id=c.id, alert_id=c.alert, accepted=True, row=step.row.name, alert=step.alert)
        return result, self._record(step)

    @staticmethod
    def _record(step: Step) -> AlertRecord | None:
        if step.transition is None or step.alert is None:
            return None
        return AlertRecord(step.alert, step.transition)


def level_of(unit: str) -> str:
    """Level of an administrative code: 522600 prefecture, other 6 digits county, 9 township, 12 village.

    >>> level_of("522600"), level_of("522601"), level_of("522601001")
    ('prefecture', 'county', 'township')
    """
    if unit in ("5226", "522600"):
        return "prefecture"
    return {6: "county", 9: "township"}.get(len(unit), "village")


__all__ = ["TABLE", "Engine", "level_of"]
