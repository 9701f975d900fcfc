"""The registry as one process knows it: zones and sensors, fences, detector profiles, from their compacted topics.

One plain reader per process (no consumer group): it reads `assets`, `fences` and `profiles` from the beginning, says
when it has all that was there at its start, and follows. A run has its own topics `run.<id>.assets` and so on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from detectors.profile_file import ProfileFile
from detectors.profile_file import decode as decode_profiles
from geo import fences
from geo.assets import AssetError, Record, Sensor, Zone, check, decode, encode
from geo.fences import Fence, FenceError
from streams import tables, topics
from streams.errors import UsageError
from streams.moves import moves
from streams.settings import Settings

log = logging.getLogger(__name__)

TOPICS = (topics.ASSETS, topics.FENCES, topics.PROFILES)


class Registry:
    """Zones and sensors by id, as the log of records made them. Iterating gives zones, then sensors."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.sensors: dict[str, Sensor] = {}
        self.zones: dict[str, Zone] = {}
        self.fences: dict[str, Fence] = {}
        self.profiles: dict[str, ProfileFile] = {}
        self.changes = 0  # counts what changed anything
        self.unusable = 0  # records that could not be read
        self._changed: dict[str, int] = {}
        for record in records:
            self.put(record)

    def put(self, record: Record) -> None:
        """Add or replace one record; one that is equal to what is there keeps the old object."""
        self._set(self.sensors if isinstance(record, Sensor) else self.zones, record)

    def _set(self, table: dict[str, Any], record: Record | Fence | ProfileFile) -> None:
        if table.get(record.id) != record:
            table[record.id] = record
            self._note(record.id)

    def remove(self, id_: str) -> None:
        """Forget a sensor or zone; unknown ids are no error."""
        if self.sensors.pop(id_, None) is not None or self.zones.pop(id_, None) is not None:
            self._note(id_)

    def apply(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        """One record of a topic: None as value removes. An unusable one is logged, counted and left out."""
        try:
            name = (key or b"").decode()
            if topic == topics.ASSETS:
                self._asset(name, value)
            else:
                self._reference(topic, name, value)
        except (AssetError, FenceError, ValueError) as error:
            self.unusable += 1
            log.warning("topic %s: a record is left out: %s", topic, error)

    def _asset(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.remove(name)
            return
        record = decode(value)
        check([record])
        if name and name != record.id:
            raise AssetError(f"key {name!r} is not the record's id {record.id!r}")
        self.put(record)

    def _reference(self, topic: str, name: str, value: bytes | None) -> None:
        table, read = self._tables[topic]
        mine: dict[str, Any] = getattr(self, table)
        if value is not None:
            self._set(mine, read(value))
        elif mine.pop(name, None) is not None:
            self._note(name)

    _tables: Mapping[str, tuple[str, Callable[[bytes], Fence | ProfileFile]]] = {
        topics.FENCES: ("fences", fences.decode),
        topics.PROFILES: ("profiles", decode_profiles),
    }

    def changed_since(self, cursor: int) -> tuple[int, list[str]]:
        """(new cursor, ids changed or removed after `cursor`, oldest change first). Begin with 0."""
        late = sorted((n, id_) for id_, n in self._changed.items() if n > cursor)
        return self.changes, [id_ for _, id_ in late]

    def _note(self, id_: str) -> None:
        self.changes += 1
        self._changed[id_] = self.changes

    def __iter__(self) -> Iterator[Record]:
        yield from self.zones.values()
        yield from self.sensors.values()

    def __len__(self) -> int:
        return len(self.zones) + len(self.sensors)


def topic_of(settings: Settings) -> str:
    """Name of the topic of zones and sensors in this run."""
    return f"{settings.prefix}{topics.ASSETS}"


def publish(
    settings: Settings, records: Iterable[Record], removed: Iterable[str] = (), known: Registry | None = None
) -> int:
    """Write records (and tombstones of `removed` ids) and wait until the broker has them; returns how many.

    Every record is checked before the first is sent, also against what is there (`known`; read when not given).

    Raises:
        UsageError: a record is not valid, or would take a sensor to another partition.
        CityopsError: Kafka cannot be reached or refuses.
    """
    wanted = list(records)
    try:
        check(wanted)
    except AssetError as error:
        raise UsageError(f"registry record {error}") from None
    for move in moves(read_all(settings) if known is None else known, wanted, settings.partitions):
        raise UsageError(f"registry record {move.id}: {move.field}: {move.reason}")
    zones = [r for r in wanted if isinstance(r, Zone)]  # first, so that a reader never sees a sensor without its zone
    rows: list[tuple[bytes, bytes | None]] = [(r.id.encode(), encode(r)) for r in zones]
    rows += [(r.id.encode(), encode(r)) for r in wanted if isinstance(r, Sensor)]
    rows += [(id_.encode(), None) for id_ in removed]
    return tables.write(settings, topics.ASSETS, rows)


def read_all(settings: Settings) -> Registry:
    """Everything in the registry now.

    Raises:
        CityopsError: Kafka cannot be reached, or a topic is not there.
    """
    registry = Registry()
    tables.read(settings, TOPICS, registry.apply)
    return registry


class RegistryReader(tables.Follower):
    """Follows the registry in the running event loop: `start`, `await ready()`, then its tables are live."""

    def __init__(self, settings: Settings) -> None:
        self.registry = Registry()
        super().__init__(settings, TOPICS, self.registry.apply)

    @property
    def sensors(self) -> dict[str, Sensor]:
        return self.registry.sensors

    @property
    def zones(self) -> dict[str, Zone]:
        return self.registry.zones

    @property
    def fences(self) -> dict[str, Fence]:
        return self.registry.fences

    @property
    def profiles(self) -> dict[str, ProfileFile]:
        return self.registry.profiles

    @property
    def changes(self) -> int:
        """Counts what changed anything."""
        return self.registry.changes

    def changed_since(self, cursor: int) -> tuple[int, list[str]]:
        """See `Registry.changed_since`."""
        return self.registry.changed_since(cursor)
