"""The alerts of one partition with everything that is looked up about them; `put` is the one way in."""

from __future__ import annotations

from streams.alerts import ticking
from streams.alerts.due import DueQueue
from streams.alerts.inhibition import Inhibitor
from streams.alerts.linking import Nearby
from streams.alerts.silence import Silence, Turn
from streams.alerts.storm import Storm
from streams.alerts.zone_silence import ZoneSilence
from streams.events import SENSOR, Alert

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

    def is_latest(self, alert: Alert) -> bool:
        """Is it the newest episode of its asset and kind?"""
        return self.newest.get(_slot(alert)) == alert.id

    def put(self, alert: Alert) -> None:
        """Take over an alert's newest state."""
        self.alerts[alert.id] = alert
        held = self.latest(*_slot(alert))
        if held is None or alert.episode >= held.episode:
            self.newest[_slot(alert)] = alert.id
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
        if self.is_latest(alert):
            del self.newest[_slot(alert)]
        self.due.put(id_, 0)
        self.changed.add(id_)


def _slot(alert: Alert) -> tuple[str, str, str]:
    """What has one open episode at most: an asset and kind, or a report of a person, each by itself."""
    return alert.run, alert.asset if alert.source == SENSOR else alert.id, alert.kind
