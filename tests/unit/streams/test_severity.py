"""The severity matrix: what gives which severity and why, and which matrices are refused."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.traffic_road import TAGS
from geo.fences import Mark
from streams.alerts import fenced
from streams.alerts.engine import Engine
from streams.alerts.severity import SeverityError, decide, default_rules, parse
from streams.events import Detection, Evidence, Text

T0 = 1_763_884_800_000
LAST = '[[rule]]\nseverity = "IV"\nzh = "其他"\nen = "else"\n'


def detection(state: str = "raise", lasted_s: float = 0.0, at_s: float = 0.0, **more: Any) -> Detection:
    base: dict[str, Any] = {
        "id": f"{state}{at_s}", "state": state, "domain": "water", "kind": "pressure_low", "sensor": "S1",
        "asset": "A1", "county": "522601", "unit": "522601001", "ts_ms": T0 + int((at_s + lasted_s) * 1000),
        "onset_ms": T0, "title": Text("标题", "title"), "reason": Text("原因", "reason"),
        "evidence": Evidence(detector="x"),
    }  # fmt: skip
    return Detection(**{**base, **more})


@pytest.mark.parametrize(
    ("given", "around", "severity", "why"),
    [
        ({"magnitude": 50.0}, {}, "III", "单个传感器"),
        ({"magnitude": 50.0}, {"people": 10_000, "place": ("hospital",)}, "III", "单个传感器"),  # never I or II by one
        ({"magnitude": 0.2}, {}, "IV", "单个传感器"),
        ({"magnitude": 0.6, "lasted_s": 7200.0}, {}, "III", "2 小时"),
        ({"magnitude": 0.6, "lasted_s": 7199.0}, {}, "IV", "单个传感器"),
        ({"magnitude": 0.2, "witnesses": 2}, {}, "III", "多个测点"),
        ({"magnitude": 1.0, "witnesses": 2}, {"people": 200}, "II", "人员较多"),
        ({"magnitude": 1.0, "witnesses": 2}, {"people": 199}, "III", "多个测点"),
        ({"magnitude": 1.0, "witnesses": 3}, {"place": ("river", "school")}, "II", "重点场所"),
        ({"kind": "burst_suspected", "magnitude": 1.5, "witnesses": 2, "lasted_s": 300.0}, {}, "II", "爆管"),
        ({"kind": "burst_suspected", "magnitude": 1.5, "witnesses": 1, "lasted_s": 300.0}, {}, "III", "单个传感器"),
        ({"kind": "pipeline_leak", "witnesses": 2}, {}, "II", "泄漏"),
        ({"kind": "gas_spread", "magnitude": 4.0, "witnesses": 3}, {}, "II", "升幅达 10 %LEL"),
        ({"kind": "gas_spread", "magnitude": 3.9, "witnesses": 3}, {}, "III", "统计异常"),
        ({"kind": "traffic_incident", "magnitude": 5.0}, {}, "III", "仅由线圈"),
        ({"kind": "traffic_incident", "magnitude": 0.1, "witnesses": 2}, {}, "II", "证实"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("stopped",)}, {}, "II", "证实"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("tunnel",)}, {}, "II", "位于隧道或桥梁"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("bridge", "stopped", "fog")}, {}, "II", "隧道或桥梁"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("hazmat_route",)}, {}, "II", "危化品通道"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("freezing_rain",)}, {}, "II", "二次事故"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("fog", "rain")}, {}, "II", "二次事故"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("fire",)}, {}, "II", "证实"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("all_lanes",)}, {}, "II", "全部车道受阻"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("hazmat",)}, {}, "I", "危化品车辆"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("fire", "tunnel")}, {}, "I", "起火或全部车道受阻"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("all_lanes", "bridge")}, {}, "I", "隧道或桥梁"),
        ({"kind": "traffic_incident", "witnesses": 2, "tags": ("all_lanes", "fog")}, {}, "I", "连环追尾"),
        ({"kind": "traffic_incident", "tags": tuple(sorted(TAGS))}, {}, "III", "仅由线圈"),  # unconfirmed: III
        ({"kind": "queue_unusual", "magnitude": 9.0, "tags": ("fog", "tunnel")}, {}, "III", "待证实"),
        ({"kind": "queue_unusual", "magnitude": 0.1}, {}, "III", "待证实"),
        ({"magnitude": 1.0, "witnesses": 2, "tags": ("tunnel",)}, {"place": ("school",)}, "II", "重点场所"),
        ({"hard": True, "level": 1}, {}, "II", "等级不降"),
        ({"kind": "gas_concentration", "hard": True, "level": 3}, {}, "I", "等级不降"),
        ({"kind": "gas_concentration", "hard": False, "level": 0, "magnitude": 9.0}, {}, "III", "关注值"),
        ({"cls": "equipment", "kind": "drift", "magnitude": 9.0, "witnesses": 5}, {"people": 999}, "IV", "维修"),
    ],
)
def test_kind_magnitude_duration_place_and_people(
    given: dict[str, Any], around: dict[str, Any], severity: str, why: str
) -> None:
    got, says = decide(detection(**given), default_rules(), **around)
    assert got == severity
    assert why in says.zh
    assert says.en


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('severity = "II"\nmagnitude = 9.0', "rule 1: severity = 'II' needs a hard limit, a second sensor or a person"),
        ('severity = "I"\nlevel = 3', "add hard = true, witnesses = 2 or person = true, or make it III"),
        ('severity = "I"\nwitnesses = 1\npeople = 900', "needs a hard limit"),
        ('severity = "III"\nwitnesses = "2"', "rule 1: witnesses = '2'; want a value of type int"),
        ('severity = "III"\nhard = 1', "rule 1: hard = 1; want a value of type bool"),
        ('severity = "III"\nplace = "school"', "want a value of type list"),
        ('severity = "III"\nmagnitude = true', "want a value of type number"),
        ('severity = "III"\ntags = "fog"', "want a value of type list"),
        ('severity = "I"\ntags = ["fire"]\nplace = ["tunnel"]', "needs a hard limit, a second sensor or a person"),
    ],
)
def test_a_matrix_beyond_what_one_sensor_can_say_is_refused(rule: str, words: str) -> None:
    with pytest.raises(SeverityError) as error:
        parse(f'[[rule]]\n{rule}\nzh = "x"\nen = "x"\n{LAST}', "mine.toml")
    assert words in str(error.value)
    assert str(error.value).startswith("mine.toml: rule 1: ")


@pytest.mark.parametrize("ground", ["hard = true", "witnesses = 2", "person = true"])
def test_a_hard_limit_a_second_sensor_or_a_person_may_give_one_and_two(ground: str) -> None:
    (rule, _) = parse(f'[[rule]]\nseverity = "I"\n{ground}\nzh = "x"\nen = "x"\n{LAST}', "mine.toml")
    assert rule.grounded
    assert decide(detection(hard=True, witnesses=2), (rule, *parse(LAST, "x")), person=True)[0] == "I"


def test_the_matrix_asks_for_no_tag_that_no_detector_gives() -> None:
    asked = {tag for rule in default_rules() for tag in rule.tags}
    assert asked
    assert asked <= TAGS
    places = {tag for rule in default_rules() if rule.kinds == ("traffic_incident",) for tag in rule.place}
    assert places <= TAGS


def test_fences_and_tags_are_heard_together() -> None:
    school = Mark(fence="F-1", kind="school", name_zh="一中", name_en="No. 1", severity=1)
    given = {"kind": "traffic_incident", "fences": (school,), "tags": ("fire", "tunnel")}
    assert fenced.severity(detection(**given), default_rules())[0] == "III"  # loops alone, in any place
    assert fenced.severity(detection(witnesses=2, **given), default_rules())[0] == "I"


def test_an_episode_over_a_hard_limit_latches_until_it_ends_and_says_so() -> None:
    engine = Engine()
    gas = {"kind": "gas_concentration", "domain": "gas", "hard": True}
    for at, level in ((0, 1), (40, 3), (80, 2), (120, 1)):
        engine.on_detection(detection("raise" if at == 0 else "update", at_s=at, level=level, **gas), T0 + at * 1000)
    engine.on_detection(detection("update", at_s=160, **{**gas, "hard": False, "level": 0}), T0 + 160_000)
    (alert,) = engine.alerts.values()
    assert alert.severity == "I"
    assert alert.severity_why.zh == "可燃气体达到高报限值；限值解除前等级不降"
    assert alert.severity_why.en.endswith("the severity holds until the limit is left")
