"""Alerts whose sensors are silent are UNKNOWN."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from msgspec.structs import replace

from streams.alerts.silence import Silence, turned
from streams.events import Alert
from tests.unit.streams.alert_values import alert

LOW = alert("low", active=("s1", "s2"))
GONE1, GONE2 = (alert(f"gone{n}", "dropout", active=(f"s{n}",)) for n in (1, 2))


def played(*steps: Alert) -> list[list[tuple[str, str]]]:
    silence, out, newest = Silence(), [], {}
    for step in steps:
        held = newest.get(step.id)
        if held and held.condition == "UNKNOWN" and step.condition == "ACTIVE":
            step = replace(step, condition="UNKNOWN")
        turns = silence.keep(step)
        newest[step.id] = step
        for t in turns:
            newest[t.alert] = turned(newest[t.alert], t)
            assert silence.keep(newest[t.alert]) == ()
        out.append([(t.alert, t.condition) for t in turns])
    return out


def cleared(a: Alert) -> Alert:
    return replace(a, condition="CLEARED", active=())


UNKNOWN, ACTIVE = [("low", "UNKNOWN")], [("low", "ACTIVE")]


@pytest.mark.parametrize(
    ("steps", "turns"),
    [
        ([LOW, GONE1], [[], []]),  # the other sensor still says so
        ([LOW, GONE1, GONE2], [[], [], UNKNOWN]),
        ([LOW, GONE1, GONE2, cleared(GONE1)], [[], [], UNKNOWN, ACTIVE]),  # one reports again, and it holds
        ([GONE1, GONE2, LOW], [[], [], UNKNOWN]),  # raised by late data of sensors that are silent
        ([LOW, replace(GONE1, active=("s1", "s2"))], [[], UNKNOWN]),  # one alert of a station with both
        ([LOW, GONE1, replace(LOW, active=("s1",))], [[], [], UNKNOWN]),  # the one that was heard has ended
        ([LOW, GONE1, GONE2, replace(LOW, active=("s1", "s2", "s3"))], [[], [], UNKNOWN, ACTIVE]),  # a new witness
        ([LOW, GONE1, replace(GONE2, run="r")], [[], [], []]),
        ([LOW, GONE1, replace(GONE2, kind="flatline")], [[], [], []]),
        ([LOW, cleared(LOW), GONE1, GONE2], [[], [], [], []]),
        ([LOW, replace(LOW, handling="CLOSED"), GONE1, GONE2], [[], [], [], []]),
    ],
)
def test_turns(steps: Sequence[Alert], turns: list[list[tuple[str, str]]]) -> None:
    assert played(*steps) == turns


def test_unknown_without_a_silent_sensor_is_active() -> None:
    turns = Silence().keep(replace(LOW, condition="UNKNOWN"))
    assert [(t.alert, t.condition) for t in turns] == ACTIVE


def test_restored_in_any_order_it_answers_the_same() -> None:
    stored = (replace(LOW, condition="UNKNOWN"), GONE1, GONE2)
    for order in permutations(stored):
        silence = Silence()
        for a in order:
            silence.keep(a)
        assert [(t.alert, t.condition) for t in silence.keep(cleared(GONE2))] == ACTIVE
