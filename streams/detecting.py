"""The detect app's logic: packed rows of a partition through the kernel of their domain, detections out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from detectors.bank import StateError
from detectors.profile_file import ProfileFile
from geo.assets import Sensor
from geo.fences import Fence
from streams import codec, topics
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import BLIND_MS, Kernel
from streams.metrics import DETECTIONS, DROPPED, REJECTS, SNAPSHOTS_MIGRATED, SNAPSHOTS_REFUSED
from streams.outbox import Outbox, Record, chunks, reject
from streams.profiles import catalog
from streams.settings import Settings

log = logging.getLogger(__name__)

SNAPSHOT = b"snapshot"
FORMAT = 1
_json = msgspec.json.Encoder()


class Snapshot(msgspec.Struct):
    """Everything the kernels of a partition know, and the source positions it includes."""

    format: int
    pos: dict[str, int]
    kernels: dict[str, bytes]
    ticks: dict[str, dict[str, int]] = {}


def told(cfg: list[dict[str, Any]]) -> Iterator[Sensor | Fence | ProfileFile]:
    """What a message tells of the registry. What cannot be read (of a newer program) is logged and left out."""
    for plain in cfg:
        try:
            yield msgspec.convert(plain, Sensor | Fence | ProfileFile)
        except msgspec.ValidationError as error:
            log.warning("a registry record is left out: %s", error)


def judged(
    kernel: Kernel, records: Iterable[Sensor | Fence | ProfileFile], cols: Columns, at_ms: int = 0
) -> list[Detection]:
    """What one message of a partition makes: its registry records first, then its rows."""
    found = kernel.configure(records)
    return found + kernel.process(cols, at_ms) if len(cols) else found


def kernels(settings: Settings) -> dict[str, Kernel]:
    """Topic of packed rows -> the kernel of its domain, as the settings of a run or of live want it."""
    blind_ms, profiles = None if settings.event_clock else BLIND_MS, catalog(settings)
    return {
        settings.prefix + topics.packed(d): Kernel(
            d, run=settings.run, mode=settings.run_mode, blind_ms=blind_ms, catalog=profiles
        )
        for d in topics.DOMAINS
    }


class DetectLogic:
    """Ledger logic of one partition of readings.<domain> over all domains."""

    linger_ms = 0

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._begin()

    def _begin(self) -> None:
        self.kernels = kernels(self.settings)
        self._ticks: dict[str, dict[str, int]] = {topic: {} for topic in self.kernels}
        self._counted: dict[tuple[str, str], int] = {}

    def restore(self, state: Mapping[bytes, bytes]) -> dict[str, int]:
        """Take the newest snapshot, migrated where an older program made it.

        One that cannot be used is left aside, and said: the ledger rebuilds the state from a window of the readings.
        """
        parts = int(state.get(SNAPSHOT, b"0"))
        if not parts:
            return {}
        data = b"".join(state[SNAPSHOT + b"/%d" % i] for i in range(parts))
        try:
            snap = msgspec.msgpack.decode(data, type=Snapshot)
            if snap.format != FORMAT:
                raise StateError(f"snapshot has format {snap.format}, want {FORMAT}")
            for topic, kernel in snap.kernels.items():
                for note in self.kernels[topic].restore(kernel):
                    log.warning("%s: detector state is migrated: %s", topic, note)
                    SNAPSHOTS_MIGRATED.inc()
                self._ticks[topic] = snap.ticks.get(topic, {})
        except (StateError, msgspec.MsgspecError) as e:
            log.warning("detector state is rebuilt from the readings of the last %g s: %s", self.settings.rebuild_s, e)
            SNAPSHOTS_REFUSED.inc()
            self._begin()
            return {}
        self._counted = {(k.domain, r): n for k in self.kernels.values() for r, n in k.counters.items()}
        return snap.pos

    def snapshot(self, out: Outbox, pos: Mapping[str, int]) -> None:
        snap = Snapshot(FORMAT, dict(pos), {t: k.snapshot() for t, k in self.kernels.items()}, self._ticks)
        parts = chunks(SNAPSHOT, msgspec.msgpack.encode(snap))
        for key, value in parts.items():
            out.put(key, value)
        out.put(SNAPSHOT, b"%d" % len(parts))

    def apply(self, record: Record, out: Outbox) -> None:
        kernel = self.kernels[record.topic]
        try:
            packed = codec.unpack(record.value or b"", trusted=True)
            found = judged(kernel, told(packed.cfg), packed.cols, packed.at)
        except codec.CodecError as e:
            REJECTS.labels("unreadable").inc()
            reject(out, self.settings, record, str(e))
            return
        if packed.tick is not None and (now := self._time(record.topic, packed.src, packed.tick)) is not None:
            found += kernel.tick(now)
        for detection in found:
            self._emit(detection, out)

    def _time(self, topic: str, src: str, tick: int) -> int | None:
        """Time this partition has reached: the least that every packer partition told (a backlog holds it back)."""
        if self.settings.event_clock:
            return tick
        ticks = self._ticks[topic]
        ticks[src] = max(tick, ticks.get(src, 0))
        return min(ticks.values()) if len(ticks) >= self.settings.partitions else None

    def _emit(self, d: Detection, out: Outbox) -> None:
        DETECTIONS.labels(d.domain, d.kind, d.state).inc()
        topic = self.settings.prefix + topics.DETECTIONS
        out.send(topic, topics.county_partition(d.county, self.settings.partitions), _json.encode(d), d.county.encode())

    def flush(self, out: Outbox) -> None:
        for kernel in self.kernels.values():
            for reason, n in kernel.counters.items():
                new = n - self._counted.get((kernel.domain, reason), 0)
                if new:
                    DROPPED.labels(kernel.domain, reason).inc(new)
                    self._counted[kernel.domain, reason] = n

    def idle(self, out: Outbox) -> None:
        return None
