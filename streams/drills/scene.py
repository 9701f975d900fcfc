"""What a drill is made of: what sensors say, what people do, who is on duty, by which policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from streams.config import Config
from streams.duty.records import Person
from streams.events import Detection, Text

MARK = Text("【演练】", "[EXERCISE] ")


def exercise(zh: str, en: str) -> Text:
    """A text that says first that it is an exercise."""
    return Text(MARK.zh + zh, MARK.en + en)


class Seen(NamedTuple):
    """Detections of one moment; the last of them makes a transition with this trigger."""

    at_s: int
    makes: str
    detections: tuple[Detection, ...]


class Order(NamedTuple):
    """A command of somebody; `params` as JSON values."""

    at_s: int
    by: str  # id of a person
    role: str
    command: str
    params: Mapping[str, object] = {}
    comment: str = ""


class Scene(NamedTuple):
    """A drill. Seconds are from `start_ms` (epoch ms); steps are in the order of time."""

    name: str
    title: Text
    about: Text  # what happens, in one paragraph
    start_ms: int
    county: str
    config: Config  # who is on duty, and the policy
    steps: tuple[Seen | Order, ...]

    def person(self, id_: str) -> Person:
        return next(r for r in self.config.duty if isinstance(r, Person) and r.id == id_)

    @property
    def names(self) -> dict[str, str]:
        """Name of each person by id."""
        return {r.id: r.name for r in self.config.duty if isinstance(r, Person)}
