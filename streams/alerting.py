"""The alerts app's logic: detections and commands of its counties through the engine, one record a transition."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

import msgspec

from geo.assets import Asset
from geo.divisions import Divisions
from streams import config, topics
from streams.alerts.engine import Engine
from streams.events import AlertRecord, Command, Detection
from streams.metrics import REJECTS, SUPPRESSED, TRANSITIONS
from streams.outbox import Outbox, Record, reject
from streams.settings import Settings
from streams.wire import encode_record, encode_result

log = logging.getLogger(__name__)

ALERT = b"alert/"
ASSET = b"asset/"
KEYS = b"keys"
_detection = msgspec.json.Decoder(Detection)
_command = msgspec.json.Decoder(Command)
_pack = msgspec.msgpack.Encoder()


class AlertsLogic:
    """Ledger logic of one partition of detections and commands. Its state is whole in every transaction."""

    linger_ms = 0

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self.settings, self._now = settings, now
        self.engine = Engine()
        self._divisions = Divisions.load()
        self._detections = settings.prefix + topics.DETECTIONS
        self._keys_changed = False

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        alerts = {k.decode(): v for k, v in state.items() if k.startswith(ALERT)}
        self.engine.restore(alerts, state.get(KEYS, b""))
        for key, value in state.items():
            if key.startswith(ASSET):
                self.engine.surroundings.put(msgspec.msgpack.decode(value, type=Asset))

    def snapshot(self, out: Outbox, pos: Mapping[str, int]) -> None:
        return None

    def apply(self, record: Record, out: Outbox) -> None:
        if record.key == config.KEY:
            self._configure(record, out)
            return
        is_detection = record.topic == self._detections
        try:
            event = (_detection if is_detection else _command).decode(record.value or b"")
        except msgspec.DecodeError as e:
            REJECTS.labels("unreadable").inc()
            reject(out, self.settings, record, f"no {'detection' if is_detection else 'command'}: {e}")
            return
        now_ms = int(self._now() * 1000)
        if isinstance(event, Detection):
            # In a replay the recording's time is the time of the transition, so that the log repeats.
            done = self.engine.on_detection(event, event.ts_ms if self.settings.event_clock else now_ms)
        else:
            result, done = self.engine.on_command(event, now_ms)
            self._keys_changed = self._keys_changed or bool(event.key)
            value = encode_result(result, self._divisions)
            out.send(self.settings.prefix + topics.RESULTS, 0, value, event.id.encode())
        for written in (done, *self.engine.touched):
            if written is not None:
                self._write(written, record.partition, out)
        self.engine.touched.clear()

    def _configure(self, record: Record, out: Outbox) -> None:
        try:
            assets = config.decode(record.value or b"").assets
        except msgspec.MsgspecError as e:
            REJECTS.labels("unreadable").inc()
            reject(out, self.settings, record, f"no registry records: {e}")
            return
        for asset in assets:
            if self.engine.surroundings.put(asset):
                out.put(ASSET + asset.id.encode(), None if asset.retired else _pack.encode(asset))

    def _write(self, record: AlertRecord, partition: int, out: Outbox) -> None:
        TRANSITIONS.labels(record.transition.trigger).inc()
        if record.alert.suppressions:
            SUPPRESSED.labels(record.alert.kind).inc()
        value = encode_record(record, self._divisions)
        out.send(self.settings.prefix + topics.ALERTS, partition, value, record.alert.county.encode())

    def flush(self, out: Outbox) -> None:
        for alert_id in self.engine.changed:
            out.put(ALERT + alert_id.encode(), _pack.encode(self.engine.alerts[alert_id]))
        self.engine.changed.clear()
        if self._keys_changed:
            out.put(KEYS, _pack.encode(self.engine.keys))
            self._keys_changed = False

    def idle(self, out: Outbox) -> None:
        return None
