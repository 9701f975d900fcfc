"""Sensors of one zone that fall silent together have one cause: gateway, network or power. They become one group.

The registry names no gateways, so the zone stands for what they share. All state is made of alerts (`keep`). Pure.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.alerts.group import GroupKey, is_group, key_of
from streams.alerts.open_index import OpenIndex
from streams.events import Alert

KIND = "dropout"
SHARE = 0.6  # of a zone's sensors
LEAST = 3  # silent sensors, where the zone's number is known
UNKNOWN_LEAST = 5  # where it is not
INTERVALS = 2.0  # all onsets within so many sampling intervals of the newest


class Formed(NamedTuple):
    """The group, and the alerts that join it now: the new one and, when the group begins, those before it."""

    key: GroupKey
    members: tuple[str, ...]


class ZoneSilence:
    """Open `dropout` alerts and groups by zone."""

    def __init__(self) -> None:
        self._open: dict[str, Alert] = {}  # without a parent
        self._by_zone = OpenIndex()
        self._groups: dict[tuple[str, str, str], Alert] = {}

    def keep(self, alert: Alert) -> None:
        """Take over an alert's newest state."""
        if alert.kind != KIND or not alert.zone:
            return
        if is_group(alert):
            held = self._groups.get(_zone(alert))
            if key_of(alert).of_zone and not alert.over:
                self._groups[_zone(alert)] = alert
            elif held is not None and held.id == alert.id:
                del self._groups[_zone(alert)]
            return
        if (old := self._open.pop(alert.id, None)) is not None:
            self._by_zone.remove(_zone(old), old.first_seen_ms, old.id)
        if not alert.over and alert.parent is None:
            self._open[alert.id] = alert
            self._by_zone.add(_zone(alert), alert.first_seen_ms, alert.id)

    def on_raise(self, alert: Alert, now_ms: int, sensors: int = 0) -> Formed | None:
        """The group of a new `dropout` alert, None where too few are silent. `sensors`: of the zone, 0: not known."""
        if alert.kind != KIND or not alert.zone or alert.parent is not None or is_group(alert):
            return None
        if (group := self._groups.get(_zone(alert))) is not None:
            return Formed(key_of(group), (alert.id,))
        span = round(INTERVALS * alert.interval_s * 1000)
        at = alert.first_seen_ms
        near = [self._open[i] for _, i in self._by_zone.between(_zone(alert), at - span, at + span) if i != alert.id]
        silent = {s for a in (*near, alert) for s in a.active}
        if len(silent) < (max(LEAST, SHARE * sensors) if sensors else UNKNOWN_LEAST):
            return None
        key = GroupKey(alert.run, alert.mode, alert.county, alert.zone, alert.domain, KIND, now_ms)
        return Formed(key, tuple(sorted((alert.id, *(a.id for a in near)))))


def _zone(alert: Alert) -> tuple[str, str, str]:
    return alert.run, alert.mode, alert.zone
