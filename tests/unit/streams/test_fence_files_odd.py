"""Files of fences that other programs wrote: a fence, or one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detectors.catalog import ProfileError, parse
from streams.cli.fence_files import read
from streams.errors import UsageError
from streams.fence_plan import plan

POINT = {"type": "Point", "coordinates": [107.98, 26.58]}


def feature(**properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"id": "F1", "kind": "school", "radius_m": 100, **properties},
            "geometry": POINT}  # fmt: skip


def written(folder: Path, value: Any) -> Path:
    path = folder / "fences.geojson"
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


def test_a_name_of_the_drawing_programs_own_gives_way(tmp_path: Path) -> None:
    ((_, fence),), problems = read(written(tmp_path, feature(name="layer 1", name_zh="一中")))
    assert (fence.name_zh, problems) == ("一中", [])


def test_a_crs_of_an_odd_form_says_nothing(tmp_path: Path) -> None:
    odd = {"type": "FeatureCollection", "crs": {"properties": ["x"]}, "features": [feature(name_zh="一中")]}
    assert len(read(written(tmp_path, odd))[0]) == 1


def test_lists_without_end_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too deep"):
        read(written(tmp_path, "[" * 100_000))
    with pytest.raises(ProfileError, match="too deep"):
        parse("water", "a = " + "[" * 5_000, Path("water.toml"))


def test_half_a_character_is_told(tmp_path: Path) -> None:
    fences, _ = read(written(tmp_path, feature(name_zh="一\ud800")))
    assert [p.field for p in plan(fences, {}, "", 0).problems] == ["name_zh"]
