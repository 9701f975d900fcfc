"""People and duty rooms from the `duty` topic: how they are reached."""

from __future__ import annotations

import logging

import msgspec

from streams import versions
from streams.alert_parts import Notice
from streams.duty.records import Contact, DutyRecord, Person, Roster
from streams.notify.plan import Recipient, Way

log = logging.getLogger(__name__)
_decode = msgspec.json.Decoder(DutyRecord).decode


class People:
    """A table by id; `apply` is what `streams.tables.Follower` calls."""

    def __init__(self) -> None:
        self._people: dict[str, Person] = {}
        self._rooms: dict[str, tuple[Contact, ...]] = {}

    def apply(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        id_ = (key or b"").decode("utf-8", "replace")
        if versions.is_old(id_):
            return
        if value is None:
            self._people.pop(id_, None)
            self._rooms.pop(id_, None)
            return
        try:
            record = _decode(value)
        except msgspec.MsgspecError as error:
            log.error("duty record %s is skipped: %s", id_[:60], error)
            return
        if isinstance(record, Roster):
            self._rooms[record.id] = () if record.removed else record.room
        elif record.removed:
            self._people.pop(record.id, None)
        else:
            self._people[record.id] = record

    def recipients(self, notice: Notice) -> list[Recipient]:
        """Whom a notice reaches: its people, else the duty room of its place, else only the feed."""
        if notice.people:
            return [self._one(id_) for id_ in dict.fromkeys(notice.people)]
        return [Recipient("", "", _ways(self._rooms.get(notice.place, ())))]

    def _one(self, id_: str) -> Recipient:
        person = self._people.get(id_)
        return Recipient(id_, person.user, _ways(person.contacts)) if person else Recipient(id_)


def _ways(contacts: tuple[Contact, ...]) -> tuple[Way, ...]:
    return tuple((c.channel, c.address) for c in contacts)
