"""The alert engine, by tables of (given, when, expected row)."""

from __future__ import annotations

import msgspec
import pytest

from streams.alerts.desk import level_of
from streams.alerts.engine import Engine
from streams.alerts.severity import SeverityError, decide, default_rules, parse
from streams.alerts.table import TABLE
from streams.events import Alert, Command, Detection, Evidence, Text

T0 = 1_763_884_800_000


def detection(state: str = "raise", at_s: float = 0, **more: object) -> Detection:
    base: dict[str, object] = {
        "id": f"{state}{at_s}",
        "state": state,
        "domain": "gas",
        "kind": "gas_concentration",
        "sensor": "S1",
        "asset": "A1",
        "county": "522601",
        "unit": "522601001",
        "ts_ms": T0 + int(at_s * 1000),
        "onset_ms": T0 + int(at_s * 1000),
        "interval_s": 1.0,
        "hard": True,
        "level": 1,
        "title": Text("标题", "title"),
        "reason": Text("原因", "reason"),
        "evidence": Evidence(detector="limits"),
    }
    return Detection(**{**base, **more})  # type: ignore[arg-type]


def command(alert: Alert, version: int | None = None, **more: object) -> Command:
    base: dict[str, object] = {
        "id": "c1",
        "alert": alert.id,
        "county": alert.county,
        "command": "ack",
        "version": alert.version if version is None else version,
        "by": "wang",
        "role": "officer",
        "unit": "522601",
        "at_ms": T0,
    }
    return Command(**{**base, **more})  # type: ignore[arg-type]


def play(*events: Detection) -> tuple[Engine, list[tuple[str, int, str]]]:
    engine = Engine()
    records = [r for d in events for r in engine.on_detection(d, d.ts_ms)]
    return engine, [(r.transition.trigger, r.alert.version, r.alert.condition) for r in records]


def only(engine: Engine) -> Alert:
    (alert,) = engine.alerts.values()
    return alert


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([detection()], [("raise", 1, "ACTIVE")]),
        ([detection(), detection("update", 5)], [("raise", 1, "ACTIVE")]),
        ([detection(), detection("update", 31)], [("raise", 1, "ACTIVE"), ("repeat", 1, "ACTIVE")]),
        ([detection(), detection("update", 5, level=3)], [("raise", 1, "ACTIVE"), ("severity", 2, "ACTIVE")]),
        ([detection(level=3), detection("update", 5, level=1)], [("raise", 1, "ACTIVE")]),
        ([detection(), detection("clear", 9)], [("raise", 1, "ACTIVE"), ("clear", 2, "CLEARED")]),
        ([detection("clear", 9)], []),
        (
            [detection(), detection("clear", 9), detection("clear", 10)],
            [("raise", 1, "ACTIVE"), ("clear", 2, "CLEARED")],
        ),
        (
            [detection(), detection("clear", 9), detection("raise", 300)],
            [("raise", 1, "ACTIVE"), ("clear", 2, "CLEARED"), ("reraise", 3, "ACTIVE")],
        ),
        (
            [detection(), detection("raise", 3, sensor="S2"), detection("clear", 9)],
            [("raise", 1, "ACTIVE"), ("repeat", 1, "ACTIVE")],
        ),
        (
            [
                detection(),
                detection("raise", 3, sensor="S2"),
                detection("clear", 9),
                detection("clear", 10, sensor="S2"),
            ],
            [("raise", 1, "ACTIVE"), ("repeat", 1, "ACTIVE"), ("clear", 2, "CLEARED")],
        ),
    ],
)
def test_one_episode(events: list[Detection], expected: list[tuple[str, int, str]]) -> None:
    engine, told = play(*events)
    assert told == expected
    assert len(engine.alerts) <= 1


def test_a_later_raise_is_a_new_episode_linked_to_the_one_before() -> None:
    engine, told = play(detection(), detection("clear", 9), detection("raise", 2000))
    assert told[-1] == ("raise", 1, "ACTIVE")
    first, second = engine.alerts.values()
    assert (second.previous, second.episode, first.id != second.id) == (first.id, 2, True)


def test_flap_window_grows_with_the_sampling_interval() -> None:
    _, told = play(
        detection(interval_s=3600), detection("clear", 9, interval_s=3600), detection("raise", 7000, interval_s=3600)
    )
    assert told[-1][0] == "reraise"


