"""Fuzzed messages into the packer: each one is accepted or rejected, none vanishes, none is counted twice.

Message k's rows have the time T0 + k seconds, whatever else is damaged, so that an accepted row tells which message it
came from; a reject tells it by the source position in its headers.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streams import codec, topics
from streams.cli.benches import bed
from streams.cli.benches.chaos_input import T0
from streams.cli.benches.chaos_outcome import drained, records
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.packer import register, sensor_name
from streams.errors import CityopsError
from streams.settings import Settings

MESSAGES, QUICK_MESSAGES = 1_000_000, 20_000
ODD: tuple[Any, ...] = (None, True, "", "x", -1, 1e400, [], {}, [[]], "9" * 400, "\u0000", "中", 2**70, -0.0)
FIELDS = ("sensor", "ts", "value", "quality", "lon", "lat", "metric", "seq", "accuracy_m", "extra")


def message(k: int, rnd: random.Random) -> tuple[bytes, int]:
    """(bytes, rows in it) of message k; rows 0: nobody can say how many a reader will find."""
    how = rnd.random()
    if how < 0.3:
        return json.dumps(_row(k, rnd)).encode(), 1
    if how < 0.5:
        row = _row(k, rnd)
        field = rnd.choice(FIELDS)
        if field == "ts" and rnd.random() < 0.5:
            del row["ts"]
        elif field != "ts":
            row[field] = rnd.choice(ODD)
        return json.dumps(row).encode(), 1
    rows = [_row(k, rnd) for _ in range(rnd.randint(1, 5))]
    if how < 0.6:
        return json.dumps(rows).encode(), len(rows)
    if how < 0.7:
        return b"\n".join(json.dumps(r).encode() for r in rows), len(rows)
    if how < 0.8:
        return codec.pack(codec.from_rows([(r["sensor"], r["ts"], r["value"]) for r in rows]), "fuzz", k), len(rows)
    if how < 0.9:
        return rnd.randbytes(rnd.randint(0, 60)), 0
    return _damaged(json.dumps(rows[0]).encode(), str(rows[0]["ts"]).encode(), rnd), 0


def _row(k: int, rnd: random.Random) -> dict[str, Any]:
    return {"sensor": sensor_name(rnd.randrange(100)), "ts": T0 + 1000 * k, "value": round(rnd.gauss(30, 1), 3)}


def _damaged(value: bytes, ts: bytes, rnd: random.Random) -> bytes:
    """A piece cut off, or bytes changed outside the time."""
    if rnd.random() < 0.5:
        return value[: rnd.randrange(len(value))]
    first = value.index(ts)
    last = first + len(ts) + 1  # with the comma: the time ends where it ended
    out = bytearray(value)
    for _ in range(rnd.randint(1, 3)):
        at = rnd.randrange(len(out))
        if not first - 2 <= at <= last:
            out[at] ^= rnd.randint(1, 255)
    return bytes(out)


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `chaos.fuzzed` and what was lost of it. Raises CityopsError when a row was made up or told twice."""
    n = QUICK_MESSAGES if quick else MESSAGES
    with tempfile.TemporaryDirectory(prefix="cityops-fuzz-") as folder, bed.kafka(Path(folder), say) as kafka:
        settings = bed.run_of(kafka, "fuzz")
        register(settings)
        say(f"{n:,} fuzzed messages…")
        with bed.Worker(settings, "packer") as worker:
            worker.ready()
            rows = asyncio.run(_send(settings, n))
            asyncio.run(drained(settings, "packer", topics.raw("water"), 300.0))
        accepted, rejected = asyncio.run(_outcome(settings))
    lost = check(rows, accepted, rejected)
    detail = {"rows_accepted": accepted.total(), "messages_with_rejects": len(rejected)}
    yield Figure("chaos.fuzzed", n, "messages", "", n, detail)
    yield Figure("chaos.fuzzed_lost", len(lost), "messages", "<= 0", n, {"first": lost[:5]})


def check(rows: list[int], accepted: Counter[int], rejected: dict[int, list[int]]) -> list[int]:
    """Messages that are neither accepted nor rejected, or of whose rows some are missing.

    `rows` by message (0: unknown), accepted rows by message, refused row numbers by message ([]: the whole message).

    Raises:
        CityopsError: a row that nobody sent, or one that was both accepted and refused.
    """
    lost = []
    for k, sent in enumerate(rows):
        refused = rejected.get(k)
        if not accepted[k] and refused is None:
            lost.append(k)
        elif sent:
            told = accepted[k] + (sent if refused == [] else len(refused or ()))
            if told > sent:
                raise CityopsError(f"message {k} had {sent} rows, {told} were told of")
            if told < sent:
                lost.append(k)
    if extra := [k for k in (*accepted, *rejected) if not 0 <= k < len(rows)]:
        raise CityopsError(f"rows of messages nobody sent: {extra[:5]}")
    return lost


async def _send(settings: Settings, n: int) -> list[int]:
    """All messages, in order, into partition 0: message k has offset k. Returns their numbers of rows."""
    from aiokafka import AIOKafkaProducer

    from streams.kafka import aiokafka_kwargs

    rnd, rows = random.Random(11), []
    producer = AIOKafkaProducer(max_batch_size=1 << 20, **aiokafka_kwargs(settings))
    await producer.start()
    topic = settings.prefix + topics.raw("water")
    for first in range(0, n, 1000):
        batch = producer.create_batch()
        for k in range(first, min(first + 1000, n)):
            value, count = message(k, rnd)
            rows.append(count)
            batch.append(key=None, value=value, timestamp=None)
        await (await producer.send_batch(batch, topic, partition=0))
    await producer.stop()
    return rows


async def _outcome(settings: Settings) -> tuple[Counter[int], dict[int, list[int]]]:
    accepted: Counter[int] = Counter()
    async for record in records(settings, topics.packed("water"), settings.partitions):
        ts = codec.unpack(record.value).cols.ts_ms
        accepted.update(((ts - T0) // 1000).tolist())
    rejected: dict[int, list[int]] = {}
    async for record in records(settings, topics.REJECTED, 1):
        headers = {k: v.decode() for k, v in record.headers}
        rows = [int(r) for r in headers.get("rows", "").split(",") if r]
        known = rejected.setdefault(int(headers["offset"]), rows)
        if known is not rows:
            known.extend(rows)
    return accepted, rejected
