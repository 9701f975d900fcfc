"""The smoke benchmark: memory and latency of a whole `cityops up --demo`, and one detect worker at full speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from geo.assets import Sensor, Zone
from streams import codec, topics
from streams.cli.benches.figure import Figure, Say
from streams.columns import Columns
from streams.errors import CityopsError
from streams.settings import Settings

PROGRAM = [sys.executable, "-m", "streams.cli"]
LOAD_SENSORS, LOAD_RATE = 5_000, 5_000
SENSORS, ROWS = 10_000, 1_000  # of the worker's benchmark


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `smoke.*` figures. Raises CityopsError when the system does not come up or loses a probe."""
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as folder:
        say("starting cityops up --demo…")
        with system(Path(folder)) as ready:
            time.sleep(20 if quick else 45)
            say("measuring memory and latency…")
            yield Figure("smoke.rss_mb", memory_mb(ready["pid"]), "MB", "<= 1200")
            waits = latency(ready, 40 if quick else 200)
            detail = {"readings_per_s": LOAD_RATE}
            p50, p99 = np.percentile(waits, 50), np.percentile(waits, 99)
            yield Figure("smoke.latency_p50_ms", float(p50), "ms", "<= 150", len(waits), detail)
            yield Figure("smoke.latency_p99_ms", float(p99), "ms", "<= 1000", len(waits), detail)
            say("measuring one detect worker…")
            messages = 4_000 if quick else 20_000
            rate = worker_rate(ready["broker"], messages)
            yield Figure("smoke.readings_per_s", rate, "readings/s", ">= 500000", messages, {"rows_a_message": ROWS})


@contextmanager
def system(folder: Path) -> Iterator[dict[str, Any]]:
    """A demo system of its own; yields its ready line and pid."""
    command = [*PROGRAM, "up", "--demo", "--port", "0", "--data", str(folder), "--no-browser", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[str] = []
    threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True).start()
    try:
        line = process.stdout.readline()
        if not line:
            raise CityopsError(f"cityops up did not come up: {(errors or ['no message'])[-1].strip()}")
        yield {**json.loads(line), "pid": process.pid}
    finally:
        process.send_signal(2)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def memory_mb(pid: int) -> float:
    """Resident memory of a process and all below it."""
    import psutil

    parent = psutil.Process(pid)
    return sum(p.memory_info().rss for p in [parent, *parent.children(recursive=True)]) / 1e6


def bench_registry(probes: int) -> list[Zone | Sensor]:
    """Zones of the bench in all counties, `probes` gas wells and the sensors of the background load."""
    out: list[Zone | Sensor] = []
    for k, county in enumerate(topics.COUNTIES):
        out += [
            Zone(id=f"{county}-G-BEN99", domain="gas", county=county, partition=k % 4),
            Zone(id=f"{county}-W-BEN99", domain="water", county=county, partition=k % 4),
        ]
    for domain, letters, kind, n in (("gas", "G-CH4", "methane", probes), ("water", "W-PRS", "pressure", LOAD_SENSORS)):
        for k in range(n):
            county = topics.COUNTIES[k % 16]
            zone = f"{county}-{letters[0]}-BEN99"
            name = f"{county}-{letters}-{900_000 + k:06d}"
            out.append(Sensor(id=name, domain=domain, kind=kind, zone=zone, unit_code=county, interval_s=1.0))
    return out


def latency(ready: dict[str, Any], probes: int) -> list[float]:
    """Milliseconds from the send of the reading that decided to its SSE event, under the background load."""
    from kafka import KafkaProducer

    from streams.kafka import kafka_python_kwargs
    from streams.registry import publish

    settings = Settings({"broker": ready["broker"]})
    records = bench_registry(probes)
    publish(settings, records)
    wells = [r.id for r in records if isinstance(r, Sensor) and r.domain == "gas"]
    loaded = [r.id for r in records if isinstance(r, Sensor) and r.domain == "water"]
    producer = KafkaProducer(acks="all", linger_ms=0, **kafka_python_kwargs(settings))
    seen: dict[tuple[str, str], float] = {}
    stop = threading.Event()
    feed = threading.Thread(target=_listen, args=(ready, set(wells), seen, stop), daemon=True)
    load = threading.Thread(target=_load, args=(settings, loaded, stop), daemon=True)
    feed.start()
    load.start()
    time.sleep(5)
    sent: dict[tuple[str, str], float] = {}
    for well in wells:
        now = int(time.time() * 1000)
        for age in (6, 5, 4, 3, 2, 1):
            stamp = now - age * 1000
            value = json.dumps({"sensor": well, "ts": stamp, "value": 99.0}).encode()
            sent[well, _rfc3339(stamp)] = time.time()
            producer.send("readings.raw.gas", value, key=well.encode())
            time.sleep(0.03)
    time.sleep(5)
    stop.set()
    producer.close()
    waits = [(seen[key] - sent[key]) * 1000 for key in seen if key in sent]
    if len(waits) < len(wells):
        raise CityopsError(f"{len(wells) - len(waits)} of {len(wells)} probe alerts did not reach the feed within 5 s")
    return waits


def _rfc3339(ms: int) -> str:
    from streams.wire import rfc3339

    return rfc3339(ms)


