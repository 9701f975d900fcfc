"""Latency as an officer has it: from the send of the reading that decides an alert to its event on the live feed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from geo.moments import rfc3339
from streams.cli.benches import registry
from streams.cli.benches.figure import Say
from streams.cli.benches.hops import hops
from streams.errors import CityopsError
from streams.settings import Settings

AGES = (6, 5, 4, 3, 2, 1)  # seconds: stamps of a probe's readings, far above the limit
GAP_S = 0.03  # between two sends, so that each may be the one that decides


def latency(
    ready: dict[str, Any], probes: int, rate: int, sensors: int, say: Say
) -> tuple[list[float], dict[str, Any]]:
    """(milliseconds of each probe, what the sender did and the median of each hop).

    `rate` readings a second of `sensors` sensors flow meanwhile.

    Raises
    ------
    CityopsError
        an alert did not reach the feed, or the load was not as asked.
    """
    from streams.registry import publish

    settings = Settings({"broker": ready["broker"]})
    publish(settings, [*registry.zones(), *registry.wells(probes), *registry.loaded(sensors)])
    names = [well.id for well in registry.wells(probes)]
    seen: dict[tuple[str, str], float] = {}
    stop = threading.Event()
    threading.Thread(target=_listen, args=(ready, set(names), seen, stop), daemon=True).start()
    with sender(settings, rate, sensors) as did:
        time.sleep(8)
        say(f"{probes} probes while {rate:,} readings/s flow…")
        sent = _probe(settings, names)
        time.sleep(5)
        stop.set()
    if did["rate"] < 0.95 * rate:
        raise CityopsError(f"the sender reached {did['rate']:,.0f} of {rate:,} readings/s: a quieter machine is needed")
    waits = [(seen[key] - sent[key]) * 1000 for key in seen if key in sent]
    if len(waits) < probes:
        raise CityopsError(f"{probes - len(waits)} of {probes} probe alerts did not reach the feed within 5 s")
    return waits, {**did, "hops_ms": hops(settings, sent, seen)}


@contextmanager
def sender(settings: Settings, rate: int, sensors: int) -> Iterator[dict[str, Any]]:
    """The load's process; what it did is in the dictionary after the block."""
    command = [sys.executable, "-m", "streams.cli.benches.sender", str(rate), str(sensors)]
    process = subprocess.Popen(command, env={**os.environ, **settings.environment()}, stdout=subprocess.PIPE, text=True)
    did: dict[str, Any] = {}
    try:
        yield did
    finally:
        process.terminate()
        try:
            said, _ = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            said = ""
    if not said:
        raise CityopsError("the sender of the load ended early")
    did.update(json.loads(said))


def _probe(settings: Settings, names: list[str]) -> dict[tuple[str, str], float]:
    """Send each well's readings; returns when, by (sensor, stamp)."""
    from kafka import KafkaProducer

    from streams.kafka import kafka_python_kwargs

    producer = KafkaProducer(acks="all", linger_ms=0, **kafka_python_kwargs(settings))
    sent: dict[tuple[str, str], float] = {}
    for name in names:
        now = int(time.time() * 1000)
        for age in AGES:
            stamp = now - age * 1000
            value = json.dumps({"sensor": name, "ts": stamp, "value": 99.0}).encode()
            sent[name, rfc3339(stamp)] = time.time()
            producer.send("readings.raw.gas", value, key=name.encode())
            time.sleep(GAP_S)
    producer.close()
    return sent


def _listen(ready: dict[str, Any], names: set[str], seen: dict[tuple[str, str], float], stop: threading.Event) -> None:
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
                    for name in names.intersection(data["alert"]["sensors"]):
                        seen.setdefault((name, data["alert"]["last_seen"]), now)
