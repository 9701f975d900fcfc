"""`cityops bench chaos`: the same readings twice, calmly and under kill -9; nothing may differ but the time it took."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from streams.cli.benches.chaos_harm import Kills, Takeover
from streams.cli.benches.chaos_input import Load
from streams.cli.benches.chaos_outcome import Outcome
from streams.cli.benches.chaos_play import Scenario, calmly, play
from streams.cli.benches.figure import Figure, Say

WELLS, STEPS = 2_000, 2_600  # 5.2 million readings
QUICK_WELLS, QUICK_STEPS = 200, 600
KILLS, QUICK_KILLS = 60, 10
AWAY_S, QUICK_AWAY_S = 60.0, 8.0  # of the broker, once


def run(quick: bool, say: Say, kills: int | None = None) -> Iterator[Figure]:
    """Yield the `chaos.*` figures. Raises CityopsError when a part does not come to the end."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is what is asked for here
    load = Load(QUICK_WELLS, QUICK_STEPS) if quick else Load(WELLS, STEPS)
    n = kills or (QUICK_KILLS if quick else KILLS)
    harm = Kills(n, away_s=QUICK_AWAY_S if quick else AWAY_S)
    say(f"calmly: {load.wells * load.steps:,} readings…")
    calm = _play(load, calmly, 0.0)
    say(f"{calm.transitions} transitions; now {n} kills of packer, detect, alerts, api and broker…")
    harmed = _play(load, harm, harm.lasts_s)
    differing = harmed.differing(calm)
    detail = {
        "readings": load.wells * load.steps,
        "transitions": calm.transitions,
        "records": len(calm.log),
        "victims": dict(harmed.kills),
        "differing": differing[:10],
        "seconds": round(harmed.seconds),
    }
    yield Figure("chaos.kills", harmed.kills.total(), "kills", f">= {n}", n, detail)
    yield Figure("chaos.lost", harmed.lost(calm), "records", "<= 0", n)
    yield Figure("chaos.doubled", harmed.doubled(calm), "records", "<= 0", n)
    yield Figure("chaos.state_equal", float(not differing), "", ">= 1", n)
    say("taking over a killed worker's partitions…")
    took = _play(load, Takeover(times=2 if quick else 5), 40.0)
    worst = max(took.took["takeover"])
    yield Figure("chaos.takeover_s", worst, "s", "<= 15", len(took.took["takeover"]), {"all": took.took["takeover"]})


def _play(load: Load, scenario: Scenario, lasts_s: float) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="cityops-chaos-") as folder:
        return asyncio.run(play(Path(folder), load, scenario, lasts_s))
