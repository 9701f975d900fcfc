"""A refused reading is listed with its reason, mended, sent again and arrives: packer and Kafka are real."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streams import codec, topics
from streams.cli import cli
from streams.intake.rejects import Mend, Rejected, mended, read
from streams.kafka import create_topics, kafka_python_kwargs
from streams.registry import publish
from streams.settings import Settings
from tests.chaos.harness import T0, Pipe, registry, settings_of

WELL = "522601-G-CH4-000000"


def refused(settings: Settings, n: int) -> list[Rejected]:
    deadline = time.monotonic() + 30
    while len(found := list(read(settings))) < n and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def taken(settings: Settings, n: int) -> list[tuple[str, int, float]]:
    """Rows in the internal topic."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(group_id=None, isolation_level="read_committed", **kafka_python_kwargs(settings))
    consumer.assign([TopicPartition(settings.prefix + topics.packed("gas"), p) for p in range(4)])
    consumer.seek_to_beginning()
    rows: list[tuple[str, int, float]] = []
    deadline = time.monotonic() + 30
    while len(rows) < n and time.monotonic() < deadline:
        for batch in consumer.poll(timeout_ms=300).values():
            for record in batch:
                cols = codec.unpack(record.value).cols
                rows += [
                    (cols.sensors[i], int(t), float(x))
                    for i, t, x in zip(cols.idx, cols.ts_ms, cols.value, strict=True)
                ]
    consumer.close()
    return rows


@pytest.mark.integration
def test_refused_rows_are_listed_mended_and_sent_again(broker: str, tmp_path: Path) -> None:
    from kafka import KafkaProducer

    settings = settings_of(broker, f"rej{uuid.uuid4().hex[:6]}")
    create_topics(settings)
    publish(settings, registry(1))
    rows: list[dict[str, Any]] = [
        {"sensor": WELL, "ts": T0, "value": 1.0},
        {"sensor": "well-7", "ts": T0 // 1000 + 1, "value": 2.0},
    ]
    producer = KafkaProducer(**kafka_python_kwargs(settings))
    producer.send(settings.prefix + topics.raw("gas"), json.dumps(rows).encode(), partition=0)
    producer.send(settings.prefix + topics.raw("gas"), b"not a reading", partition=0)
    producer.flush()
    producer.close()
    pipe = Pipe(settings, tmp_path)
    pipe.start("packer")
    try:
        found = refused(settings, 2)
        assert {(r.rows, r.source) for r in found} == {
            ((1,), "run." + settings.run + ".readings.raw.gas"),
            ((), found[0].source),
        }
        run = CliRunner().invoke
        where = ["--broker", broker, "--prefix", settings.prefix]
        listed = run(cli, ["rejects", "list", "--json", *where])
        reasons = {json.loads(line)["reason"] for line in listed.stdout.splitlines()}
        assert any("not registered" in r for r in reasons)
        bad = next(r for r in found if not r.rows)
        assert run(cli, ["rejects", "show", str(bad.offset), *where]).stdout_bytes == b"not a reading"
        sent = run(
            cli,
            [
                "rejects",
                "replay",
                "--reason",
                "not registered",
                "--sensor",
                f"well-7={WELL}",
                "--ts-factor",
                "1000",
                *where,
            ],
        )
        assert (sent.exit_code, "1 rows of 1 messages" in sent.stderr) == (0, True), sent.output
        assert taken(settings, 2) == [(WELL, T0, 1.0), (WELL, T0 + 1000, 2.0)]
    finally:
        pipe.stop()


def test_mending_touches_only_the_refused_rows() -> None:
    value = json.dumps([{"sensor": s, "ts": 5, "value": v} for s, v in (("a", 1.0), ("b", 2.0), ("c", 3.0))]).encode()
    cols = mended(Rejected(0, 0, "", "readings.raw.gas", (0, 2), value), Mend({"c": "d"}, 1000.0, 7))
    assert [cols.sensors[i] for i in cols.idx] == ["a", "d"]
    assert cols.ts_ms.tolist() == [5007, 5007]
    assert len(mended(Rejected(0, 0, "", "", (), b"junk"), Mend({}))) == 0
