"""What a well-formed row must also satisfy: a time that can be, a sensor that is known, the right topic.

Pure: the clock and the registry are arguments. Each refusal is a code (for counters) and a sentence (for the sender).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.assets import Sensor, Zone
from streams.columns import Columns

SECONDS_MIN, MS_MIN = 1_000_000_000, 100_000_000_000  # 2001 in seconds; March 1973 in milliseconds


class Refusal(NamedTuple):
    code: str
    reason: str


@dataclass(frozen=True)
class Limits:
    """Bounds on time stamps. `now_ms` None: a replay, where any time after 1973 is taken."""

    now_ms: int | None
    max_future_s: float
    max_age_s: float
    partitions: int = 2**31 - 1  # that there are


Routes = tuple[NDArray[np.int32], dict[int, Refusal]]


@dataclass(frozen=True)
class Checked:
    """`partition` int32[n]: where a row goes, -1 where refused; `refused`: refusal -> rows."""

    partition: NDArray[np.int32]
    refused: dict[Refusal, NDArray[np.int64]]


def check(
    cols: Columns, domain: str, sensors: Mapping[str, Sensor], zones: Mapping[str, Zone], limits: Limits,
    known: Routes | None = None,
) -> Checked:  # fmt: skip
    """Check every row; the first refusal of a row counts. `known`: what `routes` gave for this list of sensors."""
    where, why = known or routes(cols.sensors, domain, sensors, zones, limits.partitions)
    partition = where[cols.idx]
    refused: dict[Refusal, NDArray[np.int64]] = {}
    if (partition < 0).any():
        for k in np.unique(cols.idx[partition < 0]):
            rows = np.flatnonzero(cols.idx == k)
            refused[why[int(k)]] = np.union1d(refused.get(why[int(k)], np.empty(0, np.int64)), rows)
    for refusal, mask in _time_faults(cols.ts_ms, limits):
        rows = np.flatnonzero(mask & (partition >= 0))
        if len(rows):
            refused[refusal] = rows
            partition = np.where(mask, np.int32(-1), partition)
    return Checked(partition.astype(np.int32), refused)


def routes(
    names: Sequence[str], domain: str, sensors: Mapping[str, Sensor], zones: Mapping[str, Zone], partitions: int
) -> Routes:
    """Partition of each sensor of a list (-1: refused), and why not."""
    where = np.full(len(names), -1, np.int32)
    why: dict[int, Refusal] = {}
    for k, name in enumerate(names):
        sensor = sensors.get(name)
        if sensor is None:
            why[k] = Refusal(
                "unknown_sensor", f"sensor {name[:64]!r} is not registered: add it with `cityops sensors add`"
            )
        elif sensor.domain != domain:
            why[k] = Refusal(
                "wrong_topic", f"sensor {name} belongs to {sensor.domain}: send it to readings.raw.{sensor.domain}"
            )
        elif sensor.retired:
            why[k] = Refusal("retired", f"sensor {name} is retired: register the new device under a new id")
        elif (zone := zones.get(sensor.zone)) is None:
            why[k] = Refusal("unknown_zone", f"sensor {name} is in zone {sensor.zone!r}, which is not registered")
        elif zone.partition >= partitions:
            text = f"zone {zone.id} of sensor {name} is on partition {zone.partition}, there are {partitions}"
            why[k] = Refusal("no_partition", text)
        else:
            where[k] = zone.partition
    return where, why


def _time_faults(ts: NDArray[np.int64], limits: Limits) -> list[tuple[Refusal, NDArray[np.bool_]]]:
    faults = [
        (Refusal("ts_seconds", "ts looks like seconds: send epoch milliseconds"), (ts >= SECONDS_MIN) & (ts < MS_MIN)),
        (Refusal("ts_1970", "ts lies about 1970: the device's clock is not set"), ts < SECONDS_MIN),
    ]
    if limits.now_ms is not None:
        late, early = limits.now_ms - int(limits.max_age_s * 1000), limits.now_ms + int(limits.max_future_s * 1000)
        old = f"ts is older than {limits.max_age_s / 86400:g} days: replay old data as a run with `cityops replay`"
        ahead = f"ts lies more than {limits.max_future_s:g} s in the future: check the device's clock"
        faults += [(Refusal("ts_old", old), ts < late), (Refusal("ts_future", ahead), ts > early)]
    return faults