def test_ack_stops_at_its_level_and_sets_the_label() -> None:
    engine, _ = play(detection(level=2))
    alert = only(engine)
    result, (record,) = engine.on_command(command(alert, unit="522601001"), T0)
    assert result.accepted
    assert record.alert.label == "UNACK", "a township's ack of a II does not answer for the county"
    result, (record,) = engine.on_command(command(record.alert, unit="522601"), T0)
    assert result.accepted
    assert (record.alert.label, record.alert.version, record.transition.after["label"]) == ("ACKED", 3, "ACKED")
    engine.on_detection(detection("clear", 9), T0)
    assert only(engine).label == "NORM"


@pytest.mark.parametrize(
    ("change", "row", "status"),
    [
        ({"version": 99}, "ANY-2", 409),
        ({"role": "viewer"}, "ANY-4", 403),
        ({"command": "dance"}, "ANY-3", 422),
        ({"alert": "none"}, "ANY-1", 404),
    ],
)
def test_refusals_name_the_row(change: dict[str, object], row: str, status: int) -> None:
    engine, _ = play(detection())
    before = only(engine)
    asked = msgspec.structs.replace(command(before), **change)
    result, record = engine.on_command(asked, T0)
    assert (result.accepted, result.row, result.status, record) == (False, row, status, [])
    assert result.reason.zh == TABLE[row].zh != ""
    assert only(engine) == before


def test_second_ack_of_a_level_is_refused_until_the_first_expires() -> None:
    engine, _ = play(detection(level=3))
    engine.on_command(command(only(engine)), T0)
    assert engine.on_command(command(only(engine)), T0 + 1)[0].row == "ACK-2"
    assert engine.on_command(command(only(engine)), T0 + 15 * 60_000 + 1)[0].accepted


def test_an_idempotency_key_answers_again_and_changes_nothing() -> None:
    engine, _ = play(detection())
    first = command(only(engine), key="k1")
    assert len(engine.on_command(first, T0)[1]) == 1
    again, records = engine.on_command(first, T0 + 5)
    assert again.accepted
    assert records == []
    assert only(engine).version == 2


def test_a_worse_severity_drops_acks_and_a_repeat_never_changes_the_version() -> None:
    engine, _ = play(detection(level=1))
    engine.on_command(command(only(engine)), T0)
    version = only(engine).version
    for k in range(1, 20):
        engine.on_detection(detection("update", k), T0 + k)
    assert only(engine).version == version
    engine.on_detection(detection("update", 25, level=3), T0)
    assert (only(engine).severity, only(engine).acks, only(engine).label) == ("I", (), "UNACK")


def test_state_survives_storage() -> None:
    engine, _ = play(detection(), detection("clear", 9), detection("raise", 2000))
    engine.on_command(command(next(iter(engine.alerts.values())), key="k"), T0)
    stored = {k: msgspec.msgpack.encode(v) for k, v in reversed(engine.alerts.items())}
    back = Engine()
    back.restore(stored, msgspec.msgpack.encode(engine.keys))
    assert back.alerts == engine.alerts
    assert back.book.newest == engine.book.newest
    assert back.keys == engine.keys
    assert back.changed == set()


@pytest.mark.parametrize(
    ("given", "severity"),
    [
        ({"level": 3}, "I"),
        ({"level": 2}, "II"),
        ({"level": 1}, "III"),
        ({"kind": "pressure_low", "hard": False, "level": 0, "magnitude": 0.2}, "IV"),
        ({"kind": "pressure_low", "hard": False, "level": 0, "magnitude": 9.0}, "III"),
        ({"kind": "out_of_range", "hard": True, "level": 0}, "II"),
        ({"kind": "flatline", "cls": "equipment", "hard": False}, "IV"),
    ],
)
def test_severity_matrix(given: dict[str, object], severity: str) -> None:
    got, why = decide(detection(**given), default_rules())  # type: ignore[arg-type]
    assert got == severity
    assert why.zh
    assert why.en


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[rule]\n", "matrix.toml"),
        ('[[rule]]\nseverity = "V"\nzh = "x"\nen = "x"\n', "rule 1: severity = 'V'"),
        ('[[rule]]\nseverity = "I"\nzh = "x"\n', "rule 1: en is missing"),
        ('[[rule]]\nseverity = "I"\nzh = "x"\nen = "x"\nsize = 3\n', "unknown key 'size'"),
        ('[[rule]]\nseverity = "I"\nzh = "x"\nen = "x"\nhard = true\n', "last rule"),
        ("", "last rule"),
    ],
)
def test_a_wrong_matrix_is_refused_as_a_whole(text: str, words: str) -> None:
    with pytest.raises(SeverityError) as caught:
        parse(text, "matrix.toml")
    assert words in str(caught.value)


def test_level_of_codes() -> None:
    assert [level_of(c) for c in ("522600", "5226", "522601", "522601001", "522601001001")] == [
        "prefecture", "prefecture", "county", "township", "village",
    ]  # fmt: skip
