"""The drill's script in this process: its timeline and assessment byte for byte, and what makes it fail.

After an intended change: `CITYOPS_GOLDEN=write pytest tests/unit/streams/test_drills.py`, and read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from geo.divisions import Divisions
from streams import cli
from streams.alerting import AlertsLogic
from streams.alerts.policy_checks import problems
from streams.drills import kaili, telling, timeline
from streams.drills.assessment import Ask, Report, asks, report
from streams.drills.burst import scene
from streams.drills.rehearsal import Message, rehearse
from streams.drills.scene import Order, Scene, Seen
from streams.drills.timeline import Line, Told, line
from streams.events import LEVELS, Text
from streams.notify import auditor as auditing
from streams.outbox import Outbox
from streams.settings import Settings

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
RUN = "drill-golden"


def played(what: Scene) -> tuple[list[dict[str, Any]], Report]:
    records, refused = rehearse(what, RUN)
    return records, report(records, [telling.refusal(o, r, "en") for o, r in refused])


@pytest.fixture(scope="module")
def burst() -> tuple[list[dict[str, Any]], Report]:
    return played(scene())


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_timeline_is_byte_identical(burst: tuple[list[dict[str, Any]], Report], lang: str) -> None:
    records, found = burst
    what = scene()
    lines = [timeline.rendered(line(r), what.start_ms, what.names, lang) for r in records]
    text = "\n".join([telling.opening(what, RUN, lang), *lines, telling.told(found, None, lang), ""])
    kept = GOLDEN / f"drill_burst.{lang}.txt"
    if os.environ.get("CITYOPS_GOLDEN") == "write":
        kept.write_text(text, "utf-8")
    assert text == kept.read_text("utf-8")


def test_all_four_levels_are_told_and_it_is_closed(burst: tuple[list[dict[str, Any]], Report]) -> None:
    records, found = burst
    lines = [line(r) for r in records]
    assert found.ok
    assert found.levels == LEVELS
    assert [x.severity for x in lines if x.trigger in ("raise", "severity")] == ["III", "II", "I"]
    assert [x.trigger for x in lines if x.by != "system" and x.trigger != "report"] == [
        "ack", "assess", "ack", "dispatch", "on_site", "dispose", "verify", "close",
    ]  # fmt: skip
    assert {a.result for a in found.asks} == {"missed", "graver", "late", "in_time"}
    assert [(s.step, s.result) for s in found.steps] == [
        ("ack", "in_time"), ("assess", "in_time"), ("dispatch", "late"), ("report_verbal", "in_time"),
        ("on_site", "in_time"), ("report_written", "in_time"), ("dispose", "in_time"), ("verify", "in_time"),
        ("close", ""),
    ]  # fmt: skip


def test_everything_says_that_it_is_an_exercise(burst: tuple[list[dict[str, Any]], Report]) -> None:
    for record in burst[0]:
        alert = record["alert"]
        assert alert["mode"] == "exercise"
        assert alert["run"] == RUN
        assert alert["title"]["zh"].startswith("【演练】")
        assert alert["reason"]["zh"].startswith("【演练】")
        assert alert["reason"]["en"].startswith("[EXERCISE]")
    assert all(not o.comment or o.comment.startswith("【演练】") for o in scene().steps if isinstance(o, Order))


def test_a_level_without_people_fails_the_drill() -> None:
    what = scene()
    duty = [r if r.id != "522601001001" else replace(r, rotations=()) for r in what.config.duty]
    found = played(what._replace(config=replace(what.config, duty=duty)))[1]
    assert found.missing == ("village",)
    assert not found.ok
    assert "levels never told: village" in telling.told(found, None, "en")
    assert "未通知: 村（社区）" in telling.told(found, None, "zh")


def test_a_refused_order_fails_the_drill_and_the_row_is_named() -> None:
    what = scene()
    early = Order(5, "shi", "commander", "close")
    found = played(what._replace(steps=(what.steps[0], early, *what.steps[1:])))[1]
    assert found.refused == ("close (shi): CLOSE-3 nobody has acknowledged it",)
    assert found.closed
    assert not found.ok


def test_a_drill_that_ends_early_is_not_closed() -> None:
    what = scene()
    found = played(what._replace(steps=what.steps[:-1]))[1]
    assert not found.closed
    assert not found.ok
    assert "未结案" in telling.told(found, None, "zh")


def test_an_order_that_a_deadline_overtook_is_sent_again() -> None:
    """The officer saw version 1; the tick before the ack makes version 2."""
    what = scene()
    seen = what.steps[0]
    assert isinstance(seen, Seen)
    records, found = played(what._replace(steps=(seen, Order(16 * 60, "pan", "officer", "ack"))))
    assert [r["transition"]["row"] for r in records] == ["RAISE-1", "STEP-1", "ACK-1"]
    assert found.refused == ()


def test_its_policy_and_duty_could_be_put_in_force() -> None:
    assert problems(kaili.flood_season(), Divisions.load()) == []
    chains = [c for c in kaili.flood_season().chains if c.severity == "III" and c.cls == "hazard"]
    assert [[a.at for a in c.steps[0].tell] for c in chains] == [["owner_org", "village", "township"]]


def test_the_auditors_clock_is_not_that_of_a_drill() -> None:
    """It looks after exercises by the wall clock: its tick must not bring the drill's night to an end."""
    what = scene()
    logic = AlertsLogic(Settings({"prefix": "run.x.", "partitions": 1}, env={}))
    first, later = (s.detections[0] for s in what.steps[:2] if isinstance(s, Seen))
    auditor = auditing.tick(what.county, what.start_ms + 10**10)
    found = []
    for topic, event in (("detections", first), ("commands", auditor), ("detections", later)):
        box = Outbox("x", {})
        logic.apply(Message(f"run.x.{topic}", None, msgspec.json.encode(event)), box)
        found += [json.loads(value or b"")["transition"] for to, _, _, value, _ in box.records if to == "run.x.alerts"]
    assert {t["at"][:13] for t in found} == {"2025-07-11T18"}