def _load(settings: Settings, names: list[str], stop: threading.Event) -> None:
    """5,000 readings a second as ten packed messages."""
    from kafka import KafkaProducer

    from streams.kafka import kafka_python_kwargs

    producer = KafkaProducer(acks="all", linger_ms=0, **kafka_python_kwargs(settings))
    rng = np.random.default_rng(1)
    step, due = LOAD_RATE // 10, time.time()
    k = 0
    while not stop.is_set():
        part = names[k * step % len(names) :][:step]
        now = np.full(len(part), int(time.time() * 1000), np.int64)
        values = 30.0 + 0.1 * rng.standard_normal(len(part))
        cols = Columns(part, np.arange(len(part), dtype=np.int32), now, values)
        producer.send("readings.raw.water", codec.pack(cols), partition=k % 4)
        k, due = k + 1, due + 0.1
        time.sleep(max(0.0, due - time.time()))
    producer.close()


def _listen(ready: dict[str, Any], wells: set[str], seen: dict[tuple[str, str], float], stop: threading.Event) -> None:
    """Follow the feed and note when the raise of each probe arrives, by its sensor and deciding reading."""
    account = next(a for a in ready["accounts"] if a["unit"] in ("522600", "5226"))
    form = urllib.parse.urlencode({"username": account["user"], "password": account["password"]}).encode()
    base = ready["url"].rstrip("/")
    with urllib.request.urlopen(f"{base}/api/v1/auth/token", form) as answer:
        token = json.load(answer)["access_token"]
    request = urllib.request.Request(f"{base}/api/v1/feed?domain=gas", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as stream:
        for line in stream:
            if stop.is_set():
                return
            if line.startswith(b"data:"):
                now = time.time()
                data = json.loads(line[5:]).get("data") or {}
                if data.get("transition", {}).get("trigger") == "raise":
                    for sensor in wells.intersection(data["alert"]["sensors"]):
                        seen.setdefault((sensor, data["alert"]["last_seen"]), now)


def worker_rate(broker: str, messages: int) -> float:
    """Readings a second of one detect worker over messages that wait in Kafka, from its first commit to its last."""
    from kafka import KafkaAdminClient

    from streams.kafka import create_topics, delete_topics, kafka_python_kwargs

    settings = Settings({"broker": broker, "prefix": f"run.bench{int(time.time())}."})
    create_topics(settings)
    _prefill(settings, messages)
    env = {**os.environ, **settings.environment()}
    worker = subprocess.Popen(
        [*PROGRAM, "worker", "detect"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    admin = KafkaAdminClient(**kafka_python_kwargs(settings))
    try:
        return _follow(admin, settings, messages)
    finally:
        worker.terminate()
        worker.wait(20)
        admin.close()
        delete_topics(settings, settings.prefix)


def _prefill(settings: Settings, messages: int) -> None:
    from kafka import KafkaProducer

    from streams.kafka import kafka_python_kwargs

    producer = KafkaProducer(acks=1, linger_ms=20, batch_size=1 << 20, **kafka_python_kwargs(settings))
    rng = np.random.default_rng(2)
    per = SENSORS // 4
    topic = settings.prefix + topics.packed("water")
    idx = np.arange(ROWS, dtype=np.int32)
    begin = int(time.time() * 1000) - 86_400_000
    sent = [0, 0, 0, 0]
    for k in range(messages):
        p = k % 4
        first = sent[p] * ROWS % per
        names = [f"522601-W-PRS-{p * per + (first + j) % per:06d}" for j in range(ROWS)]
        ts = np.full(ROWS, begin + sent[p] * ROWS // per * 1000, np.int64)
        cols = Columns(names, idx, ts, 30.0 + 0.1 * rng.standard_normal(ROWS))
        cfg = None
        if sent[p] * ROWS < per + ROWS:
            cfg = [
                {"type": "sensor", "id": n, "domain": "water", "kind": "pressure", "zone": "522601-W-DMA01",
                 "unit_code": "522601", "interval_s": 1.0}
                for n in names
            ]  # fmt: skip
        headers = [("src", b"bench"), ("seq", b"%d" % sent[p])]
        producer.send(topic, codec.pack(cols, "bench", sent[p], cfg), partition=p, headers=headers)
        sent[p] += 1
    producer.flush()
    producer.close()


def _follow(admin: Any, settings: Settings, messages: int) -> float:
    """Watch the group's committed offsets until all messages are applied."""
    topic = settings.prefix + topics.packed("water")
    first: tuple[float, int] | None = None
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        done = committed(admin, settings.app_id("detect"), topic)
        now = time.monotonic()
        if done and first is None:
            first = (now, done)
        if done >= messages and first is not None:
            return (done - first[1]) * ROWS / max(now - first[0], 1e-9)
        time.sleep(0.02)
    raise CityopsError("the detect worker did not work off the benchmark's readings within 300 s")


def committed(admin: Any, group: str, topic: str) -> int:
    """Sum of a group's committed offsets of a topic; 0 where it has none yet."""
    from kafka.errors import KafkaError

    try:
        offsets = admin.list_group_offsets(group)[group]
    except (KafkaError, KeyError):
        return 0
    return sum(max(meta.offset, 0) for tp, meta in offsets.items() if tp.topic == topic)
