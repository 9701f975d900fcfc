"""What today's detectors make of the scenarios: no worse than tests/bench/scenarios.toml, within its tolerance."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from simulators.scenario import library, load
from simulators.score import summary
from streams.cli.scenario import scored

CARD: dict[str, Any] = tomllib.loads(Path(__file__).with_name("scenarios.toml").read_text("utf-8"))
QUICK = ("night-burst", "gas-leak", "regulator-loss", "pipeline-leak", "rush-hour-crash", "gateway-down")
CHOSEN = tuple(library()) if os.environ.get("CITYOPS_SCENARIOS") == "all" else QUICK


def worse(got: dict[str, Any], kept: dict[str, Any]) -> list[str]:
    """What got worse, as text."""
    t, out = CARD["tolerance"], []
    if got["found"] < kept["found"]:
        out.append(f"found {got['found']}, was {kept['found']}")
    if got["false"] > kept["false"] + t["false"]:
        out.append(f"{got['false']} false alarms, was {kept['false']}")
    if kept["found"] and got["delay_s"] > kept["delay_s"] * t["delay_factor"] + t["delay_s"]:
        out.append(f"median delay {got['delay_s']} s, was {kept['delay_s']} s")
    return out


def figures(name: str) -> dict[str, Any]:
    made = summary(scored(load(library()[name])))
    found = made["incidents"] - len(made["missed"])
    return {"found": found, "false": made["false_alarms"], "delay_s": made["all"]["delay_s_median"]["value"] or 0.0}


@pytest.mark.parametrize("name", CHOSEN)
def test_no_scenario_gets_worse(name: str) -> None:
    assert worse(figures(name), CARD[name]) == []


def test_every_scenario_is_on_the_card() -> None:
    assert set(CARD) - {"tolerance"} == set(library())
    assert all(CARD[name]["incidents"] == len(load(path).incidents) for name, path in library().items())


def test_what_is_worse_is_named() -> None:
    kept = {"found": 2, "false": 0, "delay_s": 10.0}
    assert worse(kept, kept) == []
    assert len(worse({"found": 1, "false": 5, "delay_s": 90.0}, kept)) == 3
