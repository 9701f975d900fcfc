"""What the packer tells the detect partitions of the registry, in the order of their own logs.

A sensor's record goes to its partition before the first row of it, and again whenever it changes. What every partition
needs (fences, profiles) is told to all of them at a tick by one packer partition: once, and not once a packer.
All is told again within an hour, so that a window of the log is enough to rebuild a kernel. Assets, policies and duty
(without addresses) go to the alerts' partitions, which keep them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from detectors.profile_file import ProfileFile
from geo.assets import Asset, Sensor, Zone
from geo.fences import Fence
from streams import config
from streams.alerts.policy import Policy
from streams.duty.book import DutyBook
from streams.duty.records import DutyRecord, without_addresses

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode
AGAIN_S = 3400.0  # all is told again in so many seconds: within an hour
RECORDS, BYTES = 200, 700_000  # of one message: fences and pipes of many points would fill more than a broker takes


class Registry(Protocol):
    @property
    def sensors(self) -> Mapping[str, Sensor]: ...
    @property
    def zones(self) -> Mapping[str, Zone]: ...
    @property
    def assets(self) -> Mapping[str, Asset]: ...
    @property
    def fences(self) -> Mapping[str, Fence]: ...
    @property
    def profiles(self) -> Mapping[str, ProfileFile]: ...
    @property
    def policies(self) -> Mapping[str, Policy]: ...
    @property
    def duty(self) -> DutyBook: ...
    @property
    def changes(self) -> int: ...


class Announcer:
    """Of one packer partition; `common`: it is the one that tells what every partition needs."""

    def __init__(self, registry: Registry, common: bool) -> None:
        self._registry, self._common = registry, common
        self._sensors: dict[tuple[str, int], Sensor] = {}  # told to a partition
        self._told: dict[tuple[str, str], Fence | ProfileFile] = {}
        self._sensors_due, self._told_due = 0.0, 0.0
        self._assets: dict[str, Asset] = {}  # told to the alerts' partitions, which keep them
        self._policies: dict[str, Policy] = {}  # these too
        # the registry's count of changes when it was last looked through
        self._looked, self._assets_at, self._retired_at, self._duty_at = -1, -1, -1, -1
        self._duty: dict[str, int] = {}  # version told, likewise
        self._run: set[tuple[str, int]] = set()  # (domain, partition) of a run that were told of their sensors

    def sensors(self, names: Iterable[str], partition: int) -> list[dict[str, Any]]:
        """Records of these sensors that a partition hasn't had from us in this form."""
        news = []
        for name in names:
            sensor = self._registry.sensors.get(name)
            if sensor is not None and self._sensors.get((name, partition)) is not sensor:
                self._sensors[name, partition] = sensor
                news.append(msgspec.to_builtins(sensor))
        return news

    def run_sensors(self, domain: str, partition: int) -> list[list[dict[str, Any]]]:
        """A run's sensors of a partition by their ids, once, in parts of a message each."""
        if (domain, partition) in self._run:
            return []
        self._run.add((domain, partition))
        zones = self._registry.zones
        here = {z.id for z in zones.values() if z.domain == domain and z.partition == partition}
        names = sorted(s.id for s in self._registry.sensors.values() if s.zone in here and not s.retired)
        return _parts(self.sensors(names, partition))

    def common(self) -> list[list[dict[str, Any]]]:
        """What all partitions haven't had from us in this form, in parts of a message each."""
        if not self._common or self._looked == self._registry.changes:
            return []
        self._looked = self._registry.changes
        return _parts([msgspec.to_builtins(record) for record in self._new()])

    def assets(self) -> list[list[Asset]]:
        """Assets that the alerts' partitions haven't had from us in this form, in parts of a message each."""
        if not self._common or self._assets_at == self._registry.changes:
            return []
        self._assets_at = self._registry.changes
        news = [a for a in self._registry.assets.values() if self._assets.get(a.id) is not a]
        gone = [a for a in self._assets.values() if a.id not in self._registry.assets]
        self._assets.update((a.id, a) for a in news)
        for asset in gone:
            del self._assets[asset.id]
        news += [replace(a, retired=True, version=a.version + 1) for a in gone]
        return _parts(news)

    def policies(self) -> list[list[Policy]]:
        """Policies that the alerts' partitions haven't had from us in this form, in parts of a message each."""
        if not self._common:
            return []
        news = [p for p in self._registry.policies.values() if self._policies.get(p.id) is not p]
        self._policies.update((p.id, p) for p in news)
        return _parts(news)

    def duty(self) -> list[list[DutyRecord]]:
        """People and rosters, without addresses, that the alerts' partitions haven't had from us, in parts."""
        if not self._common or self._duty_at == self._registry.changes:
            return []
        self._duty_at = self._registry.changes
        book = self._registry.duty
        records: Iterable[DutyRecord] = chain(book.persons.values(), book.rosters.values())
        news = [r for r in records if self._duty.get(r.id) != r.version]
        self._duty.update((r.id, r.version) for r in news)
        return _parts([without_addresses(r) for r in news])

    def to_alerts(self) -> list[bytes]:
        """Messages that tell the alerts' partitions what is new."""
        told = [config.Config(assets=assets) for assets in self.assets()]
        told += [config.Config(policies=policies) for policies in self.policies()]
        told += [config.Config(duty=duty) for duty in self.duty()]
        return [config.encode(c) for c in told]

    def _new(self) -> Iterator[Fence | ProfileFile]:
        records: Iterable[Fence | ProfileFile] = chain(self._registry.profiles.values(), self._registry.fences.values())
        for record in records:
            key = type(record).__name__, record.id
            if self._told.get(key) is not record:
                self._told[key] = record
                yield record

    def retired(self) -> dict[tuple[str, int], list[str]]:
        """Retired sensors by (domain, partition) where the registry changed since we last looked."""
        out: dict[tuple[str, int], list[str]] = {}
        if self._retired_at != self._registry.changes:
            self._retired_at = self._registry.changes
            for sensor in self._registry.sensors.values():
                if sensor.retired and (zone := self._registry.zones.get(sensor.zone)) is not None:
                    out.setdefault((sensor.domain, zone.partition), []).append(sensor.id)
        return out

    def forget(self, passed_s: float) -> None:
        """Forget the oldest of what was told, as much as has to be told again in this time."""
        self._sensors_due = _forget(self._sensors, self._sensors_due + len(self._sensors) * passed_s / AGAIN_S)
        before = len(self._told)
        self._told_due = _forget(self._told, self._told_due + before * passed_s / AGAIN_S)
        if len(self._told) < before:
            self._looked = -1


def _parts(records: list[T]) -> list[list[T]]:
    parts: list[list[T]] = []
    filled = 0
    for record in records:
        size = len(_encode(record))
        if not parts or len(parts[-1]) == RECORDS or filled + size > BYTES:
            parts.append([])
            filled = 0
        parts[-1].append(record)
        filled += size
    return parts


def _forget(told: dict[Any, Any], due: float) -> float:
    """Forget the oldest `due`, whole ones; what is left of `due`."""
    for key in list(islice(told, int(due))):
        del told[key]
    return due - int(due)
