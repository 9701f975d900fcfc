"""Where a probe's time went: when packer, detect and alerts wrote what became of its reading."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from geo.moments import rfc3339
from streams import codec, config, topics
from streams.cli.benches.bed import committed_records
from streams.events import Detection
from streams.settings import Settings

Key = tuple[str, str]  # sensor, RFC 3339 time of the reading


def hops(settings: Settings, sent: Mapping[Key, float], seen: Mapping[Key, float]) -> dict[str, float]:
    """Median milliseconds of each hop, by the times in the records: to the packer's message, to the detection, to the
    alert, to the feed's event. Senders stamp a record before its transaction is committed, so a commit counts for
    the next hop.
    """
    wanted = {key for key in seen if key in sent}
    at: list[Mapping[Key, float]] = [sent]
    for name, keys in ((topics.packed("gas"), _packed), (topics.DETECTIONS, _raised), (topics.ALERTS, _alerted)):
        found: dict[Key, float] = {}
        for record in committed_records(settings, settings.prefix + name):
            for key in keys(record.value) if record.key != config.KEY else ():
                if key in wanted:
                    found.setdefault(key, record.timestamp / 1000)
        at.append(found)
    at.append(seen)
    out = {}
    for name, before, after in zip(("packer", "detect", "alerts", "feed"), at, at[1:], strict=False):
        waits = [(after[key] - before[key]) * 1000 for key in wanted if key in before and key in after]
        if waits:
            out[name] = round(float(np.median(waits)), 1)
    return out


def _packed(value: bytes) -> Iterator[Key]:
    cols = codec.unpack(value).cols
    for k, ts in zip(cols.idx.tolist(), cols.ts_ms.tolist(), strict=True):
        yield cols.sensors[k], rfc3339(ts)


def _raised(value: bytes) -> Iterator[Key]:
    found = msgspec.json.decode(value, type=Detection)
    if found.state == "raise":
        yield found.sensor, rfc3339(found.ts_ms)


def _alerted(value: bytes) -> Iterator[Key]:
    data = json.loads(value)
    if data["transition"]["trigger"] == "raise":
        for sensor in data["alert"]["sensors"]:
            yield sensor, data["alert"]["last_seen"]
