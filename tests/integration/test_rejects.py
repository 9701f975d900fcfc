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
from streams.columns import from_rows
from streams.errors import CityopsError
from streams.intake.mending import Mend, Times
from streams.intake.rejects import Rejected, read
from streams.kafka import create_topics, kafka_python_kwargs
from streams.registry import publish, read_all
from streams.settings import Settings
from tests.integration.small_city import T0, Pipe, registry, settings_of

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
        an_unknown_sensor_is_registered_with_one_command(settings, where)
    finally:
        pipe.stop()


def an_unknown_sensor_is_registered_with_one_command(settings: Settings, where: list[str]) -> None:
    from kafka import KafkaProducer

    before = len(refused(settings, 1))
    row = {"sensor": "522601-G-CH4-000099", "ts": T0, "value": 3.0, "lon": 107.98, "lat": 26.58}
    producer = KafkaProducer(**kafka_python_kwargs(settings))
    producer.send(settings.prefix + topics.raw("gas"), json.dumps(row).encode(), partition=0)
    producer.close()
    refused(settings, before + 1)
    run = CliRunner().invoke
    lines = run(cli, ["sensors", "unknown", "--json", *where]).stdout.splitlines()
    told = next(one for one in map(json.loads, lines) if one["sensor"] == row["sensor"])
    assert (told["count"], told["domain"], told["value"]) == (1, "gas", 3.0)
    added = run(cli, told["command"].split()[1:] + where[:2])
    assert added.exit_code == 0, added.output
    assert read_all(settings).sensors[row["sensor"]].lon == 107.98
    assert row["sensor"] not in run(cli, ["sensors", "unknown", *where]).stdout
    again = run(cli, ["sensors", "add", "522601-G-CH4-000098", "--from-unknown", *where])
    assert "no refused reading is of 522601-G-CH4-000098" in str(again.exception)


@pytest.fixture
def pile(broker: str) -> Settings:
    """Refused messages in the topic, as the packer and the detect worker write them; nothing runs."""
    from kafka import KafkaProducer

    settings = settings_of(broker, f"pile{uuid.uuid4().hex[:6]}")
    create_topics(settings)
    publish(settings, registry(2))
    texts = [{"sensor": f"old-{k}", "ts": T0 // 1000 + k, "value": f"{k}.5"} for k in range(4)]  # and seconds
    array = json.dumps(texts).encode()
    big = codec.pack(
        from_rows([("old-0", T0 + k, 1.0) for k in range(60_000)])
    )  # more than a producer's usual megabyte
    producer = KafkaProducer(max_request_size=8_000_000, **kafka_python_kwargs(settings))
    for value, rows, reason, source in (
        (array, "1,3", "value is text", settings.prefix + "readings.raw.gas"),
        (array, "0", "another cause", settings.prefix + "readings.raw.gas"),
        (big, "", "not registered", settings.prefix + "readings.gas"),
        (b"41.7", "", "a reading is an object", "mqtt/east"),
    ):
        headers = [("reason", reason), ("rows", rows), ("source", source), ("partition", "2")]
        producer.send(settings.prefix + topics.REJECTED, value, headers=[(k, v.encode()) for k, v in headers])
    producer.flush()
    producer.close()
    return settings


def rejects(settings: Settings, *args: str) -> Any:
    return CliRunner().invoke(cli, ["rejects", *args, "--broker", settings.broker, "--prefix", settings.prefix])


def raw_rows(settings: Settings) -> list[tuple[int, str, int, float]]:
    """(partition, sensor, ts, value) of what the raw topic holds, committed."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(group_id=None, isolation_level="read_committed", **kafka_python_kwargs(settings))
    parts = [TopicPartition(settings.prefix + topics.raw("gas"), p) for p in range(4)]
    consumer.assign(parts)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(parts)
    rows = []
    while any(consumer.position(tp) < ends[tp] for tp in parts):
        for tp, batch in consumer.poll(timeout_ms=300).items():
            for record in batch:
                cols = codec.unpack(record.value).cols
                rows += [
                    (tp.partition, cols.sensors[i], int(t), float(x))
                    for i, t, x in zip(cols.idx, cols.ts_ms, cols.value, strict=True)
                ]
    consumer.close()
    return rows


@pytest.mark.integration
def test_a_mapping_is_tried_then_applied_and_nothing_is_sent_twice(pile: Settings, tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text(f"old,new\nold-1,{WELL}\nold-0,{WELL[:-1]}1\n", "utf-8")
    mend = f'[ts]\nfactor = 1000\n[values."{WELL}"]\nfactor = 2\noffset = 1\n'
    (tmp_path / "mend.toml").write_text(mend, "utf-8")
    args = ["replay", "--reason", "is text", "--mapping", str(tmp_path / "mend.toml"), "--json"]
    args += ["--sensors", str(tmp_path / "ids.csv")]
    tried = json.loads(rejects(pile, *args, "--dry-run").stdout)
    assert (tried["rows"], tried["messages"], len(tried["refused_again"])) == (2, 1, 1)
    assert "sensor 'old-3' is not registered" in next(iter(tried["refused_again"]))
    assert raw_rows(pile) == []
    done = json.loads(rejects(pile, *args).stdout)
    assert (done["rows"], done["messages"], done["already"]) == (2, 1, 0)
    second = T0 // 1000 * 1000
    want = [(2, WELL, second + 1000, 4.0), (2, "old-3", second + 3000, 3.5)]
    assert raw_rows(pile) == want, "only the refused rows, on the partition they came from"
    again = json.loads(rejects(pile, *args).stdout)
    assert (again["rows"], again["already"]) == (0, 1)
    assert raw_rows(pile) == want
    listed = [json.loads(line) for line in rejects(pile, "list", "--json").stdout.splitlines()]
    assert [bool(r["sent_again"]) for r in listed] == [True, False, False, False]
    assert len(rejects(pile, "list", "--json", "--open").stdout.splitlines()) == 3


@pytest.mark.integration
def test_large_messages_go_through_and_what_is_no_reading_is_told(pile: Settings) -> None:
    done = json.loads(rejects(pile, "replay", "--reason", "not registered", "--json").stdout)
    assert (done["rows"], len(raw_rows(pile))) == (60_000, 60_000)
    homeless = rejects(pile, "replay", "--reason", "is an object")
    assert "came from 'mqtt/east': say with --domain" in str(homeless.exception)
    left = json.loads(rejects(pile, "replay", "--reason", "is an object", "--domain", "gas", "--json").stdout)
    assert left["rows"] == 0
    assert [(x["offset"], x["reason"]) for x in left["unreadable"]] == [(3, "a reading is an object, not a number")]


@pytest.mark.integration
def test_two_senders_at_once_send_each_row_once(pile: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is at work another begins, fences it, and sends what the first had not committed."""
    from streams.intake import mending, resending

    items = [r for r in read(pile) if r.rows]
    mend = Mend(ts=Times(factor=1000.0))
    whole = mending.mended
    begun: list[bool] = []

    def slow(*args: Any) -> Any:
        if not begun:
            begun.append(True)
            assert resending.resend(pile, items, mend).rows == 3
        return whole(*args)

    monkeypatch.setattr(resending, "mended", slow)
    with pytest.raises(CityopsError, match="what was sent is not sent again"):
        resending.resend(pile, items, mend)
    assert len(raw_rows(pile)) == 3
    assert resending.resend(pile, items, mend).already == 2
