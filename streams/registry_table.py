"""The registry as a table: zones, assets and sensors by id, and by any code that a person may have in hand. Pure but
for the log line about a record that cannot be used."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from detectors.profile_file import ProfileFile, decode as decode_profiles
from geo.assets import Asset, AssetError, Code, Record, Sensor, Zone, check, decode
from geo.codes import looks_like_code, parse_code
from geo.fence_checks import problems as fence_problems
from geo.fences import Fence, FenceError, decode as decode_fence
from streams import topics, versions
from streams.alerts.policy import Policy
from streams.alerts.policy_file import PolicyError, decode as decode_policy
from streams.duty.book import DutyBook
from streams.duty.checks import form
from streams.duty.records import decode as decode_duty

log = logging.getLogger(__name__)


class Registry:
    """Zones, assets and sensors by id, as the log of records made them. Iterating gives them in that order."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.sensors: dict[str, Sensor] = {}
        self.zones: dict[str, Zone] = {}
        self.assets: dict[str, Asset] = {}
        self.fences: dict[str, Fence] = {}
        self.profiles: dict[str, ProfileFile] = {}
        self.policies: dict[str, Policy] = {}
        self.duty = DutyBook()
        self.changes = 0  # counts what changed anything
        self.unusable = 0  # records that could not be read
        self._changed: dict[str, int] = {}
        self._codes: dict[str, dict[str, str]] = {}  # another system's value -> system -> id
        for record in records:
            self.put(record)

    def put(self, record: Record) -> None:
        """Add or replace one record; one that is equal to what is there keeps the old object."""
        table: dict[str, Any] = self._table(record)
        old = table.get(record.id)
        if old != record:
            self._index(old, record)
            table[record.id] = record
            self._note(record.id)

    def remove(self, id_: str) -> None:
        """Forget a sensor, zone or asset; unknown ids are no error."""
        for table in (self.sensors, self.zones, self.assets):
            if (old := table.pop(id_, None)) is not None:
                self._index(old, None)
                self._note(id_)

    def get(self, id_: str) -> Sensor | Asset | None:
        """The sensor or asset of an id."""
        return self.sensors.get(id_) or self.assets.get(id_)

    def find(self, text: str) -> Sensor | Asset | None:
        """The sensor or asset of any code: its id, its unified code, or another system's, also as `system:value`.

        Raises:
            AssetError: a unified code with a wrong check character, or a value that two systems have for two objects.
        """
        wanted = text.strip()
        known = self.get(wanted)
        if known is not None:
            return known
        owners = dict(self._codes.get(wanted, {}))
        system, colon, value = wanted.partition(":")
        if not owners and colon:
            owners = {s: id_ for s, id_ in self._codes.get(value, {}).items() if s == system}
        if len(set(owners.values())) > 1:
            each = ", ".join(f"{system}:{wanted} is {id_}" for system, id_ in sorted(owners.items()))
            raise AssetError(f"code {wanted[:60]!r} is of several objects: {each}; write it with its system")
        for id_ in owners.values():
            return self.get(id_)
        try:
            return self.get(parse_code(wanted))
        except AssetError:
            if looks_like_code(wanted):
                raise
            return None

    def owner(self, code: Code) -> str | None:
        """Id of the object that has this code of another system."""
        return self._codes.get(code.value, {}).get(code.system)

    def apply(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        """One record of a topic: None as value removes. An unusable one is logged, counted and left out."""
        try:
            name = (key or b"").decode()
            if topic == topics.FENCES:
                self._reference(self.fences, name, None if value is None else _usable(decode_fence(value)))
            elif topic == topics.DUTY:
                self._duty(name, value)
            elif topic == topics.PROFILES:
                self._reference(self.profiles, name, None if value is None else decode_profiles(value))
            elif topic == topics.POLICIES:
                self._reference(self.policies, name, None if value is None else decode_policy(value))
            else:
                self._record(name, value)
        except (AssetError, FenceError, PolicyError, ValueError) as error:
            self.unusable += 1
            log.warning("topic %s: a record is left out: %s", topic, error)

    def _record(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.remove(name)
            return
        record = decode(value)
        check([record])
        if name and name != record.id:
            raise AssetError(f"key {name!r} is not the record's id {record.id!r}")
        self.put(record)

    def _reference(self, table: dict[str, Any], name: str, record: Fence | ProfileFile | Policy | None) -> None:
        """A fence, profiles or a policy, the newest version: workers keep the first of equal ones too.

        Keys of single versions are passed over, and tombstones: a fence ends by a version that is `removed`.
        """
        if versions.is_old(name) or record is None:
            return
        old = table.get(record.id)
        if old is None or record.version > old.version:
            table[record.id] = record
            self.changes += 1

    def _duty(self, name: str, value: bytes | None) -> None:
        """A person or roster, by the same rules as a fence."""
        if value is None or versions.is_old(name):
            return
        record = decode_duty(value)
        if name != record.id:
            raise ValueError(f"key {name!r} is not the record's id {record.id!r}")
        for fault in form(record):
            raise ValueError(str(fault))  # it went round the checks of those that write
        self.changes += self.duty.put(record)

    def changed_since(self, cursor: int) -> tuple[int, list[str]]:
        """(new cursor, ids changed or removed after `cursor`, oldest change first). Begin with 0."""
        late = sorted((n, id_) for id_, n in self._changed.items() if n > cursor)
        return self.changes, [id_ for _, id_ in late]

    def _table(self, record: Record) -> dict[str, Any]:
        if isinstance(record, Sensor):
            return self.sensors
        return self.zones if isinstance(record, Zone) else self.assets

    def _index(self, old: Record | None, new: Record | None) -> None:
        for code in getattr(old, "codes", ()):
            systems = self._codes.get(code.value, {})
            if old is not None and systems.get(code.system) == old.id:
                del systems[code.system]
                if not systems:
                    del self._codes[code.value]
        for code in getattr(new, "codes", ()):
            assert new is not None
            self._codes.setdefault(code.value, {})[code.system] = new.id

    def _note(self, id_: str) -> None:
        self.changes += 1
        self._changed[id_] = self.changes

    def __iter__(self) -> Iterator[Record]:
        yield from self.zones.values()
        yield from self.assets.values()
        yield from self.sensors.values()

    def __len__(self) -> int:
        return len(self.zones) + len(self.assets) + len(self.sensors)


def _usable(fence: Fence) -> Fence:
    """Raises FenceError for a fence that went round the checks of those that write."""
    for bad in fence_problems(fence):
        raise FenceError(f"fence {fence.id[:80]}: {bad.field}: {bad.reason}")
    return fence
