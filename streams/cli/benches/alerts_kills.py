"""Kill -9 of the alerts worker during a storm with commands: each alert's events are those of an uninterrupted run.

The run has the recording's clock, so that deadlines fire at the same event times. An officer's command is sent when the
alert's newest version is seen on the log, through a real API, and again with the same Idempotency-Key while no answer
comes. In which second of the recording a command arrives differs from run to run: stamps of commands, and clocks that
start with one, are left out; everything else is compared record by record.
"""

from __future__ import annotations

import contextlib
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from streams.cli.benches.alerts_ask import Asker
from streams.cli.benches.alerts_bed import Api, Minded, api, load_average, sending, tell_duty
from streams.cli.benches.alerts_feed import Feed, Seen
from streams.cli.benches.alerts_load import detection, facts, message
from streams.cli.benches.alerts_log import Faults, log_of, settled
from streams.cli.benches.bed import kafka, wait_for
from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError
from streams.kafka import create_topics
from streams.settings import Settings

RUN = "killed"
T0 = 1_763_884_800_000  # the recording begins, epoch ms
KILLS, QUICK_KILLS = 30, 5
ASSETS, QUICK_ASSETS = 3_200, 640
STORM_S = 50.0  # of the recording: before the first deadline of severity I
LATER_S = (70, 200, 320, 1_000, 3_000)  # further detections move the clock past the deadlines
ORDER: tuple[tuple[str, dict[str, str]], ...] = (
    ("ack", {}),
    ("assess", {"verdict": "real"}),
    ("dispatch", {"team": "抢修一队"}),
    ("on_site", {}),
)
DESKS = 3
PARTS = 4
STAMPS = frozenset({"at", "changed", "expires", "due", "next", "deadline"})


