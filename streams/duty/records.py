"""Records of the `duty` topic: people with their contacts, rosters of units and organisations."""

from __future__ import annotations

from msgspec import Struct

CHANNELS = ("voice", "sms", "chat", "email", "webhook", "feed")  # by what a person can be told
ROLES = ("lead", "main", "deputy", "standby")  # 带班领导, 主班, 副班, 备勤


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


DutyRecord = Person | Roster
