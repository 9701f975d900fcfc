"""HTTP ingest: rows a second in batches of 500 and single readings a second, one API process on a real broker.

The load comes from keep-alive sockets with requests built beforehand, so that the generator costs little of the two
cores. Every answer is read, and Kafka is read afterwards: it must hold exactly the rows that were accepted.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geo.assets import Sensor, Zone
from streams import codec, topics
from streams.broker import EmbeddedBroker
from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError
from streams.kafka import create_topics, kafka_python_kwargs
from streams.settings import Settings

PROGRAM = [sys.executable, "-m", "streams.cli"]
SENSORS, BATCH = 10_000, 500
BATCH_SOCKETS, SINGLE_SOCKETS = 4, 32
WARM_S = 2.0


@dataclass
class Load:
    """What the generator saw; `accepted` counts rows of all answers, the rates leave the warm-up out."""

    accepted: int
    requests_per_s: float
    rows_per_s: float
    p50_ms: float
    p99_ms: float


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `stream.http_*` figures. Raises CityopsError where Kafka holds other than what was accepted."""
    seconds = 3.0 if quick else 20.0
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as folder:
        say("starting a broker and one API process…")
        broker = EmbeddedBroker(folder, say=say)
        broker.start()
        try:
            settings = Settings({"broker": broker.bootstrap, "data": folder, "port": 0})
            names = _registered(settings)
            token = _token(settings)
            with _Api(settings) as api:
                before = 0
                for form, rows, sockets in (
                    ("json", BATCH, BATCH_SOCKETS),
                    ("lines", BATCH, BATCH_SOCKETS),
                    ("json", 1, SINGLE_SOCKETS),
                ):
                    say(f"sending {'single readings' if rows == 1 else f'batches of {rows} rows'} as {form}…")
                    requests = _requests(names, token, rows, form)
                    busy = api.cpu_s()
                    load = asyncio.run(_load(api.port, requests, rows, sockets, seconds))
                    busy = (api.cpu_s() - busy) / (seconds + WARM_S)
                    held = _held(settings)
                    if held - before != load.accepted:
                        raise CityopsError(f"Kafka holds {held - before} rows, {load.accepted} were accepted")
                    before = held
                    yield _figure(form, rows, sockets, load, busy, api.rss_mb())
        finally:
            broker.stop()


def _figure(form: str, rows: int, sockets: int, load: Load, cores: float, rss_mb: float) -> Figure:
    detail = {
        "form": form, "rows_a_request": rows, "sockets": sockets, "p50_ms": round(load.p50_ms, 1),
        "p99_ms": round(load.p99_ms, 1), "api_cores": round(cores, 2), "api_rss_mb": round(rss_mb),
    }  # fmt: skip
    if rows == 1:
        name, value, unit, goal = "stream.http_single_requests_per_s", load.requests_per_s, "requests/s", ">= 1500"
    elif form == "json":
        name, value, unit, goal = "stream.http_rows_per_s", load.rows_per_s, "rows/s", ">= 150000"
    else:
        name, value, unit, goal = "stream.http_line_protocol_rows_per_s", load.rows_per_s, "rows/s", ""
    return Figure(name, value, unit, goal, load.accepted, detail)


