"""What may not change in the registry: the partition that a sensor's readings go to. Pure.

The detectors of a partition keep the sensor's state and its open episodes. A sensor that went elsewhere would leave
them behind: the old partition would say for ever that it is silent, and nobody would end the episode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from geo.assets import Record, Sensor, Zone

if TYPE_CHECKING:
    from streams.registry_table import Registry


class Move(NamedTuple):
    """A record that may not be written: its id, the field and what to do instead."""

    id: str
    field: str
    reason: str


def moves(known: Registry, records: Iterable[Record], partitions: int) -> Iterator[Move]:
    """What in `records` would take sensors of `known` to another partition, or zones to one that is not there."""
    listed = list(records)
    zones = dict(known.zones)
    zones.update({r.id: r for r in listed if isinstance(r, Zone)})
    for record in listed:
        fault = None
        if isinstance(record, Zone):
            fault = _zone(known, record, partitions)
        elif isinstance(record, Sensor):
            fault = _sensor(known, record, zones)
        if fault is not None:
            yield fault


def _zone(known: Registry, zone: Zone, partitions: int) -> Move | None:
    if zone.partition >= partitions:
        return Move(
            zone.id, "partition", f"is {zone.partition}, but CITYOPS_PARTITIONS is {partitions}: 0 is the first"
        )
    old = known.zones.get(zone.id)
    if old is None or old.partition == zone.partition:
        return None
    held = sum(sensor.zone == zone.id and not sensor.retired for sensor in known.sensors.values())
    if not held:
        return None
    return Move(
        zone.id,
        "partition",
        f"cannot change from {old.partition} to {zone.partition} while the zone has sensors ({held}); make a new zone, "
        "retire the sensors (`cityops sensors retire`) and register them there under new ids",
    )


def _sensor(known: Registry, sensor: Sensor, zones: dict[str, Zone]) -> Move | None:
    old = known.sensors.get(sensor.id)
    if old is None or old.zone == sensor.zone or old.zone not in zones or sensor.zone not in zones:
        return None
    before, after = known.zones.get(old.zone, zones[old.zone]).partition, zones[sensor.zone].partition
    if before == after:
        return None
    return Move(
        sensor.id,
        "zone",
        f"cannot change from {old.zone} to {sensor.zone}: they are on different partitions ({before} and {after}), and "
        f"the open episodes would stay behind; retire it (`cityops sensors retire {sensor.id}`) and register a new id",
    )
