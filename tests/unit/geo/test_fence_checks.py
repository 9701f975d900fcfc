"""Bad fences: each has a sentence with the field and the fix; areas that cross themselves are mended or refused."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
import shapely

from geo import fence_rules
from geo.fence_checks import problems, remarks, repaired
from geo.fences import Area, Circle, Corridor, Effect, Fence, FenceError, Once, Tell, UnitArea, Weekly, decode, encode

SQUARE = ((107.9, 26.5), (108.0, 26.5), (108.0, 26.6), (107.9, 26.6), (107.9, 26.5))
GOOD = Fence(id="F-1", name_zh="围栏", kind="custom", shape=Area(((SQUARE,),)))


def fence(**fields: Any) -> Fence:
    return msgspec.structs.replace(GOOD, **fields)


def told(f: Fence) -> str:
    return "\n".join(
        f"{p.field}: {p.reason}"
        for p in problems(f, kinds=("flow_high", "gas_concentration"), profiles=("gas.methane",))
    )


@pytest.mark.parametrize(
    "shape",
    [
        GOOD.shape,
        Circle(107.98, 26.58, 500.0),
        Corridor(((107.9, 26.5), (108.0, 26.6)), 40.0),
        UnitArea("522601"),
        Area(((SQUARE[:-1],),)),  # an open ring
    ],
)
def test_good_shapes_pass(shape: Any) -> None:
    f = fence(shape=shape)
    assert problems(f) == []
    assert decode(encode(f)) == f


def swapped() -> Area:
    return Area(((tuple((y, x) for x, y in SQUARE),),))


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        ({"id": ""}, "id: is ''"),
        ({"id": "-a"}, "id: is '-a'"),
        ({"id": "a" * 65}, "id: is 'aaa"),
        ({"id": "围栏"}, "id: is '围栏'"),
        ({"id": "a\n"}, "id: is 'a\\n'"),
        ({"name_zh": " "}, "name_zh: is empty"),
        ({"kind": "zoo"}, "kind: is 'zoo'; want one of works"),
        ({"shape": Area(())}, "shape.coordinates: is empty"),
        ({"shape": Area(((),))}, "shape.coordinates: is empty"),
        ({"shape": Area(((SQUARE,), ()))}, "polygon 2 has no rings"),
        ({"shape": Area(((SQUARE[:2],),))}, "ring 1: has 2 different points; a ring needs three"),
        ({"shape": Area((((*SQUARE[:2], (107.95, 26.5)),),))}, "has no area"),
        ({"shape": swapped()}, "point 1: lon 26.5, lat 107.9 look swapped"),
        ({"shape": Area(((((*SQUARE[:3], (10.0, 20.0))),),))}, "point 4: lon 10, lat 20 are outside China"),
        ({"shape": Area((((*SQUARE[:3], (math.nan, 26.0)),),))}, "point 4: lon nan, lat 26.0 are not finite"),
        ({"shape": Area(((SQUARE * 4_001,),))}, "has 20,005 points, at most 20,000"),
        ({"shape": Circle(107.9, 26.5, 0.0)}, "shape.radius_m: is 0"),
        ({"shape": Circle(107.9, 26.5, math.inf)}, "shape.radius_m: is inf"),
        ({"shape": Circle(26.5, 107.9, 5.0)}, "look swapped"),
        ({"shape": Corridor(((107.9, 26.5), (108.0, 26.5)), -1.0)}, "shape.width_m: is -1"),
        ({"shape": Corridor(((107.9, 26.5), (107.9, 26.5)), 9.0)}, "shape.line: has 1 different points"),
        ({"shape": Corridor(((107.9, 26.5), (26.5, 107.9)), 9.0)}, "shape.line: point 2: lon 26.5"),
        ({"shape": UnitArea("522699")}, "shape.unit: "),
        ({"from_ms": 5, "until_ms": 5}, "until_ms: is 5, not after from_ms 5"),
        ({"active": (Once(5, 5),)}, "active, window 1: end_ms 5 is not after start_ms 5"),
        ({"active": (Weekly(()),)}, "active, window 1: days are []"),
        ({"active": (Weekly((1, 8)),)}, "days are [1, 8]"),
        ({"active": (Weekly((1,), "7:30"),)}, "start is '7:30'; want HH:MM"),
        ({"active": (Weekly((1,), "24:00"),)}, "start is '24:00'"),
        ({"active": (Weekly((1,), "07:30", "24:30"),)}, "end is '24:30'"),
        ({"kind": "works"}, "until_ms: a fence with no end: planned works end"),
        ({"effect": Effect(suppress=("flow_high",))}, "a fence with no end: it suppresses"),
        ({"effect": Effect(severity=-1)}, "a fence with no end: it lowers"),
        ({"effect": Effect(severity=-1), "active": (Once(1, 2), Weekly((1,)))}, "a fence with no end"),
        ({"effect": Effect(severity=4)}, "effect.severity: is 4"),
        ({"effect": Effect(suppress=("flow_hihg",)), "until_ms": 9}, "there is no kind of alert 'flow_hihg'"),
        ({"effect": Effect(params={"gas.methan": {}})}, "there is no profile 'gas.methan'"),
        ({"effect": Effect(params={"gas.methane": {"limits.hi": 1.0}})}, "limits.hi: there is no such parameter"),
        ({"effect": Effect(params={"gas.methane": {"delay.on_n": 0.0}})}, "delay.on_n: 0.0 is out of range"),
        ({"effect": Effect(params={"gas.methane": {"limits.high_2": math.nan}})}, "limits.high_2: nan is not a number"),
        ({"effect": Effect(params={"gas.methane": {"limits.high_2": 26.0}})}, "never widen it"),
        ({"effect": Effect(tell=(Tell("", unit="522601"),))}, "effect.tell, entry 1: role is empty"),
        ({"effect": Effect(tell=(Tell("duty_officer"),))}, "names neither a unit nor"),
        ({"effect": Effect(tell=(Tell("duty_officer", unit="522699"),))}, "there is no unit 522699"),
        ({"people": -1}, "people: is -1"),
        ({"dwell_s": math.nan, "moving": True}, "dwell_s: is nan"),
        ({"dwell_s": 60.0}, "dwell_s: is only told of moving assets"),
        ({"version": 0}, "version: is 0"),
    ],
)
def test_each_fault_is_named(fields: dict[str, Any], want: str) -> None:
    text = told(fence(**fields))
    assert want in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "works", "until_ms": 9},
        {"kind": "works", "active": (Once(1, 2), Once(3, 4))},
        {"effect": Effect(suppress=("*",)), "until_ms": 9},
        {"effect": Effect(params={"gas.methane": {"limits.high_1": 5.0, "limits.high_2": 25.0}})},
        {"effect": Effect(tell=(Tell("duty_officer", unit="522601"), Tell("duty", org="凯里市燃气公司")))},
        {"active": (Weekly((1, 7), "22:00", "06:00"), Weekly((6,)))},
        {"removed": True, "kind": "gone", "shape": Area(())},
    ],
)
def test_what_may_be_passes(fields: dict[str, Any]) -> None:
    assert told(fence(**fields)) == ""


def test_kinds_that_are_told_all_the_same_are_said() -> None:
    f = fence(effect=Effect(suppress=("gas_concentration", "flow_high", "out_of_range", "*")), until_ms=9)
    assert told(fence(effect=Effect(suppress=("gas_concentration",)), until_ms=9)) == ""
    assert [p.reason.split(":")[0] for p in remarks(f)] == [
        "gas_concentration is told all the same where a hard limit is crossed",
        "out_of_range is told all the same always",
        "* never covers hard limits, nor an instrument over its range",
    ]


def test_rules_name_kinds_in_both_languages() -> None:
    rules = fence_rules.load()
    for rule in (*rules.never_suppressed, *rules.raised):
        assert rule.kind
        assert rule.zh
        assert rule.en


def loop(size: float) -> Area:
    """A square of 0.1 degrees whose outline makes a loop of `size` degrees at a corner."""
    x, y, s = 108.0, 26.6, size
    return Area((((*SQUARE[:2], (x, y), (x - s, y + s), (x, y + s), (x - s, y), (107.9, y)),),))


def test_a_small_crossing_is_mended_and_told() -> None:
    f = fence(shape=loop(0.002))
    mended, text = repaired(f)
    assert mended.id == f.id
    assert "at 107.999" in text
    assert "mended, the area changed by 0." in text
    assert isinstance(mended.shape, Area)
    parts = [shapely.Polygon(p[0], p[1:]) for p in mended.shape.coordinates]
    assert shapely.MultiPolygon(parts).is_valid
    assert abs(sum(p.area for p in parts) / 0.01 - 1) < 0.01
    assert problems(mended) == []
    assert repaired(mended) == (mended, "")


@pytest.mark.parametrize(
    "shape",
    [
        loop(0.03),
        Area((((SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]),),)),  # a bow-tie: its halves cancel
        Area(((SQUARE,), (SQUARE,))),  # twice the same
    ],
)
def test_a_big_crossing_is_refused(shape: Area) -> None:
    with pytest.raises(FenceError, match=r"fence F-1: shape: its outline crosses or overlaps itself.*draw it again"):
        repaired(fence(shape=shape))


def test_neighbours_that_share_an_edge_become_one() -> None:
    east = tuple((x + 0.1, y) for x, y in SQUARE)
    mended, text = repaired(fence(shape=Area(((SQUARE,), (east,)))))
    assert text
    assert isinstance(mended.shape, Area)
    assert len(mended.shape.coordinates) == 1


def test_other_shapes_and_good_areas_are_left_alone() -> None:
    for shape in (GOOD.shape, Circle(107.9, 26.5, 5.0), UnitArea("522601")):
        f = fence(shape=shape)
        assert repaired(f) == (f, "")
