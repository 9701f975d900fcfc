"""The registry of a process, from compacted topics: zones, assets, sensors, fences, profiles, policies, duty.

One plain reader per process (no consumer group): it reads their topics from the beginning, says when it has all that
was there at its start, and follows. A run has its own topics `run.<id>.assets` and so on.
"""

from __future__ import annotations

from collections.abc import Iterable

from detectors.profile_file import ProfileFile
from geo.assets import Asset, AssetError, Record, Sensor, Zone, check, encode
from geo.fences import Fence
from streams import tables, topics
from streams.alerts.policy import Policy
from streams.assets.links import broken_links
from streams.duty.book import DutyBook
from streams.errors import UsageError
from streams.moves import moves
from streams.registry_table import Registry
from streams.settings import Settings

__all__ = ["Registry", "RegistryReader", "publish", "read_all", "read_duty", "send", "topic_of"]

TOPICS = (topics.ASSETS, topics.FENCES, topics.PROFILES, topics.POLICIES, topics.DUTY)


_ORDER: dict[type, int] = {Zone: 0, Asset: 1, Sensor: 2}


def topic_of(settings: Settings) -> str:
    """Name of the topic of zones and sensors in this run."""
    return f"{settings.prefix}{topics.ASSETS}"


def publish(
    settings: Settings, records: Iterable[Record], removed: Iterable[str] = (), known: Registry | None = None
) -> int:
    """Write records (and tombstones of `removed` ids) and wait until the broker has them; returns how many.

    Every record is checked before the first is sent, also against what is there (`known`; read when not given).

    Raises:
        UsageError: a record is not valid, names what is not there, or would take a sensor to another partition.
        CityopsError: Kafka cannot be reached or refuses.
    """
    wanted = list(records)
    try:
        check(wanted)
    except AssetError as error:
        raise UsageError(f"registry record {error}") from None
    there = read_all(settings) if known is None else known
    for id_, field, reason in (*moves(there, wanted, settings.partitions), *broken_links(there, wanted)):
        raise UsageError(f"registry record {id_}: {field}: {reason}")
    return send(settings, wanted, removed)


def send(settings: Settings, records: Iterable[Record], removed: Iterable[str] = ()) -> int:
    """Write records that were checked; see `publish`."""
    wanted = sorted(records, key=lambda r: _ORDER[type(r)])  # a reader never sees a sensor without its zone
    rows: list[tuple[bytes, bytes | None]] = [(r.id.encode(), encode(r)) for r in wanted]
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


def read_duty(settings: Settings) -> DutyBook:
    """People and rosters in force now, of the topic `duty` alone.

    Raises:
        CityopsError: Kafka cannot be reached, or the topic is not there.
    """
    registry = Registry()
    tables.read(settings, (topics.DUTY,), registry.apply)
    return registry.duty


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
    def policies(self) -> dict[str, Policy]:
        return self.registry.policies

    @property
    def assets(self) -> dict[str, Asset]:
        return self.registry.assets

    @property
    def duty(self) -> DutyBook:
        return self.registry.duty

    @property
    def changes(self) -> int:
        """Counts what changed anything."""
        return self.registry.changes

    def changed_since(self, cursor: int) -> tuple[int, list[str]]:
        """See `Registry.changed_since`."""
        return self.registry.changed_since(cursor)
