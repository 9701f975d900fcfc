"""Alerts of different domains near each other in time and place are linked, both ways, with a reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from detectors.links import APPROXIMATE_M, default_rules
from geo import metric
from streams.alerts.engine import Engine
from streams.alerts.linking import CELL_DEG
from streams.events import AlertRecord, Detection, Evidence, Text
from streams.wire import public_alert

KIND = {
    "water": "burst_suspected",
    "traffic": "traffic_incident",
    "gas": "gas_concentration",
    "pipeline": "pipeline_leak",
}
T0 = 1_763_884_800_000
HERE = (107.98, 26.58)


def detection(domain: str, minute: float = 0.0, metres: float = 0.0, state: str = "raise", **more: Any) -> Detection:
    lon, lat = metric.shift(*HERE, metres, 0.0)
    ts = T0 + round(minute * 60_000)
    given: dict[str, Any] = {
        "id": f"{domain}-{minute}", "state": state, "domain": domain, "kind": KIND[domain], "sensor": domain,
        "asset": f"{domain}-1", "county": "522601", "unit": "522601", "lon": lon, "lat": lat, "ts_ms": ts,
        "onset_ms": ts, "title": Text("", ""), "reason": Text("", ""), "evidence": Evidence(detector="x"),
    }  # fmt: skip
    return Detection(**{**given, **more})


def raised(engine: Engine, d: Detection) -> tuple[AlertRecord, list[AlertRecord]]:
    record, *touched = engine.on_detection(d, d.ts_ms)
    assert record is not None
    return record, touched


def test_a_burst_under_a_road_is_linked_both_ways_and_keeps_the_versions() -> None:
    engine = Engine()
    burst, _ = raised(engine, detection("water"))
    jam, touched = raised(engine, detection("traffic", 12.0, 180.0))
    (link,) = jam.alert.links
    assert link.alert == burst.alert.id
    assert link.why.zh == "供水管道疑似爆管处附近道路受阻，可能路面塌陷或积水（相距180 m，相差 12 分钟）"
    assert link.why.en.endswith("subsidence or flooding possible (180 m apart, 12 min later)")
    (other,) = touched
    assert (other.alert.id, other.alert.version, other.transition.trigger) == (burst.alert.id, 1, "link")
    assert other.alert.links == (replace(link, alert=jam.alert.id),)
    assert engine.alerts[burst.alert.id].links == other.alert.links


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (detection("water"), detection("traffic", 1.0, 400.0)),  # too far
        (detection("water"), detection("traffic", 61.0, 10.0)),  # too late
        (detection("water"), detection("water", 1.0, 10.0, asset="other")),  # one domain
        (detection("water"), detection("traffic", 1.0, 10.0, cls="equipment")),
        (detection("water", cls="equipment"), detection("traffic", 1.0, 10.0)),
        (detection("water"), detection("traffic", 1.0, 10.0, run="r1", mode="test")),
        (detection("water"), detection("traffic", 1.0, lon=None, lat=None)),
        (detection("water", lon=None, lat=None), detection("traffic", 1.0)),
    ],
)
def test_what_has_nothing_to_do_with_each_other_is_not_linked(first: Detection, second: Detection) -> None:
    engine = Engine()
    raised(engine, first)
    record, touched = raised(engine, second)
    assert (record.alert.links, touched) == ((), [])


def test_a_place_that_is_known_roughly_reaches_further() -> None:
    engine = Engine()
    raised(engine, detection("water"))
    record, _ = raised(engine, detection("traffic", 1.0, 400.0, approximate=True))
    assert len(record.alert.links) == 1


def test_what_is_over_is_not_linked_and_the_state_survives() -> None:
    engine = Engine()
    raised(engine, detection("gas"))
    other = Engine()
    other.restore({k: msgspec.msgpack.encode(v) for k, v in engine.alerts.items()}, b"")
    raised(other, detection("pipeline", 5.0, 100.0))
    assert [len(a.links) for a in other.alerts.values()] == [1, 1]
    engine.on_detection(detection("gas", 2.0, state="clear", onset_ms=T0), T0)
    record, _ = raised(engine, detection("pipeline", 5.0, 100.0))
    assert record.alert.links == ()


def test_the_public_alert_tells_its_links() -> None:
    from geo.divisions import Divisions

    engine = Engine()
    burst, _ = raised(engine, detection("water"))
    jam, _ = raised(engine, detection("traffic", 12.0, 180.0))
    shown = public_alert(replace(jam.alert, previous="before"), Divisions.load())["links"]
    assert [(k["alert"], k["distance_m"]) for k in shown] == [("before", None), (burst.alert.id, 179.7)]
    assert set(shown[1]["why"]) == {"zh", "en"}


def test_every_rule_is_within_reach_of_the_index() -> None:
    east, north = metric.scale(29.0)
    assert max(rule.metres + 2 * APPROXIMATE_M for rule in default_rules()) <= CELL_DEG * min(east, north)
