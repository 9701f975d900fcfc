"""Each kind of harm once, small; `cityops bench chaos` is the long form. All are compared with one calm run."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from streams.cli.benches.chaos_harm import Kills, Stall, Takeover, rolling
from streams.cli.benches.chaos_input import Load
from streams.cli.benches.chaos_outcome import Outcome
from streams.cli.benches.chaos_play import Scenario, calmly, play

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
LOAD = Load(200, 300)
HARMS: dict[str, tuple[Scenario, float]] = {
    "kills": (Kills(10, pause=(0.5, 2.5)), 15.0),
    "stall": (Stall("alerts"), 20.0),
    "takeover": (Takeover(times=1), 20.0),
    "rolling": (rolling, 15.0),
}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return asyncio.run(play(tmp_path_factory.mktemp("calm"), LOAD, calmly))


@pytest.mark.parametrize("name", HARMS)
def test_nothing_is_lost_doubled_or_different(name: str, calm: Outcome, tmp_path: Path) -> None:
    scenario, lasts_s = HARMS[name]
    harmed = asyncio.run(play(tmp_path, LOAD, scenario, lasts_s))
    assert calm.transitions > 100
    assert (harmed.lost(calm), harmed.doubled(calm), harmed.differing(calm)) == (0, 0, [])
    assert harmed.kills.total() > 0
    assert max(harmed.took.get("takeover", [0.0])) <= 30.0


def test_the_comparison_sees_what_is_lost_doubled_or_different(calm: Outcome) -> None:
    worse = Outcome(dict(calm.log), 0, calm.results.copy(), dict(calm.state), list(calm.events))
    worse.projection = calm.projection
    assert (worse.lost(calm), worse.doubled(calm), worse.differing(calm)) == (0, 0, [])
    key, *_ = worse.log
    texts = worse.log.pop(key)
    assert worse.lost(calm) == 1
    worse.log[key] = [*texts, texts[0]]
    worse.events.append(worse.events[0])
    assert worse.doubled(calm) == 2
    name, *_ = worse.state
    worse.state[name] = "other"
    assert f"state {name}" in worse.differing(calm)
