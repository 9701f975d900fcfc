"""The registry on a real Kafka: published, read whole, followed, removed; and its errors."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import msgspec
import pytest

from geo.assets import Record, Sensor, Zone
from geo.demo import demo_registry
from streams import cli
from streams.broker import free_port
from streams.errors import CityopsError, UsageError
from streams.kafka import create_topics, kafka_python_kwargs
from streams.registry import Registry, RegistryReader, publish, read_all, topic_of
from streams.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def settings(broker: str) -> Settings:
    settings = Settings({"broker": broker, "prefix": f"run.{uuid.uuid4().hex[:8]}."}, env={})
    create_topics(settings)
    return settings


def zone(n: int, partition: int = 0) -> Zone:
    return Zone(id=f"522601-W-DMA{n:02d}", domain="water", county="522601", partition=partition)


def sensor(n: int, **fields: object) -> Sensor:
    base = Sensor(
        id=f"522601-W-PRS-{n:06d}", domain="water", kind="pressure", zone="522601-W-DMA01", unit_code="522601002"
    )
    return msgspec.structs.replace(base, **fields)


async def test_what_is_published_is_read_whole_and_followed(settings: Settings) -> None:
    records = demo_registry()
    assert await asyncio.to_thread(publish, settings, records) == len(records)
    whole = await asyncio.to_thread(read_all, settings)
    assert list(whole) == records

    reader = RegistryReader(settings)
    assert reader.trouble
    await reader.start()
    try:
        await asyncio.wait_for(reader.ready(), 20)
        assert not reader.trouble
        assert list(reader.registry) == records
        cursor, changed = reader.changed_since(0)
        assert len(changed) == len(records)

        new = sensor(900_001)
        await asyncio.to_thread(publish, settings, [new, records[0]])
        await _until(lambda: new.id in reader.sensors)
        cursor, changed = reader.changed_since(cursor)
        assert changed == [new.id]  # the zone was written again unchanged

        await asyncio.to_thread(publish, settings, [], [new.id])
        await _until(lambda: new.id not in reader.sensors)
        assert reader.changed_since(cursor)[1] == [new.id]
    finally:
        await reader.stop()
    assert reader.trouble


async def test_a_reader_that_fails_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits beside its own work learns of it; a reader that was stopped is no failure."""
    readers = [RegistryReader(settings) for _ in range(2)]
    for reader in readers:
        await reader.start()
        await reader.ready()
    waits = [asyncio.create_task(reader.followed()) for reader in readers]
    monkeypatch.setattr(readers[0], "apply", lambda topic, key, value: 1 / 0)
    await asyncio.to_thread(publish, settings, [zone(77)])
    with pytest.raises(CityopsError, match=r"no longer read: reading .*assets.* failed: ZeroDivisionError"):
        await asyncio.wait_for(waits[0], 10)
    assert not waits[1].done()
    await readers[1].stop()
    await asyncio.wait_for(waits[1], 10)
    await readers[0].stop()
    await asyncio.to_thread(publish, settings, [], [zone(77).id])


def test_what_would_move_a_sensor_is_not_written(settings: Settings) -> None:
    there: list[Record] = [zone(61, 1), zone(62, 2), sensor(900_061, zone="522601-W-DMA61")]
    publish(settings, there)
    with pytest.raises(UsageError, match="522601-W-PRS-900061: zone: cannot change from 522601-W-DMA61"):
        publish(settings, [sensor(900_061, zone="522601-W-DMA62", version=2)])
    with pytest.raises(UsageError, match="522601-W-DMA61: partition: cannot change from 1 to 3"):
        publish(settings, [zone(61, 3)])
    with pytest.raises(UsageError, match="522601-W-DMA63: partition: is 4, but CITYOPS_PARTITIONS is 4"):
        publish(settings, [zone(63, 4)])
    assert read_all(settings).sensors["522601-W-PRS-900061"].zone == "522601-W-DMA61"
    publish(settings, [], [record.id for record in there])


async def test_a_bad_record_in_the_topic_is_left_out(settings: Settings) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(**kafka_python_kwargs(settings))
    producer.send(topic_of(settings), key=b"x", value=b"\xff not json").get(timeout=10)
    producer.send(topic_of(settings), key=b"y", value=b"null").get(timeout=10)
    producer.send(topic_of(settings), key=b"\xff", value=None).get(timeout=10)
    producer.close()
    registry = await asyncio.to_thread(read_all, settings)
    assert registry.unusable == 3
    assert len(registry) == len(demo_registry())


async def test_the_reader_is_ready_on_an_empty_topic(broker: str) -> None:
    empty = Settings({"broker": broker, "prefix": f"run.{uuid.uuid4().hex[:8]}."}, env={})
    create_topics(empty)
    reader = RegistryReader(empty)
    await reader.start()
    await asyncio.wait_for(reader.ready(), 10)
    assert len(reader.registry) == 0
    await reader.stop()
    assert len(await asyncio.to_thread(read_all, empty)) == 0


async def test_errors_name_the_broker_or_the_topic(broker: str) -> None:
    absent = Settings({"broker": broker, "prefix": "run.absent."}, env={})
    with pytest.raises(CityopsError, match=r"no topic run\.absent\.assets at .*cityops topics create"):
        await asyncio.to_thread(read_all, absent)
    with pytest.raises(CityopsError, match=r"no topic run\.absent\.assets"):
        await RegistryReader(absent).start()
    away = Settings({"broker": f"127.0.0.1:{free_port()}"}, env={})
    with pytest.raises(CityopsError, match="no Kafka answers"):
        await RegistryReader(away).start()


def test_nothing_is_sent_when_one_record_is_bad(settings: Settings) -> None:
    with pytest.raises(UsageError, match="522601-W-PRS-900002: kind: is 'flow'"):
        publish(settings, [sensor(900_001), sensor(900_002, kind="flow")])
    assert "522601-W-PRS-900001" not in read_all(settings).sensors


async def _until(true: object) -> None:
    assert callable(true)
    for _ in range(100):
        if true():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not within 10 s")


def test_registry_keeps_the_object_of_an_equal_record() -> None:
    registry = Registry([zone(1)])
    kept = registry.zones["522601-W-DMA01"]
    registry.put(zone(1))
    assert registry.zones["522601-W-DMA01"] is kept
    assert registry.changed_since(0) == (1, ["522601-W-DMA01"])


def test_the_command_line_imports_into_a_real_registry(broker: str, tmp_path: Path) -> None:
    fresh = Settings({"broker": broker, "prefix": f"run.{uuid.uuid4().hex[:8]}."}, env={})
    create_topics(fresh)
    file = tmp_path / "s.csv"
    file.write_text("id,zone,lon,lat\n522601-W-PRS-000001,522601-W-DMA01,107.98,26.58\n", encoding="utf-8")
    options = ["--broker", broker, "--prefix", fresh.prefix]
    assert cli.run(["sensors", "import", str(file), "--dry-run", *options]) == 0
    assert len(read_all(fresh)) == 0
    assert cli.run(["sensors", "import", str(file), *options]) == 0
    there = read_all(fresh)
    assert list(there.sensors) == ["522601-W-PRS-000001"]
    assert list(there.zones) == ["522601-W-DMA01"]
    assert cli.run(["sensors", "import", str(file), *options]) == 0
    assert list(read_all(fresh)) == list(there)
