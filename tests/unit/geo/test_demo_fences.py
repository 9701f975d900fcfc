"""The demo's fences: usable, repeatable, in their counties, marked."""

from __future__ import annotations

from collections import Counter

import numpy as np

from detectors import equipment, gas, pipeline, traffic, water
from detectors.catalog import Catalog
from geo.boundaries import Boundaries
from geo.demo_fences import START_MS, demo_fences
from geo.effects import active
from geo.fence_book import FenceBook
from geo.fence_checks import problems
from geo.fence_shapes import area_m2, centre, rings
from geo.fence_times import DAY_MS
from geo.fences import decode, encode

ALERTS = {kind.kind for part in (equipment, gas, pipeline, traffic, water) for kind in part.KINDS}


def no_units(code: str) -> list[list[np.ndarray]]:
    raise KeyError(code)


def test_every_demo_fence_is_usable_and_in_its_county() -> None:
    fences = demo_fences()
    assert Counter(fence.kind for fence in fences) == {
        "hospital": 16, "school": 16, "market": 8, "works": 8, "water_source": 4, "flood_plain": 4, "hazard_zone": 4
    }  # fmt: skip
    assert [fence.id for fence in fences] == sorted({fence.id for fence in fences})
    profiles = set(Catalog.default().profiles)
    for fence in fences:
        assert problems(fence, kinds=ALERTS, profiles=profiles) == []
        assert fence.demo
        assert "演示" in fence.name_zh
        polygons = rings(fence.shape, no_units)
        assert 1_000 < area_m2(polygons) < 5e6
        assert Boundaries.load().county_of(*centre(polygons)) == fence.id.split("-")[1]
        assert decode(encode(fence)) == fence


def test_the_same_seed_and_time_give_the_same_fences() -> None:
    assert demo_fences() == demo_fences()
    assert demo_fences(7) != demo_fences()
    later = START_MS + 400 * DAY_MS
    works = [fence for fence in demo_fences(now_ms=later) if fence.kind == "works"]
    assert all(fence.until_ms and fence.until_ms > later for fence in works)
    assert not any(active(fence, fence.until_ms or 0) for fence in works)


def test_each_is_found_at_its_middle() -> None:
    book = FenceBook(unit_rings=no_units)
    fences = demo_fences()
    assert book.put_all(fences) == 60
    circles = [fence for fence in fences if hasattr(fence.shape, "radius_m")]
    for fence in circles:
        assert fence in book.at(fence.shape.lon, fence.shape.lat)  # type: ignore[union-attr]
