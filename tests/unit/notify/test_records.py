"""What the alerts app writes is what the notifier reads."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from geo.divisions import Divisions
from streams.events import Alert, AlertRecord, Evidence, Notice, Text, Transition
from streams.notify.records import RecordError, acked, parse
from streams.wire import encode_record

T0 = 1_763_884_800_000
ALERT = Alert(
    id="a1", version=3, domain="gas", kind="gas_concentration", severity="I", severity_why=Text("", ""),
    first_seen_ms=T0, last_seen_ms=T0, changed_ms=T0, county="522601", unit="522601001", asset="x",
    title=Text("燃气", "gas"), reason=Text("", ""), evidence=Evidence(detector="d", value=52.0, unit="%LEL"),
)  # fmt: skip


def test_notices_come_through_the_public_json() -> None:
    told = (
        Notice(key="3.0", why="raise", place="522601", role="main", people=("li", "wu"), channels=("voice", "sms"),
               step=1, due_ms=T0 + 60_000),
        Notice(key="3.1", why="inform", place="org:gas", role="room"),
    )  # fmt: skip
    transition = Transition(seq=3, trigger="raise", at_ms=T0, reason=Text("", ""), tell=told)
    change = parse(encode_record(AlertRecord(ALERT, transition), Divisions.load()))
    assert change.notices == told
    assert change.at_ms == T0
    seen = change.alert
    assert (seen.id, seen.version, seen.severity, seen.county, seen.evidence.value) == ("a1", 3, "I", "522601", 52.0)


def test_the_next_deadline_is_the_public_one() -> None:
    transition = Transition(seq=3, trigger="raise", at_ms=T0, reason=Text("", ""))
    waiting = replace(ALERT, escalation=replace(ALERT.escalation, deadline_ms=T0 + 5_000))
    change = parse(encode_record(AlertRecord(waiting, transition), Divisions.load()))
    assert change.alert.next_ms == T0 + 5_000
    closed = replace(waiting, handling="CLOSED")
    assert parse(encode_record(AlertRecord(closed, transition), Divisions.load())).alert.next_ms is None
    assert acked(change.alert, "522601", T0) == ""


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"alert": {}, "transition": {}}', b"\xff"])
def test_poison_is_told(value: bytes | None) -> None:
    with pytest.raises(RecordError):
        parse(value)
