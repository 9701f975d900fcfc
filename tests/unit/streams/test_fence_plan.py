"""Writing fences: versions, all or none, removal."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from geo.fences import Area, Circle, Fence
from streams.fence_plan import BadFence, plan, removal

NOW = 1_764_547_200_000


def fence(id_: str = "S-1", **more: Any) -> Fence:
    base: dict[str, Any] = {"name_zh": "一中", "kind": "school", "shape": Circle(107.98, 26.58, 120.0), "version": 0}
    return Fence(id=id_, **{**base, **more})


def test_a_new_fence_has_version_1_and_its_maker() -> None:
    got = plan([("", fence())], {}, "li", NOW)
    assert got.problems == []
    assert got.added == [fence(version=1, by="li", at_ms=NOW)]


def test_a_change_counts_on_and_an_equal_one_is_no_change() -> None:
    old = fence(version=4, by="li", at_ms=1)
    got = plan([("", fence(version=4, people=900))], {"S-1": old}, "wu", NOW)
    assert got.changed == [replace(old, people=900, version=5, by="wu", at_ms=NOW)]
    for seen in (4, 0):
        same = plan([("", fence(version=seen))], {"S-1": old}, "wu", NOW)
        assert (same.fences, same.unchanged, same.problems) == ([], 1, [])


def test_a_stale_version_is_refused_unless_forced() -> None:
    old = {"S-1": fence(version=4)}
    (bad,) = plan([("", fence(version=3, people=1))], old, "wu", NOW).problems
    assert str(bad) == "fence S-1: version: is 4 by now, you saw 3: look at it again, or overwrite it"
    assert plan([("", fence(version=3, people=1))], old, "wu", NOW, force=True).changed[0].version == 5
    (gone,) = plan([("", fence(version=3))], {}, "wu", NOW).problems
    assert "there is no such fence" in gone.reason


def test_one_bad_fence_is_named_with_its_place() -> None:
    got = plan([("f.json, item 1", fence()), ("f.json, item 2", fence("S-2", kind="zoo", people=-1))], {}, "li", NOW)
    assert [(p.where, p.fence, p.field) for p in got.problems] == [
        ("f.json, item 2", "S-2", "kind"),
        ("f.json, item 2", "S-2", "people"),
    ]


def test_the_same_id_twice_in_a_file() -> None:
    (bad,) = plan([("line 1", fence()), ("line 9", fence())], {}, "li", NOW).problems
    assert str(bad) == "line 9: fence S-1: id: is also at line 1"


def test_a_crossing_outline_is_mended_and_told() -> None:
    ring = ((107.9, 26.5), (108.0, 26.5), (108.0, 26.6), (107.9, 26.6), (107.9, 26.5))
    spike = (*ring[:2], (108.0001, 26.55), (107.9999, 26.55), *ring[2:])
    got = plan([("line 1", fence(shape=Area(((spike,),))))], {}, "li", NOW)
    assert got.problems == []


def test_removal_counts_on_and_a_removed_fence_can_be_made_again() -> None:
    old = fence(version=4)
    gone = removal("S-1", 4, {"S-1": old}, "li", NOW)
    assert gone == replace(old, version=5, removed=True, by="li", at_ms=NOW)
    assert isinstance(gone, Fence)
    assert plan([("", fence())], {"S-1": gone}, "li", NOW).added[0].version == 6
    for version, known, field in ((3, {"S-1": old}, "version"), (None, {}, "id"), (None, {"S-1": gone}, "id")):
        bad = removal("S-1", version, known, "li", NOW)
        assert isinstance(bad, BadFence)
        assert bad.field == field
