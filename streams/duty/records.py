"""Records of the `duty` topic: people with their contacts, rosters of units and organisations."""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct
from msgspec.structs import replace

CHANNELS = ("voice", "sms", "chat", "email", "webhook", "feed")  # by what a person can be told
ROLES = ("lead", "main", "deputy", "standby")  # 带班领导, 主班, 副班, 备勤
ROLE_NAMES = {"lead": "带班领导", "main": "主班", "deputy": "副班", "standby": "备勤"}
ORG = "org:"  # before the name of an organisation, as assets have it in owner_org, operator_org and regulator
PERSON_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")  # no unit's code, no `:` and no `@`: they share a topic


class Contact(Struct, frozen=True):
    """One way to a person or a duty room. `address`: a telephone number for voice and sms, else an apprise URL.

    "" where it was left out on purpose: the alerts' own log knows that there is a way, not which.
    """

    channel: str
    address: str = ""


class Person(Struct, frozen=True, kw_only=True, tag_field="type", tag="person"):
    """Somebody who can be told. `place`: the unit code, or `org:<id>` of an organisation, that this person is of."""

    id: str
    version: int = 1
    name: str
    place: str
    user: str = ""  # account in the console
    contacts: tuple[Contact, ...] = ()  # the first ones first
    removed: bool = False
    demo: bool = False
    by: str = ""  # who made this version
    at_ms: int = 0


class Rotation(Struct, frozen=True, kw_only=True):
    """A post that teams take in turn: `teams[k % n]` from `starts_ms` + k × `every_s`; a team is on together."""

    role: str
    teams: tuple[tuple[str, ...], ...]  # ids of people
    starts_ms: int  # a hand-over
    every_s: int = 7 * 86_400


class Shift(Struct, frozen=True, kw_only=True):
    """Somebody in a post for a time. `instead_of`: a swap, that person's duty is taken over; "": in addition."""

    role: str
    person: str
    from_ms: int
    until_ms: int
    instead_of: str = ""
    why: str = ""  # swap, holiday, flood, freezing …


class Hours(Struct, frozen=True):
    """A part of a week in which duty is promised, local time (UTC+8). `days`: 1 Monday … 7 Sunday."""

    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    from_minute: int = 0
    until_minute: int = 1440  # at most 1440; over midnight is two entries


class Roster(Struct, frozen=True, kw_only=True, tag_field="type", tag="roster"):
    """Duty of one unit (`id` is its code) or organisation (`org:<id>`)."""

    id: str
    version: int = 1
    hours: tuple[Hours, ...] = (Hours(),)
    posts: dict[str, int] = {}  # role -> how many at once are promised, e.g. {"main": 2}; no entry: 1 of main
    rotations: tuple[Rotation, ...] = ()
    shifts: tuple[Shift, ...] = ()
    room: tuple[Contact, ...] = ()  # the duty room's own telephone
    removed: bool = False
    unit: str = ""  # of an organisation: the unit whose people see and edit it; a unit's own is its id
    demo: bool = False
    by: str = ""  # who made this version
    at_ms: int = 0

    @property
    def of_unit(self) -> str:
        return self.unit or self.id


DutyRecord = Person | Roster
encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[DutyRecord] = msgspec.json.Decoder(DutyRecord)


def decode(value: bytes) -> DutyRecord:
    """Raises msgspec.MsgspecError for what is no record of duty."""
    return _decoder.decode(value)


def without_addresses(record: DutyRecord) -> DutyRecord:
    """The record as logs may carry it: that there is a telephone, not its number.

    >>> without_addresses(Person(id="li", name="李", place="522601", contacts=(Contact("sms", "139"),))).contacts
    (Contact(channel='sms', address=''),)
    """
    if isinstance(record, Person):
        return replace(record, contacts=_bare(record.contacts))
    return replace(record, room=_bare(record.room))


def _bare(contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
    return tuple(Contact(c.channel) for c in contacts)
