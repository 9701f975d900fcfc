"""The alerts of one partition with everything that is looked up about them; `put` is the one way in."""

from __future__ import annotations

from streams.alerts import ticking
from streams.alerts.due import DueQueue
from streams.alerts.inhibition import Inhibitor
from streams.alerts.linking import Nearby
from streams.alerts.silence import Silence, Turn
from streams.alerts.storm import Storm
from streams.alerts.zone_silence import ZoneSilence
from streams.events import Alert

KEPT_CLOSED = 2_000  # closed alerts that can still be reopened or commented
_EVER = 2**63


class Book:
    """`changed` names what a caller must store, or drop where it is gone; `turns` are conditions that must change."""

    def __init__(self, inhibitor: Inhibitor) -> None:
        self.alerts: dict[str, Alert] = {}
        self.newest: dict[tuple[str, str, str], str] = {}
        self.changed: set[str] = set()
        self.turns: list[Turn] = []
        self.due = DueQueue()
        self.nearby, self.storm, self.zones, self.silence = Nearby(), Storm(), ZoneSilence(), Silence()
        self.inhibitor = inhibitor
        self._closed = DueQueue()  # by when they changed last; those of which a report is due are kept

    def get(self, id_: str | None) -> Alert | None:
        return self.alerts.get(id_) if id_ else None

    def latest(self, run: str, asset: str, kind: str) -> Alert | None:
        """The newest episode."""
        return self.alerts.get(self.newest.get((run, asset, kind), ""))

    def put(self, alert: Alert) -> None:
        """Take over an alert's newest state."""
        self.alerts[alert.id] = alert
        held = self.latest(alert.run, alert.asset, alert.kind)
        if held is None or alert.episode >= held.episode:
            self.newest[alert.run, alert.asset, alert.kind] = alert.id
        self.changed.add(alert.id)
        for index in (self.nearby, self.storm, self.zones, self.inhibitor):
            index.keep(alert)
        self.turns += self.silence.keep(alert)
        due_ms = ticking.due_ms(alert)
        self.due.put(alert.id, due_ms)
        self._closed.put(alert.id, alert.changed_ms if alert.handling == "CLOSED" and not due_ms else 0)
        while len(self._closed) > KEPT_CLOSED and (oldest := self._closed.pop(_EVER)) is not None:
            self._forget(oldest)

    def _forget(self, id_: str) -> None:
        alert = self.alerts.pop(id_)
        slot = (alert.run, alert.asset, alert.kind)
        if self.newest.get(slot) == id_:
            del self.newest[slot]
        self.due.put(id_, 0)
        self.changed.add(id_)