@dataclass
class Told:
    """What a run left: the events of each alert, faults of the whole log, how it went."""

    events: dict[str, list[Any]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    kills: int = 0
    again: int = 0
    seconds: float = 0.0

    def differing(self, calm: Told) -> list[str]:
        """Alerts whose events are not equal."""
        names = self.events.keys() | calm.events.keys()
        return sorted(name for name in names if self.events.get(name) != calm.events.get(name))


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `alerts.kill_log_equal`. Raises CityopsError when a run does not come to its end."""
    assets, kills = (QUICK_ASSETS, QUICK_KILLS) if quick else (ASSETS, KILLS)
    with (
        tempfile.TemporaryDirectory(prefix="cityops-bench-", ignore_cleanup_errors=True) as folder,
        kafka(Path(folder), say) as base,
    ):
        calm = play(base, "calm", assets, 0, say)
        killed = play(base, "killed", assets, kills, say)
    yield figure(calm, killed)


def figure(calm: Told, killed: Told) -> Figure:
    """1 where each alert has the same events, no twin and no notice twice."""
    differing = killed.differing(calm)
    twins = killed.faults.twins + killed.faults.doubled + killed.faults.told_twice
    detail = {
        "kills": killed.kills, "alerts": len(calm.events), "records": calm.faults.records, "twins": twins,
        "notices": calm.faults.notices, "sent_again": killed.again, "differing": differing[:10],
        "seconds": [round(calm.seconds), round(killed.seconds)], "load": load_average(),
    }  # fmt: skip
    equal = float(not differing and not twins)
    return Figure("alerts.kill_log_equal", equal, "", ">= 1", len(calm.events), detail)


def play(base: Settings, name: str, assets: int, kills: int, say: Say, working: int = 2) -> Told:
    """One run on its own topics: a storm, commands on what is grave, then deadlines that pass; kills all the while.

    `working`: of three kills so many meet a worker that works, the others one that is starting.
    """
    told, began = Told(), time.monotonic()
    settings = base.replace(prefix=f"run.{name}.", data=str(Path(base.data) / name))
    Path(settings.data).mkdir()
    create_topics(settings)
    tell_duty(settings)
    worker = Minded(settings)
    try:
        with api(settings) as server, Feed(server) as feed:
            say(f"{assets:,} assets, {kills} kills…")
            _play(Play(settings, assets, kills, told, worker, server, feed, working))
    finally:
        worker.stop()
    for alert, transition, _ in log_of(settings):
        told.faults.look(alert, transition)
        told.events.setdefault(alert["id"], []).append(bare({"alert": alert, "transition": transition}))
    told.seconds = time.monotonic() - began
    return told


@dataclass
class Play:
    """What a run has at hand."""

    settings: Settings
    assets: int
    kills: int
    told: Told
    worker: Minded
    server: Api
    feed: Feed
    working: int

    def send(self, which: range, at_ms: Callable[[int], int], state: str) -> None:
        with sending(self.settings) as producer:
            for k in which:
                producer.send(**message(self.settings, detection(k, at_ms(k), state, RUN)))

    def storm(self, part: int) -> None:
        size = -(-self.assets // PARTS)
        which = range(part * size, min((part + 1) * size, self.assets))
        self.send(which, lambda k: T0 + int(k / self.assets * STORM_S * 1000), "raise")

    def later(self, part: int) -> None:
        """A fifth of the assets speak again, and the clock moves past deadlines."""
        when = T0 + LATER_S[part] * 1000
        which = range(part, self.assets, len(LATER_S))
        self.send(which, lambda k: when + k, "clear" if part % 2 else "update")

    def grave(self) -> list[Seen]:
        """Newest events of alerts of severity I and II, once all are seen."""
        wanted = {detection(k, T0).asset for k in range(self.assets) if facts(k)[0] in ("I", "II")}
        wait_for("every grave alert", lambda: wanted <= {e.asset for e in self.feed.events}, 300, 0.2)
        newest = {e.asset: e for e in self.feed.events if e.asset in wanted}
        return [newest[name] for name in sorted(newest)]

    def kill(self) -> None:
        """At seeded moments after the worker was ready, or while it starts."""
        rnd = random.Random(7)
        while self.told.kills < self.kills:
            worker = self.worker.worker
            if self.told.kills % 3 < self.working:
                with contextlib.suppress(CityopsError):
                    worker.ready()
                time.sleep(rnd.uniform(0.0, 1.5))
            else:
                time.sleep(rnd.uniform(0.2, 2.5))
            if worker is self.worker.worker and worker.process.poll() is None:
                self.worker.kill()
                self.told.kills += 1
            wait_for("the worker's start", lambda old=worker: self.worker.worker is not old, 60)


def _play(run: Play) -> None:
    """Part after part; each waits for its share of the kills, so that they meet all of them."""
    killing = threading.Thread(target=run.kill, name="killing", daemon=True)
    if run.kills:
        killing.start()
    parts: list[Callable[[], None]] = [partial(run.storm, part) for part in range(PARTS)]
    parts += [partial(_commands, run, part) for part in range(PARTS)]
    parts += [partial(run.later, part) for part in range(len(LATER_S))]
    for n, part in enumerate(parts):
        share = run.kills * n // len(parts)
        wait_for(f"{share} kills", lambda share=share: run.told.kills >= share, 600)
        part()
    if run.kills:
        killing.join(600)
    settled(run.settings)


def _commands(run: Play, part: int) -> None:
    """Every second grave alert is handled a part of the way, by several desks; each desk has alerts of its own."""
    chosen = run.grave()[::2][part::PARTS]
    again: list[int] = []
    faults: list[str] = []

    def desk(mine: int) -> None:
        with Asker(run.server, "commander") as asker:
            for e in chosen[mine::DESKS]:
                version = e.version
                for name, params in ORDER[: 1 + int(e.alert[-1], 16) % len(ORDER)]:
                    status, said = asker.command(e.alert, name, version, params)
                    if status != 200:
                        faults.append(f"{name} of {e.alert}: {status} {said.get('detail', '')}")
                        return
                    version = said["version"]
            again.append(asker.again)

    desks = [threading.Thread(target=desk, args=(n,)) for n in range(DESKS)]
    for one in desks:
        one.start()
    for one in desks:
        one.join()
    if faults or len(again) < DESKS:
        raise CityopsError("; ".join(faults) or "a desk ended early")
    run.told.again += sum(again)


def bare(value: Any) -> Any:
    """A record without stamps that depend on when a command arrived."""
    if isinstance(value, dict):
        return {k: bare(v) for k, v in value.items() if k not in STAMPS}
    return [bare(v) for v in value] if isinstance(value, list) else value
