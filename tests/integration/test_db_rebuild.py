"""`cityops db rebuild` on a real broker: the alerts come out of their log row for row as they were."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import select, text

from api import duty_store, schema, users
from api.arrivals import Arrivals
from api.hub import Hub
from api.kpi import AlarmFigures
from api.projector import Projector
from api.queries import events_after
from api.store import Store
from streams import topics
from streams.cli import run
from streams.kafka import admin, aiokafka_kwargs
from streams.settings import Settings
from tests.integration.test_api_live import settings, until, write
from tests.postgres import BOTH
from tests.unit.api.conftest import T0, record

pytestmark = pytest.mark.integration
DATABASES = BOTH
__all__ = ["settings"]
REBUILT = ("alerts", "transitions", "offsets", "topics")


@pytest.fixture
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    made = AIOKafkaProducer(**aiokafka_kwargs(settings), acks="all", transactional_id=f"{settings.prefix}rebuild")
    await made.start()
    yield made
    await made.stop()


async def fill(settings: Settings, producer: AIOKafkaProducer) -> int:
    """Raises, acknowledgements, repeats, doubles and what cannot be read, in three counties; how many records."""
    n = 0
    for round_ in range(6):
        async with producer.transaction():
            for k, county in enumerate(("522601", "522622", "522624")):
                for a in range(4):
                    id_, unit = f"{county}-{a}", f"{county}001"
                    version = round_ // 2 + 1
                    repeat = round_ % 2 == 1  # the same version seen again: no transition
                    value = record(
                        id_, version, T0 + 1000 * round_ + a, "repeat" if repeat else "raise", unit=unit,
                        count=round_ + 1, severity="II" if version == 3 and k else "III",
                    )  # fmt: skip
                    for _ in range(2 if a == 3 else 1):
                        await write(producer, settings, value, county)
                        n += 1
            await write(producer, settings, b"no record", "522601")
            n += 1
    return n


def rows(store: Store) -> dict[str, list[Any]]:
    with store.read() as tx:
        found = {t.name: sorted(tuple(r) for r in tx.execute(select(t))) for t in schema.metadata.sorted_tables}
    found["meta"] = [row for row in found["meta"] if row[0] not in ("epoch", "projector")]
    return found


def told(store: Store) -> dict[str, list[tuple[int, str]]]:
    """The events of each alert in their order."""
    from api.cursor import Cursor

    out: dict[str, list[tuple[int, str]]] = {}
    for event in events_after(store, Cursor(store.epoch, 0))[2]:
        out.setdefault(event.alert, []).append((event.version, event.data))
    return out


async def test_row_for_row(
    settings: Settings, producer: AIOKafkaProducer, database: str, tmp_path: Path,
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    import asyncio

    total = await fill(settings, producer)
    store = Store(database)
    users.put(store, "anna", "long enough", "viewer", "522600")
    duty_store.add_entry(store, "522601", 1, "anna", "接班", "")
    other = settings.replace(prefix="").prefix + "run.elsewhere.alerts"
    projector = Projector(settings, store, Arrivals(store, Hub(store.cursor())), AlarmFigures())
    work = asyncio.create_task(projector.run())
    await until(lambda: _true(projector.counters["records"] == total))
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    from api.records import parse

    store.apply([parse(record("of another run"), topic=other)], {(other, 0): 1})
    before, events, epoch = rows(store), told(store), store.epoch
    store.close()
    assert len(before["alerts"]) == 13
    assert len(before["transitions"]) == 12 * 3 + 1
    words = ["db", "rebuild", "--url", database, "--data", str(tmp_path), "--broker", settings.broker, "--json"]
    words += ["--prefix", settings.prefix]

    # someone spoilt the rows: the log knows better
    spoilt = Store(database)
    with spoilt.write() as tx:
        tx.execute(text("UPDATE alerts SET severity = 'I', json = '{}' WHERE id = '522601-0'"))
        tx.execute(text("DELETE FROM transitions WHERE alert = '522622-1'"))
    wrong = rows(spoilt)
    spoilt.close()
    assert wrong != before

    def boom(*_: object) -> None:
        raise ValueError("in the middle")

    with monkeypatch.context() as patched:
        patched.setattr("api.rebuild.readable", boom)
        with pytest.raises(ValueError, match="in the middle"):
            await asyncio.to_thread(run, words)
    halfway = Store(database)
    assert (rows(halfway), halfway.epoch) == (wrong, epoch), "what fails changes nothing"
    halfway.close()

    capfd.readouterr()
    assert await asyncio.to_thread(run, words) == 0
    done = json.loads(capfd.readouterr().out)
    again = Store(database)
    after = rows(again)
    for table in REBUILT:
        assert after[table] == before[table], table
    assert {t: after[t] for t in after if t != "events"} == {t: before[t] for t in before if t != "events"}
    del events["of another run"]  # events are of the new epoch alone
    assert told(again) == events
    assert (done["alerts"], done["skipped"], done["epoch"]) == (13, 6, again.epoch)
    assert again.epoch != epoch
    again.close()


async def _true(value: bool) -> bool:
    return value


async def test_a_log_without_its_beginning_is_refused(
    settings: Settings, producer: AIOKafkaProducer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    from kafka import TopicPartition

    database = f"sqlite:///{tmp_path}/cityops.db"
    await fill(settings, producer)
    topic = settings.prefix + topics.ALERTS
    partition = topics.county_partition("522601", settings.partitions)
    with admin(settings) as client:
        client.delete_records({TopicPartition(topic, partition): 3})
    words = ["db", "rebuild", "--url", database, "--data", str(tmp_path), "--broker", settings.broker]
    words += ["--prefix", settings.prefix]
    assert await asyncio.to_thread(run, words) == 2
    assert f"{topic}[{partition}] no longer begins at its first record" in capfd.readouterr().err
    assert await asyncio.to_thread(run, [*words, "--force"]) == 0
    assert await asyncio.to_thread(run, [*words[:-1], "run.nowhere."]) == 2
    assert "there is no topic run.nowhere.alerts" in capfd.readouterr().err
