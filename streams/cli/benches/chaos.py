"""The chaos benchmark: kill -9, stalls and takeovers over a deterministic load; what comes out is compared.

Each run begins with an empty broker of its own. See docs/chaos.md.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

from streams.broker import EmbeddedBroker
from streams.cli.benches import chaos_fuzz
from streams.cli.benches.chaos_disk import CannotMountError, FullDisk, small_disk
from streams.cli.benches.chaos_harm import Kills, NodesLost, Scenario, Stall, Takeover, calmly, rolling, then
from streams.cli.benches.chaos_input import Load
from streams.cli.benches.chaos_outcome import Outcome
from streams.cli.benches.chaos_play import play
from streams.cli.benches.chaos_poison import Poison
from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError

QUICK, FULL = Load(200, 600), Load(2_000, 2_600)
QUICK_KILLS, FULL_KILLS = 10, 200
LEAST_TRANSITIONS = 2_000  # of the full load: fewer would prove little


def run(quick: bool, say: Say, kills: int | None = None) -> Iterator[Figure]:
    """Yield the `chaos.*` figures. Raises CityopsError when a run does not come to its end."""
    load = QUICK if quick else FULL
    n = kills or (QUICK_KILLS if quick else FULL_KILLS)
    calm = _one(say, "an uninterrupted run", load, calmly, 0.0)
    if calm.doubled(calm) or (not quick and calm.transitions < LEAST_TRANSITIONS):
        raise CityopsError(f"the uninterrupted run gave {calm.transitions} transitions, {calm.doubled(calm)} doubled")
    killing = Kills(n, away_s=8.0 if quick else 60.0)
    wild = [_one(say, f"{n} times kill -9", load, killing, killing.lasts_s)]
    workers: Scenario = then(Stall(), Takeover(times=1 if quick else 5), rolling)
    if not quick:
        workers = then(workers, Stall("alerts"), Takeover("alerts"), Stall("packer"), Takeover("packer"))
    wild.append(_one(say, "stalls, takeovers, rolling restart", load, workers, 45.0 if quick else 240.0))
    if not quick:
        wild.append(_one(say, "three brokers, one lost at a time", load, NodesLost(4), 80.0, nodes=3))
    wild.append(_one(say, "poison in every topic", load, Poison(), 10.0))
    took = [s for out in wild for s in out.took.get("takeover", ())]
    differing = [name for out in wild for name in out.differing(calm)]
    detail = {
        "readings": load.wells * load.steps,
        "transitions": calm.transitions,
        "records": len(calm.log),
        "victims": dict(sum((out.kills for out in wild), start=type(wild[0].kills)())),
        "seconds": round(sum(out.seconds for out in wild)),
        "http_accepted": sum(len(out.accepted) for out in wild),
    }
    yield Figure("chaos.kills", sum(wild[0].kills.values()), "kills", f">= {n}", 1, detail)
    yield Figure("chaos.lost", sum(out.lost(calm) for out in wild), "records", "<= 0", len(wild))
    yield Figure("chaos.doubled", sum(out.doubled(calm) for out in wild), "records", "<= 0", len(wild))
    yield Figure(
        "chaos.state_equal", float(not differing), "", ">= 1", len(calm.state) + len(calm.projection),
        {"differing": differing[:20]},
    )  # fmt: skip
    yield Figure("chaos.takeover_s", max(took), "s", "<= 15", len(took), {"each": [round(s, 1) for s in took]})
    yield from _full_disk(say)
    yield from chaos_fuzz.run(quick, say)


def _full_disk(say: Say) -> Iterator[Figure]:
    """A smaller load, because the disk is a small one; skipped, and said, where none can be mounted."""
    with tempfile.TemporaryDirectory(prefix="cityops-disk-", ignore_cleanup_errors=True) as folder:
        try:
            with small_disk(Path(folder) / "disk") as disk:
                calm = _one(say, "an uninterrupted run", QUICK, calmly, 0.0)
                say("the broker's disk is full…")
                full = FullDisk(disk)
                out = asyncio.run(play(Path(folder), QUICK, full, 25.0, broker=EmbeddedBroker(disk / "broker")))
        except CannotMountError as error:
            say(f"the run with a full disk is skipped: {error}")
            return
    wrong = out.lost(calm) + out.doubled(calm) + len(out.differing(calm))
    yield Figure("chaos.full_disk_wrong", wrong, "records", "<= 0", 1, {"answers_while_full": dict(full.while_full)})


def _one(say: Say, what: str, load: Load, scenario: Scenario, lasts_s: float, nodes: int = 1) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="cityops-chaos-", ignore_cleanup_errors=True) as folder:
        say(f"{what}: {load.wells * load.steps:,} readings…")
        out = asyncio.run(play(Path(folder), load, scenario, lasts_s, nodes))
    say(f"{what}: {len(out.log)} records after {out.seconds:.0f} s")
    return out
