"""What fences do to alerts: steps of severity, the limits of these, suppression and its end."""

from __future__ import annotations

import msgspec
import pytest

from geo.divisions import Divisions
from geo.fences import Mark, Tell
from streams.alerts.engine import Engine
from streams.events import Detection
from streams.wire import public_alert
from tests.unit.streams.test_lifecycle import T0, detection, play

SCHOOL = Mark(fence="S-1", kind="school", name_zh="一中", name_en="No. 1 school", severity=1, people=900)
LOWER = Mark(fence="C-1", kind="custom", name_zh="试验场", severity=-1)
QUIET = Mark(fence="W-1", kind="works", name_zh="北京西路开挖", suppress=True, until_ms=T0 + 60_000,
             tell=(Tell("duty", unit="522601"),))  # fmt: skip


def one(*marks: Mark, **more: object) -> Detection:
    soft = {"domain": "water", "kind": "pressure_low", "hard": False, "level": 0, "magnitude": 0.0}
    return detection(fences=marks, **{**soft, **more})


def severity(*marks: Mark, **more: object) -> str:
    (record,) = Engine().on_detection(one(*marks, **more), T0)
    assert record is not None
    return record.alert.severity


@pytest.mark.parametrize(
    ("marks", "more", "moved"),
    [
        ((), {}, 0),
        ((SCHOOL,), {}, 1),
        ((LOWER,), {}, -1),
        ((SCHOOL, LOWER), {}, 0),
        ((SCHOOL, SCHOOL, SCHOOL), {}, "III"),  # statistics of one sensor
        ((SCHOOL, SCHOOL, SCHOOL), {"witnesses": 2}, "I"),
        ((LOWER,), {"domain": "gas", "kind": "gas_concentration", "hard": True, "level": 2}, 0),
    ],
)
def test_steps(marks: tuple[Mark, ...], more: dict[str, object], moved: int | str) -> None:
    order = ["IV", "III", "II", "I"]
    base = severity(**more)
    want = order[max(order.index(base) + moved, 0)] if isinstance(moved, int) else moved
    if isinstance(moved, int) and moved > 0 and "witnesses" not in more:
        want = min(want, "III", key=order.index)
    assert severity(*marks, **more) == want


def test_the_reason_names_the_fence() -> None:
    (record,) = Engine().on_detection(one(LOWER), T0)
    assert record is not None
    assert "试验场" in record.alert.severity_why.zh
    assert "试验场" in record.alert.severity_why.en


def test_a_suppressed_alert_is_kept_labelled_and_told_again_when_the_fence_ends() -> None:
    engine, told = play(one(QUIET), one(QUIET, at_s=40), one(at_s=80))
    assert told == [("raise", 1, "ACTIVE"), ("repeat", 1, "ACTIVE"), ("unsuppress", 2, "ACTIVE")]
    (alert,) = engine.alerts.values()
    assert (alert.suppressions, alert.label, alert.count) == ((), "UNACK", 3)
    engine, told = play(one(), one(QUIET, at_s=40))
    assert told[-1] == ("suppress", 2, "ACTIVE")
    (alert,) = engine.alerts.values()
    assert alert.label == "DSUPR"
    shown = public_alert(alert, Divisions.load())
    assert shown["suppressions"] == [
        {
            "kind": "BY_FENCE", "by": "W-1", "until": "2025-11-23T08:01:00.000Z",
            "why": {"zh": "北京西路开挖期间不通知", "en": "not told during 北京西路开挖"},
        }
    ]  # fmt: skip
    assert [(f["id"], f["tell"]) for f in shown["fences"]] == [("W-1", [{"role": "duty", "unit": "522601", "org": ""}])]


def test_an_alert_that_clears_after_its_fence_is_over_is_no_longer_suppressed() -> None:
    engine, _ = play(one(QUIET), one(state="clear", at_s=90))
    (alert,) = engine.alerts.values()
    assert (alert.condition, alert.suppressions, alert.label) == ("CLEARED", (), "RTNUN")


def test_a_hard_limit_ends_the_suppression_for_the_whole_episode() -> None:
    loud = msgspec.structs.replace(QUIET, suppress=False)  # what the fence says of a hard limit
    engine, told = play(one(QUIET), one(loud, at_s=40, level=3, hard=True), one(QUIET, at_s=80), one(QUIET, at_s=120))
    assert told[1][:2] == ("severity", 2)
    (alert,) = engine.alerts.values()
    assert (alert.suppressions, alert.label, alert.hard) == ((), "UNACK", True)


def test_state_survives_a_restart_with_its_fences() -> None:
    engine, _ = play(one(SCHOOL, QUIET))
    again = Engine()
    again.restore({k: msgspec.msgpack.encode(a) for k, a in engine.alerts.items()}, b"")
    assert again.alerts == engine.alerts


def test_a_suppressed_hard_limit_is_told_when_the_fence_ends_though_the_value_is_back_inside_it() -> None:
    """Of kinds whose hard limit a fence may suppress by name."""
    flow = {"kind": "flow_high"}
    engine, told = play(one(QUIET, hard=True, **flow), one(QUIET, at_s=40, **flow), one(at_s=80, **flow))
    assert [trigger for trigger, _, _ in told] == ["raise", "repeat", "unsuppress"]
    (alert,) = engine.alerts.values()
    assert (alert.suppressions, alert.label, alert.hard) == ((), "UNACK", True)
