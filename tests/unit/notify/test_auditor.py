"""The auditor finds alerts past their deadline from the public log alone."""

from __future__ import annotations

import json
from typing import Any

from geo.moments import rfc3339
from streams.notify.auditor import Auditor, overdue
from streams.settings import Settings
from tests.unit.notify.conftest import Box, now_ms, record


class Taken:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    async def send(self, run: str, county: str, value: bytes) -> None:
        self.sent.append((run, county, json.loads(value)))


async def test_overdue_ones_get_one_tick_a_partition(box: Box) -> None:
    now = now_ms()
    late, soon = rfc3339(now - 31_000), rfc3339(now - 29_000)
    box.feed(
        record("late", escalation={"deadline": late}),
        record("step", deadlines={"dispatch": {"next": late}, "verify": {"next": None}}),
        record("listed", deadlines=[{"step": "dispatch", "next": late}]),
        record("soon", escalation={"deadline": soon}),
        record("closed", escalation={"deadline": late}, handling="CLOSED"),
        record("none"),
    )
    box.feed(record("drill", escalation={"deadline": late}, mode="exercise", run="d1"), topic="run.d1.alerts")
    box.feed(record("test", escalation={"deadline": late}, mode="test", run="t1"), topic="run.t1.alerts")
    found = overdue(box.outbox, now)
    assert {key: sorted(id_ for id_, _ in late) for key, late in found.items()} == {
        ("", 0): ["late", "listed", "step"], ("d1", 0): ["drill"],
    }  # fmt: skip
    taken = Taken()
    auditor = Auditor(Settings(env={}), box.outbox, taken)  # type: ignore[arg-type]
    assert await auditor.look(now) == 2
    said = ("command", "alert", "by", "role", "version")
    assert [(run, county, *(c[k] for k in said)) for run, county, c in taken.sent] == [
        ("", "522601", "tick", "", "auditor", "system", None), ("d1", "522601", "tick", "", "auditor", "system", None),
    ]  # fmt: skip


async def test_a_newer_record_ends_the_lateness(box: Box) -> None:
    now = now_ms()
    box.feed(record("a", escalation={"deadline": rfc3339(now - 60_000)}))
    assert overdue(box.outbox, now)
    box.feed(record("a", version=2, escalation={"deadline": rfc3339(now + 60_000)}))
    assert not overdue(box.outbox, now)
    box.feed(record("a", version=1, escalation={"deadline": rfc3339(now - 60_000)}))
    assert not overdue(box.outbox, now)