def told(at_s: int, level: str, due_s: int, trigger: str = "escalate", acked: str = "") -> Line:
    t = Told(level, level, "duty", (), "voice", trigger, due_s * 1000) if level else None
    return Line(at_s * 1000, "II", trigger, "", "", Text("", ""), "NEW", "", (t,) if t else (), acked)


@pytest.mark.parametrize(
    ("after", "result", "done"),
    [
        ([], "open", None),
        ([told(50, "", 0, "ack", "county")], "in_time", 50_000),
        ([told(61, "", 0, "ack", "county")], "late", 61_000),
        ([told(50, "", 0, "ack", "prefecture")], "above", None),
        ([told(61, "", 0, "ack", "prefecture")], "missed", None),
        ([told(50, "", 0, "ack", "village")], "open", None),
        ([told(50, "", 0, "severity")], "graver", None),
        ([told(60, "", 0, "severity")], "missed", None),
        ([told(60, "", 0, "remind")], "missed", None),
    ],
)
def test_what_comes_of_an_ask(after: list[Line], result: str, done: int | None) -> None:
    assert asks([told(0, "county", 60, "raise"), *after])[0] == Ask("II", "county", 0, 60_000, done, result)


def test_the_command_in_this_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["drill", "burst", "--dry-run", "--json", "--run", "drill-x"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["assessment"]["levels"] == list(LEVELS)
    assert said["assessment"]["ok"] is True
    assert [t["row"] for t in said["timeline"]][:2] == ["RAISE-1", "STEP-1"]


def test_what_a_drill_cannot_use_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["drill", "burst", "--run", "a b"]) == 2
    assert "--run 'a b'" in capsys.readouterr().err
    assert cli.run(["drill", "burst", "--broker", "127.0.0.1:1"]) == 1
    assert "no Kafka answers at 127.0.0.1:1" in capsys.readouterr().err
