"""A drill through the real pipe: its own run, a real alerts worker, messages on real topics, records read back.

The run has the event clock: detections and ticks carry the drill's own times, so a night passes in seconds.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from simulators.pacing import Pacer
from simulators.replay import READY_S, check_alive, refuse_existing, run_settings
from streams import topics
from streams.closing import quietly
from streams.drills.play import Act, Answer, Refused, acts, tick
from streams.drills.scene import Scene
from streams.errors import CityopsError
from streams.folders import data_folder
from streams.kafka import aiokafka_kwargs, create_topics, delete_topics, unreachable
from streams.settings import Settings
from streams.supervisor import Child, Stopped, Supervisor

ANSWER_S = 30.0
TICK_S = 0.5  # of wall time, while a paced drill waits

Show = Callable[[dict[str, Any]], None]


def drill_id(scene: str, now: float) -> str:
    """`drill-burst-20260102T030405`."""
    return f"drill-{scene}-" + dt.datetime.fromtimestamp(now, dt.UTC).strftime("%Y%m%dT%H%M%S")


def drill_settings(settings: Settings, run: str) -> Settings:
    """The settings of a drill's run: exercise mode. Raises UsageError for a bad name."""
    return run_settings(settings, run).replace(mode="exercise")


class Drill:
    """Writes acts and reads what came of them, from one partition of `alerts` and the results."""

    def __init__(self, settings: Settings, scene: Scene, alive: Callable[[], None], show: Show) -> None:
        self.settings, self.scene = settings, scene
        self.records: list[dict[str, Any]] = []
        self._alive, self._show = alive, show
        self._partition = topics.county_partition(scene.county, settings.partitions)
        self._alerts = TopicPartition(settings.prefix + topics.ALERTS, self._partition)
        self._results = TopicPartition(settings.prefix + topics.RESULTS, 0)
        self._found: dict[str, dict[str, Any]] = {}  # results by id of their command

    async def play(self, speed: float) -> Refused:
        """All acts; returns what was refused. `speed` 0: as fast as it goes. Raises CityopsError."""
        self._producer = AIOKafkaProducer(acks="all", linger_ms=0, **aiokafka_kwargs(self.settings))
        self._consumer = AIOKafkaConsumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=20,
            **aiokafka_kwargs(self.settings),
        )
        try:
            await self._producer.start()
            await self._consumer.start()
            self._consumer.assign([self._alerts, self._results])
            return await self._acts(Pacer(self.scene.start_ms, speed))
        except (KafkaError, OSError) as error:
            raise unreachable(self.settings, error) from None
        finally:
            await quietly(self._producer.stop(), "closing the drill's producer")
            await quietly(self._consumer.stop(), "closing the drill's reader")

    async def _acts(self, pacer: Pacer) -> Refused:
        script = acts(self.scene, self.settings.run)
        act = next(script)
        while True:
            await self._pass_time(pacer, act.at_ms)
            answer = await self._do(act)
            try:
                act = script.send(answer)
            except StopIteration as end:
                refused: Refused = end.value
                return refused

    async def _pass_time(self, pacer: Pacer, until_ms: int) -> None:
        """A paced drill tells the time while it waits, so that deadlines fire when a watcher expects them."""
        step_ms = int(TICK_S * 1000 * pacer.speed)
        at_ms = pacer.event0_ms + int((pacer.clock() - pacer.wall0) * 1000 * pacer.speed)
        while step_ms and self.records and (at_ms := at_ms + step_ms) < until_ms:
            await pacer.until(at_ms)
            self._alive()
            await self._send(topics.COMMANDS, None, msgspec.json.encode(tick(self.scene.county, at_ms)))
            await self._read(0)
        await pacer.until(until_ms)

    async def _do(self, act: Act) -> Answer:
        before = len(self.records)
        for key, value in act.messages:
            await self._send(act.topic, key, value)
        deadline = time.monotonic() + ANSWER_S
        while not self._answered(act, before):
            if time.monotonic() > deadline:
                raise CityopsError(
                    f"the alerts worker of run {self.settings.run} gave no answer within {ANSWER_S:.0f} s to "
                    f"{act.result or act.trigger}; see its log in the data folder"
                )
            self._alive()
            await self._read(200)
        return Answer(self.records[before:], self._found.get(act.result))

    def _answered(self, act: Act, before: int) -> bool:
        if act.trigger:
            return any(r["transition"]["trigger"] == act.trigger for r in self.records[before:])
        result = self._found.get(act.result)
        if result is None:
            return False
        alert = result["alert"]  # its record is read from another topic
        return alert is None or any(
            r["alert"]["id"] == alert["id"] and r["alert"]["version"] >= alert["version"] for r in self.records
        )

    async def _send(self, topic: str, key: bytes | None, value: bytes) -> None:
        await self._producer.send_and_wait(
            self.settings.prefix + topic, value, key=key, partition=self._partition,
        )  # fmt: skip

    async def _read(self, timeout_ms: int) -> None:
        for tp, found in (await self._consumer.getmany(timeout_ms=timeout_ms)).items():
            for raw in found:
                said = msgspec.json.decode(raw.value)
                if tp == self._results:
                    self._found[said["id"]] = said
                else:
                    self.records.append(said)
                    self._show(said)


def run(
    settings: Settings, scene: Scene, supervisor: Supervisor, show: Show, *, speed: float = 0.0, keep: bool = False
) -> tuple[list[dict[str, Any]], Refused]:
    """(records, refused orders) of a drill. `settings` are the run's; its topics are gone at the end unless `keep`.

    Raises CityopsError or UsageError; the run's topics are then gone too.
    """
    refuse_existing(settings)
    done = False
    worker: Child | None = None
    try:
        with supervisor.whole():
            create_topics(settings)
        worker = start_worker(supervisor, settings)
        drill = Drill(settings, scene, lambda: _go_on(supervisor), show)
        with supervisor.whole():  # `Stopped` raised in a task of the Kafka client would be lost there: see `_go_on`
            refused = asyncio.run(drill.play(speed))
        done = True
        return drill.records, refused
    finally:
        supervisor.hold()
        if worker is not None:
            worker.signal_stop()
            worker.finish(8.0)
            supervisor.services.remove(worker)
        if not (done and keep):
            delete_topics(settings, settings.prefix)


def start_worker(supervisor: Supervisor, settings: Settings) -> Child:
    """The run's own alerts worker as a child, ready."""
    env = {**os.environ, **settings.environment()}
    logs = data_folder(settings) / "logs" / settings.run
    worker = Child("alerts", [sys.executable, "-P", "-m", "streams.cli", "worker", "alerts"], logs, env)
    supervisor.add(worker)
    supervisor.wait_ready([worker], READY_S)
    return worker


def _go_on(supervisor: Supervisor) -> None:
    """Raises Stopped where a signal asked to end, CityopsError where the worker ended."""
    if supervisor.stopping:
        raise Stopped
    check_alive(supervisor)
