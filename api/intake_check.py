"""What the HTTP intake takes from whom: the packer's own checks, said at once, and the caller's unit or zone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from api.context import Registry
from api.roles import Principal
from geo.assets import Sensor
from streams.assets.owning import owners
from streams.codec import Decoded
from streams.columns import I32, Columns
from streams.intake.checks import Limits, check
from streams.settings import Settings

Rejected = list[dict[str, Any]]


class _Table:
    """A look-up that is called like a mapping."""

    def __init__(self, get: Callable[[str], Any]) -> None:
        self.get = get


def limits(settings: Settings, now_ms: int) -> Limits:
    """Bounds on time stamps as the packer has them; in a run any time is taken."""
    now = None if settings.event_clock else now_ms
    return Limits(now, settings.max_future_s, settings.max_age_s, settings.partitions)


def judge(
    decoded: Decoded, domain: str, caller: Principal, registry: Registry, bounds: Limits
) -> tuple[Columns, I32, Rejected]:
    """(rows to send, partition int32[n] of each, [{index, reason}] of the others in the order of the body)."""
    rejected: Rejected = []
    for reject in decoded.rejects:
        rejected += [{"index": row, "reason": reject.reason} for row in reject.rows or (0,)]
    cols = decoded.cols
    if not len(cols):
        return cols, np.empty(0, np.int32), sorted(rejected, key=_index)
    sensors: Any = _Table(registry.sensor)
    zones: Any = _Table(registry.zone)
    checked = check(cols, domain, sensors, zones, bounds)
    bad = checked.partition < 0
    for refusal, rows in checked.refused.items():
        rejected += [{"index": row, "reason": refusal.reason} for row in decoded.row[rows].tolist()]
    foreign = [outside(caller, registry.sensor(name)) for name in cols.sensors]
    if any(foreign):
        theirs = np.array([bool(reason) for reason in foreign])[cols.idx] & ~bad
        rejected += [
            {"index": row, "reason": foreign[i]}
            for row, i in zip(decoded.row[theirs].tolist(), cols.idx[theirs].tolist(), strict=True)
        ]
        bad |= theirs
    if not bad.any():
        return cols, checked.partition, sorted(rejected, key=_index) if rejected else rejected
    return cols.take(~bad), checked.partition[~bad], sorted(rejected, key=_index)


def _index(rejected: dict[str, Any]) -> int:
    return int(rejected["index"])


def outside(caller: Principal, sensor: Sensor | None) -> str:
    """Why this caller may not send for the sensor, "" where it may (or the sensor is unknown, which `check` tells)."""
    if sensor is None:
        return ""
    if caller.zone:
        return "" if sensor.zone == caller.zone else f"sensor {sensor.id} is outside the token's zone {caller.zone}"
    if caller.covers(sensor.unit_code, owners(sensor)):
        return ""
    whose = f"organisation {' or '.join(sorted(caller.orgs))}" if caller.orgs else f"unit {caller.unit}"
    return f"sensor {sensor.id} is outside your {whose}"
