"""People and duty rooms from the `duty` topic: how they are reached."""

from __future__ import annotations

import logging

import msgspec

from streams import versions
from streams.alert_parts import Notice
from streams.duty.book import DutyBook, room_id
from streams.duty.records import Person, decode
from streams.notify.plan import Recipient, Way

log = logging.getLogger(__name__)


class People:
    """The duty book with its addresses; `apply` is what `streams.tables.Follower` calls."""

    def __init__(self) -> None:
        self._book = DutyBook()

    def apply(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        id_ = (key or b"").decode("utf-8", "replace")
        if value is None or versions.is_old(id_):
            return
        try:
            self._book.put(decode(value))
        except msgspec.MsgspecError as error:
            log.error("duty record %s is skipped: %s", id_[:60], error)

    def recipients(self, notice: Notice) -> list[Recipient]:
        """Whom a notice reaches: its people (a duty room is one), else the room of its place, else only the feed."""
        if notice.people:
            return [_recipient(id_, self._book.person(id_)) for id_ in dict.fromkeys(notice.people)]
        return [_recipient("", self._book.person(room_id(notice.place)))]


def _recipient(id_: str, person: Person | None) -> Recipient:
    return Recipient(id_, person.user, _ways(person)) if person else Recipient(id_)


def _ways(person: Person) -> tuple[Way, ...]:
    return tuple((c.channel, c.address) for c in person.contacts)
