"""Fences as JSON and GeoJSON: there and back, and one sentence for what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from geo.fence_wire import feature, from_feature, parse, public
from geo.fences import Area, Circle, Corridor, Effect, Fence, FenceError, Once, Tell, UnitArea, Weekly

SQUARE = ((((107.9, 26.5), (108.0, 26.5), (108.0, 26.6), (107.9, 26.5)),),)
SHAPES = [
    Area(SQUARE),
    Circle(107.98, 26.58, 120.0),
    Corridor(((107.9, 26.5), (108.0, 26.6)), 30.0),
    UnitArea("522601"),
]


def fence(**more: Any) -> Fence:
    base: dict[str, Any] = {"id": "W-1", "name_zh": "北京西路开挖", "kind": "works", "shape": SHAPES[1]}
    return Fence(**{**base, **more})


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: type(s).__name__)
def test_what_is_shown_can_be_written_again(shape: Any) -> None:
    whole = fence(
        shape=shape, name_en="works",
        active=(Weekly((1, 5), "07:00", "19:00"), Once(1_764_547_200_000, 1_764_550_800_000)),
        from_ms=1_764_547_200_123, until_ms=1_767_225_600_000,
        effect=Effect(severity=1, suppress=("pressure_transient",), params={"gas.methane": {"limits.high_1": 5.0}},
                      tell=(Tell("officer", unit="522601"),)),
        people=40, moving=True, dwell_s=60.0, note="…", version=3,
    )  # fmt: skip
    assert parse(public(whole)) == whole
    assert from_feature(feature(whole, [])) == whole


def test_times_are_rfc_3339() -> None:
    got = public(fence(until_ms=1_767_225_600_000))
    assert (got["from"], got["until"]) == (None, "2026-01-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("geometry", "more", "shape"),
    [
        ({"type": "Polygon", "coordinates": [list(map(list, SQUARE[0][0]))]}, {}, SHAPES[0]),
        ({"type": "Point", "coordinates": [107.98, 26.58]}, {"radius_m": 120}, SHAPES[1]),
        ({"type": "LineString", "coordinates": [[107.9, 26.5], [108.0, 26.6]]}, {"width_m": 30}, SHAPES[2]),
        (None, {"unit": "522601"}, SHAPES[3]),
        ({"type": "Point", "coordinates": [107.98, 26.58, 812.5]}, {"radius_m": 120}, SHAPES[1]),
    ],
)
def test_drawn_features(geometry: Any, more: dict[str, Any], shape: Any) -> None:
    properties = {"name_zh": "北京西路开挖", "kind": "works", "until": "2026-01-01T08:00:00+08:00", **more}
    plain = {"type": "Feature", "id": "W-1", "geometry": geometry, "properties": properties}
    assert from_feature(plain) == fence(shape=shape, until_ms=1_767_225_600_000, version=0)


@pytest.mark.parametrize(
    ("plain", "says"),
    [
        ([], "fence ?: expected object, got array"),
        ({"id": "a", "name": {"zh": "x"}, "kind": "works"}, "fence a: object missing required field shape"),
        ({"id": "a", "name": {"zh": "x"}, "kind": "works", "shape": {"type": "oval"}}, "a: shape.type: invalid value"),
        ({"id": "a", "name": {"zh": "x"}, "kind": 5, "shape": {}}, "fence a: kind: expected str, got int"),
        ({**public(fence()), "colour": "red"}, "fence W-1: object contains unknown field colour"),
        ({**public(fence()), "until": "2026-01-01T08:00:00"}, "fence W-1: until: a time needs its zone"),
        ({**public(fence()), "active": [{}]}, "fence W-1: active[0]: want either days"),
        ({**public(fence()), "active": [{"days": [1], "from": "2026-01-01T08:00:00Z"}]}, "active[0]: want either days"),
    ],
)  # fmt: skip
def test_bad_json_is_one_sentence(plain: Any, says: str) -> None:
    with pytest.raises(FenceError) as caught:
        parse(plain)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("geometry", "says"),
    [
        ({"type": "Point", "coordinates": [1, 2]}, "geometry Point: want property radius_m (metres)"),
        ({"type": "LineString", "coordinates": [[1, 2]]}, "geometry LineString: want property width_m (metres)"),
        (None, "want a polygon, a point with radius_m"),
    ],
)
def test_a_geometry_without_its_size_says_what_is_wanted(geometry: Any, says: str) -> None:
    with pytest.raises(FenceError) as caught:
        from_feature(
            {"type": "Feature", "id": "a", "geometry": geometry, "properties": {"name_zh": "x", "kind": "works"}}
        )
    assert says in str(caught.value)
