"""An alert whose sensors are all silent is UNKNOWN 状态不明, not over; heard again, it is ACTIVE as before. Pure.

All state is made of alerts: feed the stored ones to `keep`, in any order, and drop what it returns.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from streams.events import Alert, Text

KINDS = ("dropout",)
SILENT = Text("传感器数据中断，状态不明", "its sensors are silent: the state is not known")
HEARD = Text("传感器恢复上报，报警仍在", "a sensor reports again, and the condition still holds")

Sensor = tuple[str, str, str]  # run, mode, id


class Turn(NamedTuple):
    """An alert whose condition is to become UNKNOWN or ACTIVE."""

    alert: str
    condition: str
    why: Text


class Silence:
    """Which sensors are silent, and which alerts wait for them."""

    def __init__(self) -> None:
        self._silent: dict[Sensor, dict[str, None]] = {}  # -> the dropout alerts that say so
        self._watched: dict[Sensor, dict[str, None]] = {}  # -> alerts whose condition holds at it
        self._kept: dict[
            str, tuple[str, tuple[Sensor, ...], bool]
        ] = {}  # condition, sensors, says that they are silent

    def keep(self, alert: Alert) -> tuple[Turn, ...]:
        """Take over an alert's newest state; what turns by it, in the order of ids."""
        says = alert.kind in KINDS
        before = self._kept.pop(alert.id, None)
        old = before[1] if before else ()
        for sensor in old:
            _drop(self._silent if says else self._watched, sensor, alert.id)
        now = () if alert.over else tuple((alert.run, alert.mode, s) for s in alert.active)
        if now:
            self._kept[alert.id] = (alert.condition, now, says)
        index = self._silent if says else self._watched
        for sensor in now:
            if sensor in index:
                index[sensor][alert.id] = None
            else:
                index[sensor] = {alert.id: None}
        if not says:
            return self._turns({alert.id}) if self._silent or alert.condition == "UNKNOWN" else ()
        changed = set(old) ^ set(now)
        return self._turns({id_ for sensor in changed for id_ in self._watched.get(sensor, ())})

    def _turns(self, ids: set[str]) -> tuple[Turn, ...]:
        made = []
        for id_ in sorted(ids):
            if id_ not in self._kept:
                continue
            condition, sensors, _ = self._kept[id_]
            silent = all(s in self._silent for s in sensors)
            if silent and condition == "ACTIVE":
                made.append(Turn(id_, "UNKNOWN", SILENT))
            elif not silent and condition == "UNKNOWN":
                made.append(Turn(id_, "ACTIVE", HEARD))
        return tuple(made)


def turned(alert: Alert, turn: Turn) -> Alert:
    """The alert in its new condition; a clear of an UNKNOWN one is the same as of an ACTIVE one."""
    return replace(alert, condition=turn.condition)


def _drop(index: dict[Sensor, dict[str, None]], sensor: Sensor, id_: str) -> None:
    del index[sensor][id_]
    if not index[sensor]:
        del index[sensor]
