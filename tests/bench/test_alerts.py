"""The measures of the alerts: what they count, and what makes a transition cheap. Exact counts and ratios only."""

from __future__ import annotations

import time
from collections import Counter, deque
from types import SimpleNamespace
from typing import Any

import msgspec
import orjson
import pytest

from geo.divisions import Divisions
from streams import config, topics
from streams.alerting import AlertsLogic
from streams.alerts.engine import Engine
from streams.cli.benches import alerts, alerts_rows
from streams.cli.benches.alerts_load import announced, detection, duty, message
from streams.cli.benches.alerts_log import GROUP, Faults
from streams.cli.benches.alerts_storm import Sent, compared
from streams.cli.benches.alerts_sustained import Drive
from streams.errors import UsageError
from streams.outbox import Outbox
from streams.settings import Settings
from streams.wire import compact, encode_record, public_alert

SETTINGS = Settings(env={})
ASSETS = 160


class Worker:
    """The alerts app's logic without Kafka: what is sent is applied at once, what it writes is given back."""

    def __init__(self) -> None:
        self.logic, self.now, self.offset = AlertsLogic(SETTINGS), int(time.time() * 1000), 0
        for value in announced(list(duty())):
            self.apply({"topic": topics.DETECTIONS, "value": value, "key": config.KEY, "partition": 0})

    def apply(self, sent: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """(alert, transition) of each record it makes."""
        out = Outbox("test", {})
        self.now, self.offset = self.now + 5, self.offset + 1
        record = SimpleNamespace(**sent, offset=self.offset, timestamp=self.now, headers=())
        self.logic.apply(record, out)
        self.logic.flush(out)
        values = [orjson.loads(r[3] or b"") for r in out.records if r[0] == topics.ALERTS]
        return [(v["alert"], v["transition"]) for v in values]


def test_every_alert_under_way_comes_to_its_end() -> None:
    """The closed loop of `sustained`: an alert is raised, acknowledged, cleared, assessed and closed, groups too."""
    worker, drive, faults = Worker(), Drive(SETTINGS), Faults()
    waiting = deque(drive.more() for _ in range(ASSETS))
    while waiting and drive.assets < 2 * ASSETS:
        for alert, transition in worker.apply(waiting.popleft()):
            faults.look(alert, transition)
            waiting += drive.after(alert, transition["trigger"])
    assert drive.closed >= ASSETS
    assert drive.made == faults.transitions
    assert drive.triggers["raise"] >= drive.triggers["close"] >= ASSETS
    assert (faults.twins, faults.doubled, faults.told_twice) == (0, 0, 0)


def test_a_storm_is_counted_whole() -> None:
    worker, sent = Worker(), Sent()
    every = [sent.next(n) for n in range(1_600)]
    for d in every:
        worker.apply(message(SETTINGS, d))
    kept = worker.logic.engine.alerts
    assert {d.state for d in every} == {"raise", "update", "clear"}
    assert any(a.asset.startswith(GROUP) for a in kept.values())
    assert compared(sent, kept) == (0, 0)
    gone = next(a for a in kept.values() if a.condition == "CLEARED")
    assert compared(sent, {k: a for k, a in kept.items() if k != gone.id})[0] == sent.counts[gone.asset] + 1
    assert compared(sent, {**kept, "twin": gone}) == (0, gone.count)


def test_twins_are_seen() -> None:
    alert = {"id": "a", "version": 1, "run": "", "kind": "k", "assets": ["x"], "episode": 1}
    raised = {"trigger": "raise", "tell": [{"key": "1.0"}]}
    faults = Faults()
    for record in (alert, {**alert, "id": "b"}, alert):
        faults.look(record, raised)
    faults.look(alert, {"trigger": "repeat", "tell": []})
    assert (faults.twins, faults.doubled, faults.told_twice, faults.records) == (2, 1, 1, 4)


def test_compact_evidence_is_the_same_json_and_made_faster() -> None:
    d = detection(3, 1_763_884_800_000)
    divisions = Divisions.load()
    plain = Engine().on_detection(d, d.ts_ms)[0]
    small = Engine().on_detection(msgspec.structs.replace(d, evidence=compact(d.evidence)), d.ts_ms)[0]
    assert len(plain.alert.evidence.series) == 60
    assert small.alert.evidence.series == ()
    assert compact(small.alert.evidence) is small.alert.evidence
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(small.alert), type=type(small.alert)) == small.alert
    assert encode_record(plain, divisions) == encode_record(small, divisions)
    best = {0: 1e9, 1: 1e9}
    for _ in range(20):
        for n, record in enumerate((plain, small)):
            begun = time.perf_counter()
            for _ in range(25):
                msgspec.json.encode(public_alert(record.alert, divisions))
            best[n] = min(best[n], time.perf_counter() - begun)
    assert best[0] > 1.3 * best[1]  # 2.5 on an idle machine


def test_the_mix_of_a_county_is_that_of_all() -> None:
    severities = {c: Counter[str]() for c in topics.COUNTIES}
    engine = Engine()
    for k in range(1_600):
        d = detection(k, 1_763_884_800_000)
        severities[d.county][engine.on_detection(d, d.ts_ms)[0].alert.severity] += 1
    assert all(found == {"I": 2, "II": 8, "III": 60, "IV": 30} for found in severities.values())


def test_a_notice_that_is_told_twice_is_two_rows_with_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    d = detection(0, 1_763_884_800_000)
    raised = encode_record(Engine().on_detection(d, d.ts_ms)[0], Divisions.load())
    log = [raised]
    monkeypatch.setattr(alerts_rows, "committed_records", lambda s, topic: [SimpleNamespace(value=v) for v in log])
    once = alerts_rows.outbox(SETTINGS)
    assert once.total() == len(once) > 1
    log.append(raised)
    twice = alerts_rows.outbox(SETTINGS)
    assert (twice.total(), len(twice)) == (2 * len(once), len(once))


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(UsageError, match="strom"):
        alerts.chosen("strom")
