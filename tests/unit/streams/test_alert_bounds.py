"""What is kept of alerts stays in bounds and as it was at a restart; one that cannot be worked on stops no other."""

from __future__ import annotations

import json

import msgspec
import pytest
from msgspec.structs import replace

from geo.divisions import Divisions
from streams.alerting import AlertsLogic
from streams.alerts import book as books, ticking
from streams.alerts.due import DueQueue
from streams.alerts.engine import Engine
from streams.events import Alert, Command, Detection
from streams.outbox import Outbox
from streams.settings import Settings
from streams.timers import Timers
from streams.wire import public_alert
from tests.unit.streams.test_alerting_assets import record
from tests.unit.streams.test_alerts_kept import BURST, SOFT, closed, done, now, stormy
from tests.unit.streams.test_escalation import ALL, MIN, NOON, Play
from tests.unit.streams.test_lifecycle import command, detection

# -- closed ones that are forgotten ------------------------------------------------------------------------------------


def test_a_closed_alert_whose_condition_lasts_breaks_no_new_one_when_it_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(books, "KEPT_CLOSED", 0)
    play = Play(*ALL)
    here = {"lon": 107.98, "lat": 26.58}
    a = play.detect(**BURST, **here)
    for name, more in (("ack", {}), ("assess", {"verdict": "false_alarm"}), ("close", {})):
        done(play, a, name, "522600", **more) if a.id in play.engine.alerts else None
    assert a.id not in play.engine.alerts
    for domain, kind in (("gas", "gas_concentration"), ("traffic", "traffic_incident"), ("pipeline", "pipeline_leak")):
        play.detect(domain=domain, kind=kind, asset=kind, **here)
    assert len(play.engine.alerts) == 3


def test_a_closed_alert_is_kept_until_its_reports_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "KEPT_CLOSED", 1)
    play = Play(*ALL)
    a = play.detect(level=3)
    for name, more in (("ack", {}), ("assess", {"verdict": "real"}), ("dispose", {"cause": "x", "action": "y"})):
        done(play, a, name, **more)
    done(play, a, "verify", "522600")
    play.detect("clear")
    done(play, a, "recheck", value=0)
    assert done(play, a, "close") == "CLOSE-1"
    for k in range(3):
        other = play.detect(**{**SOFT, "asset": f"X{k}"})
        closed(play, other)
    assert a.id in play.engine.alerts
    play.until(60)
    assert any(r.alert.id == a.id and r.transition.trigger == "urge" for _, r in play.log)


# -- one broken alert, many due at once, a clock that steps back -------------------------------------------------------


