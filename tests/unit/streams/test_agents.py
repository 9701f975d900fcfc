"""The Faust shell, in Faust's own test context: an agent hands each batch to the ledger of its partition."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from streams.agents import partitions_of, sources_of, wire
from streams.app import create_app
from streams.settings import Settings


class Recorder:
    def __init__(self) -> None:
        self.got: list[tuple[int, list[Any]]] = []

    async def deliver(self, partition: int, records: Iterable[Any]) -> None:
        listed = list(records)
        if listed == ["poison"]:
            raise RuntimeError("a batch that cannot be taken")
        self.got.append((partition, listed))


async def test_agent_hands_batches_on_and_survives_a_bad_one() -> None:
    settings = Settings(env={})
    app = create_app(settings, "alerts")
    host = Recorder()
    agent = wire(app, host, "alerts", sources_of("alerts", ""))
    async with agent.test_context() as running:
        await running.put(["a", "b"], partition=2)
        await running.put(["poison"], partition=0)
        await running.put(["c"], partition=1)
    assert [batch for _, batch in host.got] == [["a", "b"], ["c"]]


async def test_each_app_is_its_own_and_has_no_web_server() -> None:
    one, two = create_app(Settings(env={}), "detect"), create_app(Settings({"prefix": "run.x."}, env={}), "detect")
    assert (one.conf.id, two.conf.id) == ("cityops-detect", "run.x.cityops-detect")
    assert one.boot_strategy._should_enable_web() is False


def test_sources_are_co_partitioned_topics() -> None:
    tps = [SimpleNamespace(topic="detections", partition=p) for p in (0, 2)]
    tps += [SimpleNamespace(topic="commands", partition=p) for p in (0, 2)]
    assert partitions_of([*tps, SimpleNamespace(topic="other", partition=9)], sources_of("alerts", "")) == {0, 2}
    assert sources_of("detect", "run.x.")[0] == "run.x.readings.water"
