"""Quality of the detectors: figures of the quick benchmark may not pass the bounds in detect_baselines.toml."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from streams.cli.benches.detect import STAGES
from streams.cli.benches.stages import PACKAGE, DataMissing

BASELINES: dict[str, dict[str, dict[str, float]]] = tomllib.loads(
    Path(__file__).with_name("detect_baselines.toml").read_text("utf-8")
)
pytestmark = pytest.mark.timeout(240)


def passed(got: Mapping[str, float], bounds: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Figures beyond their bounds, as text."""
    out = []
    for name, base in bounds.items():
        value = got.get(name, float("nan"))
        if not base.get("least", float("-inf")) <= value <= base.get("most", float("inf")):
            bound = " ".join(f"{key} {base[key]:g}" for key in ("least", "most") if key in base)
            out.append(f"{name}: {value:.3f}, {bound} (was {base['value']:g})")
    return out


@pytest.mark.parametrize("stage", BASELINES)
def test_no_figure_regresses(stage: str) -> None:
    module = importlib.import_module(f"{PACKAGE}.detect_{stage}")
    try:
        got = {f.name: f.value for f in module.run(True, print)}
    except DataMissing as error:
        pytest.skip(str(error))
    assert passed(got, BASELINES[stage]) == []


def test_baselines_are_of_stages_and_have_bounds() -> None:
    assert set(BASELINES) <= set(STAGES)
    for stage in BASELINES.values():
        for name, base in stage.items():
            assert name.startswith("detect.")
            assert set(base) > {"value"}
            assert passed({name: base["value"]}, {name: base}) == []


def test_a_figure_beyond_its_bound_is_named() -> None:
    bounds = {"detect.a": {"value": 0.9, "least": 0.8}, "detect.b": {"value": 1.0, "most": 2.0}}
    assert passed({"detect.a": 0.9, "detect.b": 1.0}, bounds) == []
    assert passed({"detect.a": 0.7, "detect.b": 1.0}, bounds) == ["detect.a: 0.700, least 0.8 (was 0.9)"]
    assert len(passed({"detect.a": float("nan"), "detect.b": 3.0}, bounds)) == 2
