"""Records of the `alerts` log as the notifier reads them: the alert's facts that matter here, and its notices. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from geo.moments import epoch_ms
from streams.alert_parts import Notice, Text

LEVEL_OF_LENGTH = {4: "prefecture", 6: "county", 9: "township", 12: "village"}
RANK = {"village": 0, "township": 1, "county": 2, "prefecture": 3}
PREFECTURE_TAIL = "00"


class RecordError(ValueError):
    """A record of the log that cannot be used; the text says why."""


class Unit(Struct, frozen=True):
    code: str
    name: str = ""
    level: str = ""


class Evidence(Struct, frozen=True):
    value: float | None = None
    unit: str = ""


class Ack(Struct, frozen=True):
    level: str
    expires: str


class Seen(Struct, frozen=True, rename={"cls": "class"}):
    """What the notifier keeps of a public Alert."""

    id: str
    version: int
    severity: str
    unit: Unit
    domain: str = ""
    kind: str = ""
    cls: str = "hazard"
    mode: str = "actual"
    run: str = ""
    condition: str = "ACTIVE"
    handling: str = "NEW"
    title: Text = Text("", "")
    reason: Text = Text("", "")
    evidence: Evidence = Evidence()
    path: dict[str, str | None] = field(default_factory=dict)
    acks: tuple[Ack, ...] = ()
    members: tuple[str, ...] = ()
    first_seen: str = ""
    escalation: dict[str, Any] = field(default_factory=dict)
    deadlines: Any = None

    @property
    def closed(self) -> bool:
        return self.handling == "CLOSED"

    @property
    def county(self) -> str:
        """Routing county where the record's key does not say it."""
        return self.path.get("county") or self.unit.code[:6]

    @property
    def next_ms(self) -> int | None:
        """When a timer has something to do for it: the least of its deadlines; None when it waits for nothing."""
        if self.closed:
            return None
        steps = self.deadlines.values() if isinstance(self.deadlines, dict) else self.deadlines or ()
        times = [self.escalation.get("deadline"), *(s.get("next") for s in steps if isinstance(s, dict))]
        return min((epoch_ms(t) for t in times if isinstance(t, str) and t), default=None)


class _Notice(Struct, frozen=True):
    key: str
    why: str
    place: str = ""
    role: str = ""
    people: tuple[str, ...] = ()
    channels: tuple[str, ...] = ("feed",)
    step: int = 0
    due: str | None = None


class _Transition(Struct, frozen=True):
    at: str
    trigger: str = ""
    tell: tuple[_Notice, ...] = ()


class _Record(Struct, frozen=True):
    alert: Seen
    transition: _Transition


class Change(Struct, frozen=True):
    """One record: the newest state, when it changed, whom to tell."""

    alert: Seen
    at_ms: int
    notices: tuple[Notice, ...]


_decode = msgspec.json.Decoder(_Record).decode
pack = msgspec.json.Encoder().encode
unpack = msgspec.json.Decoder(Seen).decode


def parse(value: bytes | None) -> Change:
    """Read one record of the log; raises RecordError."""
    try:
        record = _decode(value or b"")
        at_ms = epoch_ms(record.transition.at)
        notices = tuple(_notice(n) for n in record.transition.tell)
        _ = record.alert.next_ms
    except (msgspec.MsgspecError, ValueError) as error:
        raise RecordError(str(error)) from None
    return Change(record.alert, at_ms, notices)


def _notice(n: _Notice) -> Notice:
    due = epoch_ms(n.due) if n.due else None
    return Notice(
        key=n.key, why=n.why, place=n.place, role=n.role, people=n.people, channels=n.channels, step=n.step, due_ms=due
    )


def level_of(place: str) -> str:
    """Level of a place that is told: that of a unit code, or `organisation`.

    >>> level_of("522601"), level_of("522600"), level_of("org:gas"), level_of("522601001001")
    ('county', 'prefecture', 'organisation', 'village')
    """
    if place.startswith("org:"):
        return "organisation"
    if len(place) == 6 and place.endswith(PREFECTURE_TAIL):
        return "prefecture"
    return LEVEL_OF_LENGTH.get(len(place), "")


def acked(alert: Seen, place: str, now_ms: int) -> str:
    """The level whose ack stands for this place now: its own, or for a unit one above; "" for none.

    >>> a = Seen("a", 1, "I", Unit("522601"), acks=(Ack("county", "2025-11-23T08:15:00.000Z"),))
    >>> acked(a, "522601001", 1763884800000), acked(a, "522600", 1763884800000), acked(a, "522601", 1763885800000)
    ('county', '', '')
    """
    level = level_of(place)
    for ack in alert.acks:
        above = RANK.get(ack.level, -1) >= RANK.get(level, 9)
        if epoch_ms(ack.expires) > now_ms and (ack.level == level or above):
            return ack.level
    return ""
