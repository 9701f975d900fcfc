"""Alerts on the real recordings stay as good as docs/detection.md says; skipped where the recordings are absent."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from detectors.params import PARAMS

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("CITYOPS_TEST_DATA", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not (DATA / "recordings").is_dir(), reason=f"no recordings in {DATA} (CITYOPS_TEST_DATA)"
)


@pytest.fixture(scope="module")
def plots() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_plots", ROOT / "docs" / "make_plots.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_plots"] = module
    spec.loader.exec_module(module)
    return module


@needs_data
def test_water_quality(plots: ModuleType) -> None:
    rec = plots.water(DATA)
    got = plots.measure(rec, plots.run(rec, bands=False).hazards)
    assert got["events"] == 51
    assert got["found"] >= 36
    assert got["false_runs"] / got["weeks"] <= 1.3


@needs_data
def test_road_loops(plots: ModuleType) -> None:
    speed = plots.traffic(DATA, "traffic_speed_7578.csv", "speed", 600.0, 1.609344)
    got = plots.measure(speed, plots.run(speed, bands=False).hazards)
    assert got["found"] >= 3
    assert got["false_runs"] <= 1
    occupancy = plots.traffic(DATA, "traffic_occupancy_6005.csv", "occupancy", 300.0, 1.0)
    assert plots.measure(occupancy, plots.run(occupancy, bands=False).hazards)["false_runs"] <= 1


def test_every_parameter_is_documented() -> None:
    text = (ROOT / "docs" / "detection.md").read_text(encoding="utf-8")
    assert [p.name for p in PARAMS if f"| `{p.name}` |" not in text] == []
