"""A chattering alert is latched, told once and cleared after quiet."""

from __future__ import annotations

import pytest

from streams.alerts.chatter import Chatter, due_ms, on_clear, on_due, on_reraise
from streams.events import Alert
from tests.unit.streams.alert_values import MINUTE, T0, alert


def flapping(*minutes: float) -> tuple[Alert, list[bool]]:
    """An alert that comes back at these minutes, cleared half a minute before each; who was told at which."""
    a, told = alert("a"), []
    for minute in minutes:
        a = on_clear(a, T0 + round((minute - 0.5) * MINUTE)).alert
        turn = on_reraise(a, T0 + round(minute * MINUTE))
        a = turn.alert
        told.append(turn.tell)
    return a, told


@pytest.mark.parametrize(
    ("minutes", "latched", "told"),
    [
        ((1, 2), False, [True, True]),
        ((1, 2, 3), True, [True, True, True]),  # the third says that it is held
        ((1, 6, 10.99), True, [True, True, True]),
        ((1, 6, 11), False, [True, True, True]),  # ten minutes from the first to the third
        ((1, 6, 12, 13), True, [True, True, True, True]),
        ((1, 2, 3, 4, 5), True, [True, True, True, False, False]),
    ],
)
def test_three_times_in_ten_minutes(minutes: tuple[float, ...], latched: bool, told: list[bool]) -> None:
    a, said = flapping(*minutes)
    assert (a.latched, said, a.flaps, a.condition) == (latched, told, len(minutes), "ACTIVE")
    assert len(a.flapped_ms) <= 3


@pytest.mark.parametrize(("interval_s", "minutes"), [(1.0, 15), (225.0, 15), (300.0, 20)])
def test_it_clears_only_after_quiet(interval_s: float, minutes: int) -> None:
    a, _ = flapping(1, 2, 3)
    a = Alert(**{**{f: getattr(a, f) for f in a.__struct_fields__}, "interval_s": interval_s})
    assert due_ms(a) is None  # it holds
    quiet = on_clear(a, T0 + 4 * MINUTE)
    assert (quiet.alert.condition, quiet.alert.active, quiet.tell, quiet.trigger) == ("ACTIVE", (), False, "")
    due = due_ms(quiet.alert)
    assert due == T0 + (4 + minutes) * MINUTE
    assert on_due(quiet.alert, due - 1).alert is quiet.alert
    over = on_due(quiet.alert, due)
    assert (over.alert.condition, over.alert.latched, over.alert.flapped_ms) == ("CLEARED", False, ())
    assert (over.tell, over.trigger, over.alert.cleared_ms) == (True, "clear", T0 + 4 * MINUTE)
    assert due_ms(over.alert) is None


def test_coming_back_while_quiet_holds_it_on() -> None:
    a, _ = flapping(1, 2, 3)
    again = on_reraise(on_clear(a, T0 + 4 * MINUTE).alert, T0 + 10 * MINUTE)
    assert (again.tell, again.trigger, again.alert.flaps, due_ms(again.alert)) == (False, "", 4, None)


def test_what_is_not_latched_clears_at_once() -> None:
    turn = on_clear(alert("a"), T0 + 5)
    assert (turn.alert.condition, turn.alert.cleared_ms, turn.tell, turn.trigger) == ("CLEARED", T0 + 5, True, "clear")
    assert due_ms(turn.alert) is None
    a, _ = flapping(1, 2)
    assert on_reraise(a, T0 + 3 * MINUTE, Chatter(flaps=4)).alert.latched is False
