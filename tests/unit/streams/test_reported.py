"""What a person reported, in the engine: an episode of its own, told whatever explains it, ended by people."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from geo.fences import Mark
from streams.alerts.engine import Engine
from streams.events import Command, Detection
from streams.reported import Spot, detection as reported, report_id
from tests.unit.streams.test_lifecycle import T0, detection

QUIET = Mark(fence="W-1", kind="works", name_zh="开挖", suppress=True, severity=-2)
SPOT = Spot("522601001", 107.98, 26.58, approximate=False)


def report(key: str = "k", severity: str = "II", *marks: Mark, kind: str = "pressure_low") -> Detection:
    return reported(report_id("wu", key), SPOT, "water", kind, severity, "phone", "停水", "wu", T0, T0, marks)


def told(engine: Engine, command: str, version: int, **params: Any) -> Any:
    raw = {k: msgspec.Raw(msgspec.json.encode(v)) for k, v in params.items()}
    c = Command(id=f"c{version}", alert=report_id("wu", "k"), county="522601", command=command, version=version,
                by="wu", role="commander", unit="522600", at_ms=T0, params=raw)  # fmt: skip
    return engine.on_command(c, T0 + version)[0]


@pytest.mark.parametrize("severity", ["I", "II", "III", "IV"])
def test_the_persons_severity_holds_and_no_fence_moves_or_silences_it(severity: str) -> None:
    (record,) = Engine().on_detection(report("k", severity, QUIET), T0)
    alert = record.alert
    assert (alert.severity, alert.severity_by, alert.suppressions, alert.label) == (severity, "wu", (), "UNACK")
    assert (alert.source, alert.sensors, alert.active, record.transition.by) == ("phone", (), (), "wu")
    assert "人工定级" in alert.severity_why.zh
    assert alert.fences == (QUIET,)


def test_a_severity_that_is_none_is_decided_by_the_matrix() -> None:
    (record,) = Engine().on_detection(msgspec.structs.replace(report(), severity="V"), T0)
    assert record.alert.severity == "IV"


def test_each_report_is_an_episode_beside_that_of_the_sensor() -> None:
    engine = Engine()
    of_asset = {"domain": "water", "kind": "pressure_low", "hard": False, "level": 0}
    engine.on_detection(detection(**of_asset), T0)
    (sensor,) = engine.alerts.values()
    for key in ("a", "b"):
        engine.on_detection(msgspec.structs.replace(report(key), asset=sensor.asset), T0 + 1)
    assert len(engine.alerts) == 3
    engine.on_detection(detection(state="clear", at_s=60, **of_asset), T0 + 60_000)
    assert sorted(a.condition for a in engine.alerts.values()) == ["ACTIVE", "ACTIVE", "CLEARED"]
    assert engine.alerts[sensor.id].condition == "CLEARED"


def test_sent_again_changes_nothing_even_after_a_restart() -> None:
    engine = Engine()
    engine.on_detection(report(), T0)
    again = Engine()
    again.restore({k: msgspec.msgpack.encode(a) for k, a in engine.alerts.items()}, b"")
    assert again.on_detection(report(), T0 + 9) == []
    assert again.alerts == engine.alerts


def test_disposing_of_it_clears_it_so_that_it_can_be_closed() -> None:
    engine = Engine()
    engine.on_detection(report(severity="III"), T0)
    assert told(engine, "ack", 1).accepted
    assert told(engine, "assess", 2, verdict="real").accepted
    assert told(engine, "close", 3).row == "CLOSE-2"
    done = told(engine, "dispose", 3, cause="管道破裂", action="已修复")
    assert (done.row, done.alert.condition, done.alert.handling) == ("DISPOSE-4", "CLEARED", "DISPOSED")
    assert told(engine, "close", 4).accepted
    assert told(engine, "reopen", 5).row != "REOPEN-3"


def test_without_an_asset_it_has_nothing_to_do_with_a_burst_elsewhere() -> None:
    engine = Engine()
    far = {"domain": "water", "hard": False, "level": 0, "zone": "522622-W-DMA01", "asset": "B"}
    engine.on_detection(detection(kind="burst_suspected", witnesses=2, **far), T0)
    (record,) = engine.on_detection(report(severity="III"), T0 + 1)
    assert record.alert.parent is None


def test_nothing_that_explains_it_silences_it() -> None:
    """A burst explains low pressure in its zone: a sensor's alert is not told then, a person's is."""
    for source, suppressed in (("sensor", ["BY_RULE"]), ("phone", [])):
        engine = Engine()
        zone = {"zone": "522601-W-DMA01", "domain": "water", "hard": False, "level": 0}
        engine.on_detection(
            detection(kind="burst_suspected", asset="B", sensor="b", witnesses=2, magnitude=2.0, **zone), T0
        )
        child = detection(kind="pressure_low", asset="C", sensor="c", **zone)
        if source != "sensor":
            child = msgspec.structs.replace(report(severity="III"), zone="522601-W-DMA01", asset="C")
        engine.on_detection(child, T0 + 1)
        (alert,) = [a for a in engine.alerts.values() if a.asset == "C"]
        assert [s.kind for s in alert.suppressions] == suppressed
        assert alert.parent is not None
