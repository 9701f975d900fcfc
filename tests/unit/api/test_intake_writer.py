"""Group commit: what waits together goes together, whole requests, in order; failures reach exactly their requests."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from api.intake_budget import Budget
from api.intake_writer import GROUP_ROWS, GroupWriter
from streams import codec
from streams.columns import I32, Columns
from streams.errors import CityopsError

T = "readings.raw.water"


def rows(n: int, first: int = 0) -> Columns:
    return codec.from_rows([("a", k, float(k)) for k in range(first, first + n)])


def zeros(n: int) -> I32:
    return np.zeros(n, np.int32)


class Kafka:
    """Acknowledges when told to."""

    def __init__(self) -> None:
        self.messages: list[Columns] = []
        self.sources: list[str] = []
        self.partitions: list[int] = []
        self.broken = -1
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def write(self, topic: str, partition: int, value: bytes) -> None:
        await self.open.wait()
        self.partitions.append(partition)
        if partition == self.broken:
            raise CityopsError("partition is broken")
        if self.error is not None:
            raise self.error
        packed = codec.unpack(value)
        self.messages.append(packed.cols)
        self.sources.append(packed.src)


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def budget() -> Budget:
    return Budget(1 << 20)


@pytest.fixture
def writer(kafka: Kafka, budget: Budget) -> GroupWriter:
    return GroupWriter(kafka.write, budget, "k:9092", send_s=0.2)


async def test_what_waits_shares_a_message(kafka: Kafka, writer: GroupWriter) -> None:
    await asyncio.gather(*(writer.send(T, rows(1, k), zeros(1), f"u{k % 12}") for k in range(100)))
    assert [len(m) for m in kafka.messages] == [100]
    assert [v for m in kafka.messages for v in m.value.tolist()] == list(range(100))
    assert kafka.sources == ["http:u0,u1,u2,u3,u4,u5,u6,u7,…"]


async def test_a_request_is_never_split_and_order_stays(kafka: Kafka, writer: GroupWriter) -> None:
    sizes = (3000, 3000, 12_000, 1, 4999, 1)
    await asyncio.gather(*(writer.send(T, rows(n), zeros(n), "u") for n in sizes))
    assert [len(m) for m in kafka.messages] == [3000, 3000, 12_000, GROUP_ROWS, 1]


async def test_a_failure_reaches_the_requests_of_its_message_only(
    kafka: Kafka, writer: GroupWriter, budget: Budget
) -> None:
    kafka.error = CityopsError("no Kafka")
    failed = await asyncio.gather(*(writer.send(T, rows(1), zeros(1), "u") for _ in range(3)), return_exceptions=True)
    assert [str(e) for e in failed] == ["no Kafka"] * 3
    kafka.error = None
    await writer.send(T, rows(1), zeros(1), "u")
    assert ([len(m) for m in kafka.messages], budget.used) == ([1], 0)


async def test_a_stall_ends_in_time_says_what_is_known_and_is_counted(
    kafka: Kafka, writer: GroupWriter, budget: Budget
) -> None:
    kafka.open.clear()
    sent = asyncio.create_task(writer.send(T, rows(1), zeros(1), "u"))
    await asyncio.sleep(0.01)
    behind = asyncio.create_task(writer.send(T, rows(1, 1), zeros(1), "u"))
    with pytest.raises(CityopsError, match="may be there or not"):
        await sent
    with pytest.raises(CityopsError, match="nothing of this was sent"):
        await behind
    with pytest.raises(CityopsError, match="nothing of this was sent"):
        async with asyncio.timeout(0.1):  # at once: it is known that Kafka is away
            await writer.send(T, rows(1, 2), zeros(1), "u")
    assert budget.used > 0, "the message on its way still counts"
    kafka.open.set()
    await asyncio.sleep(0.01)
    assert [m.value.tolist() for m in kafka.messages] == [[0.0]], "only what may be there is there"
    assert budget.used == 0
    await writer.send(T, rows(1, 3), zeros(1), "u")


async def test_clients_that_hang_up_do_not_disturb_others(kafka: Kafka, writer: GroupWriter) -> None:
    kafka.open.clear()
    tasks = [asyncio.create_task(writer.send(T, rows(1, k), zeros(1), "u")) for k in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    kafka.open.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert tasks[0].exception() is None
    assert tasks[2].exception() is None


async def test_each_sensor_keeps_its_partition_and_order(kafka: Kafka, writer: GroupWriter) -> None:
    where = np.array([2, 0, 2, 1], np.int32)
    parts = [codec.from_rows([("c", k, k), ("a", k, k), ("c", k + 1, k + 1), ("b", k, k)]) for k in (10, 20, 30)]
    await asyncio.gather(*(writer.send(T, part, where, "u") for part in parts))
    assert kafka.partitions == [0, 1, 2]
    assert [list(m.sensors) for m in kafka.messages] == [["a"], ["b"], ["c"]]
    assert [m.ts_ms.tolist() for m in kafka.messages] == [[10, 20, 30], [10, 20, 30], [10, 11, 20, 21, 30, 31]]


async def test_a_part_that_fails_fails_the_whole_request(kafka: Kafka, writer: GroupWriter, budget: Budget) -> None:
    kafka.broken = 1
    with pytest.raises(CityopsError, match="broken"):
        await writer.send(T, rows(3), np.array([0, 1, 2], np.int32), "u")
    assert sorted(kafka.partitions) == [0, 1, 2], "the others may be there: sent again they are dropped as doubles"
    assert budget.used == 0
