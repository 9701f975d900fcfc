"""A roll-call 查岗 told to those who were picked, by the ways of the outbox; a call or SMS is answered by its code."""

from __future__ import annotations

from collections.abc import Sequence

from streams.alert_parts import Notice, Text
from streams.duty.records import Person
from streams.duty.rollcall import ANSWER_S
from streams.notify import plan
from streams.notify.outbox import Outbox, insert_rows, keep_subject
from streams.notify.plan import Recipient
from streams.notify.records import Change, Seen, Unit
from streams.notify.states import ROLLCALL

CHANNELS = ("voice", "sms", "chat", "feed")  # whoever is on duty is awake, or ought to be
SEVERITY = "II"  # its place in the queues: before what is collected, after I
_ID = "rollcall-"


def ask(outbox: Outbox, id_: int, unit: str, chosen: Sequence[tuple[str, Person]], at_ms: int) -> None:
    """Put a message for each (place, person) into the outbox; once, however often it is called."""
    due = at_ms + ANSWER_S * 1000
    subject = Seen(f"{_ID}{id_}", 1, SEVERITY, Unit(unit), kind=ROLLCALL, title=Text("查岗", "Roll-call"))
    notices = tuple(
        Notice(key=f"1.{n}", why=ROLLCALL, place=place, role="duty", people=(person.id,), channels=CHANNELS, due_ms=due)
        for n, (place, person) in enumerate(chosen)
    )
    people = {person.id: person for _, person in chosen}

    def recipients(notice: Notice) -> list[Recipient]:
        p = people[notice.people[0]]
        return [Recipient(p.id, p.user, tuple((c.channel, c.address) for c in p.contacts))]

    rows = plan.rows(Change(subject, at_ms, notices), "", unit, recipients, frozenset(), False, at_ms)
    with outbox.write() as tx:
        if keep_subject(tx, subject, at_ms):
            insert_rows(tx, rows, at_ms)


def number_of(alert: str) -> int:
    """The roll-call of a message's `alert`.

    >>> number_of("rollcall-7")
    7
    """
    return int(alert.removeprefix(_ID))
