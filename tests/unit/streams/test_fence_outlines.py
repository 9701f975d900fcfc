"""Look-ups of single places agree with the book that the detectors use."""

from __future__ import annotations

import numpy as np

from geo.demo_fences import demo_fences
from geo.fence_book import FenceBook
from geo.fences import Fence, UnitArea
from geo.unit_rings import unit_rings
from streams.fence_shapes import Outlines, unit_of, verdict


def test_outlines_and_the_book_say_the_same() -> None:
    fences = [*demo_fences(), Fence(id="U-1", name_zh="凯里", kind="custom", shape=UnitArea("522601"))]
    book = FenceBook(unit_rings=unit_rings)
    for fence in fences:
        book.put(fence)
    outlines, rng, held = Outlines(fences), np.random.default_rng(1), 0
    near = [f.shape for f in fences if hasattr(f.shape, "radius_m")]
    for shape in near * 5:
        lon, lat = shape.lon + rng.normal(0, 0.003), shape.lat + rng.normal(0, 0.003)
        assert outlines.at(lon, lat) == book.at(lon, lat)
        held += len(book.at(lon, lat))
    assert held > 50


def test_a_unit_without_polygon_and_removed_fences_hold_nothing() -> None:
    odd = Fence(id="A", name_zh="x", kind="custom", shape=UnitArea("522699"))
    gone = Fence(id="B", name_zh="x", kind="custom", shape=UnitArea("522601"), removed=True)
    assert Outlines([odd, gone]).at(107.98, 26.58) == []
    assert Outlines([]).at(107.98, 26.58) == []
    assert (unit_of(odd), unit_of(gone)) == ("522699", "522601")


def test_the_verdict_says_what_would_be_done() -> None:
    quiet = Fence(id="B", name_zh="x", kind="custom", shape=UnitArea("522601"), people=5)
    got = verdict(Outlines([quiet]), 107.98, 26.58, "pressure_low", "III", False, 0)
    assert (got["suppressed"], got["severity"], got["people"], got["fences"][0]["active"]) == (False, "III", 5, True)
