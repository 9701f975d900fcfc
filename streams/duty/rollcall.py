"""Random roll-call 查岗: who is picked, and how fast each answered. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from streams.duty.book import DutyBook
from streams.duty.records import ROLES, Person

ANSWER_S = 300  # in time


def candidates(book: DutyBook, prefix: str, at_ms: int) -> list[tuple[str, Person]]:
    """(place, person) of everybody on duty in promised hours in a subtree, in a fixed order."""
    out: list[tuple[str, Person]] = []
    for place, roster in sorted(book.rosters.items()):
        if roster.removed or not roster.of_unit.startswith(prefix) or not book.promised(place, at_ms):
            continue
        there = {p.id: p for role in ROLES for p in book.people(place, role, at_ms) or ()}
        out += [(place, there[i]) for i in sorted(there)]
    return out


def picked(on_duty: list[tuple[str, Person]], number: int, seed: int) -> list[tuple[str, Person]]:
    """So many of them, each person once, the same for the same seed."""
    once = list({person.id: (place, person) for place, person in on_duty}.values())
    return random.Random(seed).sample(once, min(number, len(once)))


def result(asked_ms: int, answered_ms: int | None, now_ms: int) -> dict[str, Any]:
    """State and response time of one person.

    >>> result(0, 42_000, 99_000), result(0, None, 10_000)["state"], result(0, None, 300_001)["state"]
    ({'state': 'answered', 'response_s': 42.0}, 'waiting', 'unanswered')
    """
    if answered_ms is None:
        return {"state": "waiting" if now_ms - asked_ms <= ANSWER_S * 1000 else "unanswered", "response_s": None}
    late = answered_ms - asked_ms > ANSWER_S * 1000
    return {"state": "late" if late else "answered", "response_s": (answered_ms - asked_ms) / 1000}


def counts(people: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {s: sum(p["state"] == s for p in people) for s in ("answered", "late", "waiting", "unanswered")}