class _Api:
    """One `cityops api` process."""

    def __init__(self, settings: Settings) -> None:
        self._log = (Path(settings.data) / "api.log").open("wb")
        self._process = subprocess.Popen(
            [*PROGRAM, "api"], env={**os.environ, **settings.environment()}, stdout=subprocess.PIPE, stderr=self._log
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise CityopsError(f"the API did not start: {(Path(settings.data) / 'api.log').read_text()[-300:]}")
        self.port = int(json.loads(line)["url"].rstrip("/").rpartition(":")[2])

    def cpu_s(self) -> float:
        import psutil

        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def rss_mb(self) -> float:
        import psutil

        return float(psutil.Process(self._process.pid).memory_info().rss) / 1e6

    def __enter__(self) -> _Api:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def _registered(settings: Settings) -> list[str]:
    from streams.registry import publish

    create_topics(settings)
    zones = [Zone(id=f"522601-W-BEN{k:02d}", domain="water", county="522601", partition=k % 4) for k in range(16)]
    sensors = [
        Sensor(id=f"522601-W-PRS-{k:06d}", domain="water", kind="pressure", zone=zones[k % 16].id, unit_code="522601")
        for k in range(SENSORS)
    ]
    publish(settings, [*zones, *sensors])
    return [s.id for s in sensors]


def _token(settings: Settings) -> str:
    from api import devices
    from api.store import Store

    store = Store.in_folder(Path(settings.data))
    try:
        return devices.create(store, "bench", unit="522600")
    finally:
        store.close()


def _requests(names: list[str], token: str, rows: int, form: str) -> list[bytes]:
    """Whole requests, each with readings of other sensors."""
    now = int(time.time() * 1000)
    made = []
    for k in range(40 if rows > 1 else 1000):
        items = [(names[(k * rows + j) % len(names)], now + k, 30 + j / 100) for j in range(rows)]
        if form == "lines":
            body = "\n".join(f"pressure,sensor={s} value={v} {t}000000" for s, t, v in items).encode()
        else:
            listed = [{"sensor": s, "ts": t, "value": v} for s, t, v in items]
            body = json.dumps(listed if rows > 1 else listed[0], separators=(",", ":")).encode()
        kind = "text/plain" if form == "lines" else "application/json"
        head = (
            f"POST /api/v1/ingest?domain=water HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


class _Socket(asyncio.Protocol):
    """One request after the other on one connection, until told to end."""

    def __init__(self, requests: list[bytes], first: int, rows: int) -> None:
        self._requests, self._next = requests, first
        self._whole = b'\r\n\r\n{"accepted":%d,"rejected":[]}' % rows
        self._buffer = b""
        self._sent = 0.0
        self.going = True
        self.answers = 0
        self.times: list[float] = []
        self.failure = ""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._buffer.endswith(self._whole):
            if b"\r\n\r\n" in self._buffer and not self._buffer.startswith(b"HTTP/1.1 202"):
                self.failure = self._buffer.decode("latin-1")[-300:]
                self._transport.close()
            return
        self._buffer = b""
        self.answers += 1
        self.times.append(time.perf_counter() - self._sent)
        if self.going:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.going and not self.failure:
            self.failure = f"the server hung up: {exc}"
        if not self.ended.done():
            self.ended.set_result(None)


async def _load(port: int, requests: list[bytes], rows: int, sockets: int, seconds: float) -> Load:
    import numpy as np

    loop = asyncio.get_running_loop()
    ends: list[Any] = []
    for k in range(sockets):
        first = k * len(requests) // sockets
        ends.append(await loop.create_connection(lambda f=first: _Socket(requests, f, rows), "127.0.0.1", port))  # type: ignore[misc]
    lines: list[_Socket] = [end for _, end in ends]
    await asyncio.sleep(WARM_S)
    before, begin = sum(s.answers for s in lines), time.perf_counter()
    for line in lines:
        line.times.clear()
    await asyncio.sleep(seconds)
    counted, took = sum(s.answers for s in lines) - before, time.perf_counter() - begin
    times = np.array([t for s in lines for t in s.times]) * 1000
    for line in lines:
        line.going = False
    await asyncio.wait_for(asyncio.gather(*(s.ended for s in lines)), 30)
    if failures := [s.failure for s in lines if s.failure]:
        raise CityopsError(f"an answer was not 202: {failures[0]}")
    accepted = rows * sum(s.answers for s in lines)
    p50, p99 = np.percentile(times, (50, 99))
    return Load(accepted, counted / took, counted * rows / took, float(p50), float(p99))


def _held(settings: Settings) -> int:
    """Rows that Kafka holds of readings.raw.water."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(group_id=None, enable_auto_commit=False, **kafka_python_kwargs(settings))
    try:
        parts = [TopicPartition(topics.raw("water"), p) for p in range(settings.partitions)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        rows = 0
        while any(consumer.position(tp) < ends[tp] for tp in parts):
            for records in consumer.poll(timeout_ms=1000, max_records=2000).values():
                rows += sum(len(codec.unpack(r.value).cols) for r in records)
        return rows
    finally:
        consumer.close()
