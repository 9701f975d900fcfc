"""Who is reached, by the records of the `duty` topic."""

from __future__ import annotations

from typing import Any

from streams.alert_parts import Notice
from streams.duty.records import Contact, Person, Roster, encode
from streams.notify.people import People
from streams.notify.plan import Recipient

LI = Person(id="li", name="李", place="522601", user="li.1", contacts=(Contact("sms", "13900000000"),))
ROOM = Roster(id="522601", room=(Contact("voice", "08550000000"),))


def people(*records: Person | Roster) -> People:
    made = People()
    for r in records:
        made.apply("duty", r.id.encode(), encode(r))
    return made


def notice(*who: str, **more: Any) -> Notice:
    return Notice(**{"key": "1.0", "why": "raise", "place": "522601", "role": "duty", "people": who, **more})


def test_a_person_is_reached_by_their_contacts_and_somebody_unknown_by_none() -> None:
    known = people(LI)
    assert known.recipients(notice("li", "li", "wu")) == [
        Recipient("li", "li.1", (("sms", "13900000000"),)), Recipient("wu"),
    ]  # fmt: skip


def test_a_duty_room_is_reached_by_its_telephone_whether_it_is_named_or_only_its_place() -> None:
    known = people(ROOM)
    telephone = (("voice", "08550000000"),)
    assert known.recipients(notice("room:522601", role="room")) == [Recipient("room:522601", "", telephone)]
    assert known.recipients(notice()) == [Recipient("", "", telephone)]
    assert known.recipients(notice("room:522602", place="522602")) == [Recipient("room:522602")]


def test_who_was_removed_and_what_cannot_be_read_reaches_nobody() -> None:
    known = people(LI, ROOM, Person(id="li", version=2, name="李", place="522601", removed=True))
    known.apply("duty", b"522601", b"{")
    known.apply("duty", b"li@1", encode(LI))
    assert known.recipients(notice("li")) == [Recipient("li")]
    assert known.recipients(notice())[0].contacts == (("voice", "08550000000"),)
