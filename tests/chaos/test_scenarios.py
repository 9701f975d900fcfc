"""Each kind of harm once, small; `cityops bench chaos` is the long form. All are compared with one calm run."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from pathlib import Path

import pytest

from streams.broker import EmbeddedBroker
from streams.cli.benches import chaos_fuzz
from streams.cli.benches.chaos_disk import CannotMountError, FullDisk, small_disk
from streams.cli.benches.chaos_harm import Kills, NodesLost, Scenario, Stall, Takeover, calmly, rolling
from streams.cli.benches.chaos_input import Load
from streams.cli.benches.chaos_outcome import Outcome
from streams.cli.benches.chaos_play import play
from streams.cli.benches.chaos_poison import Poison
from streams.errors import CityopsError

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
LOAD = Load(200, 300)
HARMS: dict[str, tuple[Scenario, float]] = {
    "kills": (Kills(10, pause=(0.5, 2.5)), 15.0),
    "stall": (Stall("alerts"), 20.0),
    "takeover": (Takeover(times=1), 20.0),
    "rolling": (rolling, 15.0),
    "poison": (Poison(), 8.0),
    "node": (NodesLost(1, away_s=8.0), 20.0),
}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return asyncio.run(play(tmp_path_factory.mktemp("calm"), LOAD, calmly))


def same(harmed: Outcome, calm: Outcome) -> None:
    assert calm.transitions > 100
    assert (harmed.lost(calm), harmed.doubled(calm), harmed.differing(calm)) == (0, 0, [])


@pytest.mark.parametrize("name", HARMS)
def test_nothing_is_lost_doubled_or_different(name: str, calm: Outcome, tmp_path: Path) -> None:
    scenario, lasts_s = HARMS[name]
    harmed = asyncio.run(play(tmp_path, LOAD, scenario, lasts_s, nodes=3 if name == "node" else 1))
    same(harmed, calm)
    assert harmed.kills.total() > 0
    assert max(harmed.took.get("takeover", [0.0])) <= 30.0


def test_a_full_disk_of_the_broker_costs_nothing_that_was_acknowledged(calm: Outcome, tmp_path: Path) -> None:
    full = FullDisk(tmp_path / "disk", seconds=5.0)
    try:
        with small_disk(full.disk):
            harmed = asyncio.run(play(tmp_path, LOAD, full, 15.0, broker=EmbeddedBroker(full.disk / "broker")))
    except CannotMountError as error:
        pytest.skip(str(error))
    same(harmed, calm)
    assert harmed.accepted
    assert harmed.kills.total() == 1


def test_fuzzed_messages_are_all_accounted_for() -> None:
    fuzzed, lost = chaos_fuzz.run(True, print)
    assert (fuzzed.value, lost.value) == (20_000, 0)
    assert fuzzed.detail["rows_accepted"] > 10_000
    assert fuzzed.detail["messages_with_rejects"] > 2_000


def test_the_count_of_fuzzed_messages_sees_what_is_lost_or_made_up() -> None:
    rows, accepted, rejected = [2, 0, 3], Counter({0: 2, 2: 1}), {1: [], 2: [0, 2]}
    assert chaos_fuzz.check(rows, accepted, rejected) == []
    assert chaos_fuzz.check(rows, Counter({0: 2, 2: 1}), {2: [0, 2]}) == [1]
    assert chaos_fuzz.check(rows, Counter({0: 1, 2: 1}), rejected) == [0]
    with pytest.raises(CityopsError, match="message 0 had 2 rows, 4 were told of"):
        chaos_fuzz.check(rows, accepted, {**rejected, 0: []})
    with pytest.raises(CityopsError, match="nobody sent"):
        chaos_fuzz.check(rows, accepted + Counter({7: 1}), rejected)


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