def test_one_alert_that_cannot_be_worked_on_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play(*ALL)
    bad, good = play.detect(level=3), play.detect(level=3, asset="A2")
    real = ticking.on_due

    def broken(a: Alert, desk: object, now_ms: int) -> object:
        if a.id == bad.id:
            raise LookupError("policy 522600@7 is not known here")
        return real(a, desk, now_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(ticking, "on_due", broken)
    records = play.engine.on_tick(NOON + MIN)
    assert [r.alert.id for r in records] == [good.id]
    assert [f.alert for f in play.engine.faults] == [bad.id]
    monkeypatch.setattr(ticking, "on_due", real)
    again = play.engine.next_due_ms()
    assert NOON + MIN < again <= NOON + 3 * MIN, "tried again soon"
    assert bad.id in [r.alert.id for r in play.engine.on_tick(again)]


def test_the_timer_asks_at_once_while_much_is_due() -> None:
    class Waits:
        ticks = 0

        def next_due_ms(self) -> int:
            return 1000

    logic, clock = Waits(), [2.0]
    timers = Timers(None, lambda: {0: logic}, lambda: clock[0])  # type: ignore[arg-type]
    assert timers.due() == [0]
    clock[0] += 0.1
    assert timers.due() == [], "the tick is under way"
    logic.ticks += 1
    assert timers.due() == [0], "done, and the same moment is still due"
    clock[0] += 1.9
    assert timers.due() == []
    clock[0] += 0.2
    assert timers.due() == [0], "lost: asked for again"


def test_what_is_due_is_kept_in_bounds() -> None:
    queue = DueQueue()
    for n in range(20_000):
        queue.put("a", 1_000_000 - n)
        queue.put(f"b{n % 10}", 2_000_000 + n)
    assert len(queue._heap) < 2_000
    popped = [queue.pop(10**9) for _ in range(12)]
    assert popped[0] == "a"
    assert len({*popped} - {None}) == 11


def test_links_and_papers_of_one_alert_stay_in_bounds() -> None:
    play = Play(*ALL)
    a = play.detect(level=3)
    rows = []
    for _ in range(60):
        c = command(now(play, a), command="attach", role="engineer", params={"name": msgspec.Raw(b'"x.jpg"')})
        c = replace(c, comment="字" * 2000)
        result, records = play.engine.on_command(c, play.now)
        play._keep(records)
        rows.append(result.row)
    assert rows[0] == "ATTACH-1"
    assert rows[-1] == "ANY-9"
    assert len(json.dumps(public_alert(now(play, a), Divisions.load()), ensure_ascii=False).encode()) < 500_000
    here = {"lon": 107.98, "lat": 26.58}
    play = Play(*ALL)
    a = play.detect(level=3, **here)
    for n in range(60):
        play.detect(**{**BURST, **here, "asset": f"B{n}", "zone": ""})
    assert 0 < len(now(play, a).links) <= 20


def test_a_photo_keeps_the_time_and_place_that_the_telephone_gave() -> None:
    play = Play(*ALL)
    a = play.detect(level=3)
    said = {"name": b'"x.jpg"', "ref": b'"sha256:0"', "taken_ms": b"1763884800000", "lon": b"107.98", "lat": b"26.58"}
    for params in (said, {"name": b'"y.jpg"', "taken_ms": b"9e17"}):
        c = command(now(play, a), command="attach", params={k: msgspec.Raw(v) for k, v in params.items()})
        result, records = play.engine.on_command(c, play.now)
        assert result.accepted
        play._keep(records)
    first, last = public_alert(now(play, a), Divisions.load())["attachments"]
    told = ("2025-11-23T08:00:00.000Z", 107.98, 26.58, None)
    assert (first["taken"], first["lon"], first["lat"], first["accuracy_m"]) == told
    assert last["taken"] == "9999-12-31T23:59:59.999Z"  # nothing that a clock says breaks the record
    assert last["lon"] is None


def test_a_number_beyond_all_is_refused() -> None:
    play = Play(*ALL)
    play.detect(level=3)
    for huge in (b"1" + b"0" * 400, b"-1", b"1e999", b"[1]", b"{}", b"true", b"null"):
        c: Command = command(play.alert, command="recheck", params={"value": msgspec.Raw(huge)})
        assert play.engine.on_command(c, play.now)[0].row == "ANY-7", huge


def test_a_restart_looks_at_groups_when_it_would_have() -> None:
    play, group = stormy()
    play.until(0.6)
    for k in range(14):
        play.detect("clear", **{**SOFT, "asset": f"A{k}", "sensor": f"S{k}", "zone": ""})
    old = play.engine
    new = Engine(old.desk)
    new.restore({k: msgspec.msgpack.encode(a) for k, a in old.alerts.items()}, b"", old.book.storm.dump())
    ends = []
    for engine in (old, new):
        while now_ms := engine.next_due_ms():
            if found := [
                r for r in engine.on_tick(now_ms) if r.alert.id == group.id and r.transition.trigger == "clear"
            ]:
                ends.append((now_ms, found[0].transition.seq))
                break
    assert ends[0] == ends[1]


def test_those_forgotten_are_the_same_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "KEPT_CLOSED", 4)
    play = Play(*ALL)
    some = [play.detect(**{**SOFT, "asset": f"X{k}", "zone": ""}) for k in range(6)]
    for a in reversed(some[:4]):
        closed(play, a)  # all at one moment
    stored = {k: msgspec.msgpack.encode(a) for k, a in play.engine.alerts.items()}
    new = Engine(play.engine.desk)
    new.restore(stored, b"")
    left = []
    for engine in (play.engine, new):
        play.engine = engine
        play.now = NOON + MIN
        closed(play, some[4])
        left.append(sorted(engine.alerts))
    assert left[0] == left[1]


def test_the_clock_is_kept_over_a_restart() -> None:
    """Detections of several sources come out of order; the clock of their partition never steps back."""
    settings = Settings({"prefix": "run.x."}, env={})

    def apply(logic: AlertsLogic, d: Detection) -> dict[bytes, bytes | None]:
        out = Outbox("alerts-0", {})
        r = record(msgspec.json.encode(d))
        r.topic = f"run.x.{r.topic}"
        logic.apply(r, out)
        logic.flush(out)
        return out.state

    late, early = detection(at_s=600), detection(at_s=5, asset="A2")
    whole, cut = AlertsLogic(settings), AlertsLogic(settings)
    apply(whole, late)
    state = apply(cut, late)
    cut = AlertsLogic(settings)
    cut.restore({k: v for k, v in state.items() if v is not None})
    apply(whole, early)
    apply(cut, early)
    assert cut.engine.alerts == whole.engine.alerts
    assert {a.changed_ms for a in cut.engine.alerts.values()} == {late.ts_ms}
