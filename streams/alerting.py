"""The alerts app's logic: detections and commands of its counties through the engine, one record a transition.

Time is the log's: live, a record's own timestamp; in a run the recording's, where ticks come before what follows them.
So the same log gives the same alerts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from geo.assets import Asset
from geo.divisions import Divisions, UnitError
from streams import config, topics
from streams.alerts.desk import Desk
from streams.alerts.engine import Engine
from streams.alerts.policy import Policy
from streams.alerts.policy_book import PolicyBook, ref
from streams.duty.book import DutyBook
from streams.duty.records import DutyRecord
from streams.events import AlertRecord, Command, Detection
from streams.metrics import REJECTS, SUPPRESSED, TRANSITIONS
from streams.outbox import Outbox, Record, reject
from streams.settings import Settings
from streams.timers import AUDITOR, TICK
from streams.wire import compact, encode_record, encode_result

log = logging.getLogger(__name__)

ALERT = b"alert/"
ASSET = b"asset/"
POLICY = b"policy/"
DUTY = b"duty/"
KEYS = b"keys"
STORMS = b"storms"
CLOCK = b"clock"
_detection = msgspec.json.Decoder(Detection)
_command = msgspec.json.Decoder(Command)
_pack = msgspec.msgpack.Encoder()


class AlertsLogic:
    """Ledger logic of one partition of detections and commands. Its state is whole in every transaction."""

    linger_ms = 0

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._divisions = Divisions.load()
        self.policies, self.duty = PolicyBook(), DutyBook()
        self._stored: set[str] = set()  # policies, by how alerts name them
        self.engine = Engine(Desk(self.policies, self.duty, self._is_remote))
        self._detections = settings.prefix + topics.DETECTIONS
        self._keys_changed = False
        self._storms = self.engine.book.storm.dump()
        self._clock_ms = self._stored_ms = 0
        self.ticks = 0  # that were done

    def _is_remote(self, unit: str) -> bool:
        """Villages outside of the streets of a town."""
        if len(unit) < 9:
            return False
        try:
            return not self._divisions.get(unit[:9]).name.endswith("街道")
        except UnitError:
            return True

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        for key, value in state.items():
            if key.startswith(ASSET):
                self.engine.surroundings.put(msgspec.msgpack.decode(value, type=Asset))
            elif key.startswith(POLICY):
                self._stored.add(key[len(POLICY) :].decode())
                self.policies.put(msgspec.msgpack.decode(value, type=Policy))
            elif key.startswith(DUTY):
                self.duty.put(msgspec.msgpack.decode(value, type=DutyRecord))
        alerts = {k.decode(): v for k, v in state.items() if k.startswith(ALERT)}
        self._storms = state.get(STORMS, self._storms)
        self._clock_ms = self._stored_ms = int(state.get(CLOCK, b"0"))
        self.engine.restore(alerts, state.get(KEYS, b""), self._storms)

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
        now_ms = self._now(record, event, out)
        if isinstance(event, Detection):
            event = replace(event, evidence=compact(event.evidence))
            self._write(self.engine.on_detection(event, now_ms), record.partition, out)
        elif event.command == TICK:
            self._write(self.engine.on_tick(now_ms), record.partition, out)
            self.ticks += 1
        else:
            self._command(event, now_ms, record.partition, out)

    def _now(self, record: Record, event: Detection | Command, out: Outbox) -> int:
        """The time of an input, never less than that of the one before."""
        at = record.timestamp
        if self.settings.event_clock:
            tells = isinstance(event, Detection) or (event.command == TICK and event.by != AUDITOR)
            at = (event.ts_ms if isinstance(event, Detection) else event.at_ms) if tells else 0
            while (due := self.engine.next_due_ms()) and due <= at:  # what a timer would have asked for meanwhile
                self._clock_ms = max(self._clock_ms, due)
                self._write(self.engine.on_tick(self._clock_ms), record.partition, out)
        self._clock_ms = max(self._clock_ms, at)
        return self._clock_ms

    def _command(self, c: Command, now_ms: int, partition: int, out: Outbox) -> None:
        result, done = self.engine.on_command(c, now_ms)
        self._keys_changed = self._keys_changed or bool(c.key)
        if c.role != "system":
            out.send(self.settings.prefix + topics.RESULTS, 0, encode_result(result, self._divisions), c.id.encode())
        self._write(done, partition, out)

    def _configure(self, record: Record, out: Outbox) -> None:
        try:
            told = config.decode(record.value or b"")
        except msgspec.MsgspecError as e:
            REJECTS.labels("unreadable").inc()
            reject(out, self.settings, record, f"no registry records: {e}")
            return
        for asset in told.assets:
            if self.engine.surroundings.put(asset):
                out.put(ASSET + asset.id.encode(), None if asset.retired else _pack.encode(asset))
        for policy in told.policies:
            self.policies.put(policy)
            self._store(policy, out)
        for person_or_roster in told.duty:
            self.duty.put(person_or_roster)
            out.put(DUTY + person_or_roster.id.encode(), _pack.encode(person_or_roster))

    def _store(self, policy: Policy, out: Outbox) -> None:
        name = ref(policy)
        self._stored.add(name)
        out.put(POLICY + name.encode(), _pack.encode(policy))

    def _write(self, records: Iterable[AlertRecord], partition: int, out: Outbox) -> None:
        for record in records:
            TRANSITIONS.labels(record.transition.trigger).inc()
            if record.alert.suppressions:
                SUPPRESSED.labels(record.alert.kind).inc()
            value = encode_record(record, self._divisions)
            out.send(self.settings.prefix + topics.ALERTS, partition, value, record.alert.county.encode())

    def flush(self, out: Outbox) -> None:
        for fault in self.engine.faults:
            log.error("alert %s: cannot be worked on when due", fault.alert, exc_info=fault.error)
            REJECTS.labels("fault").inc()
        self.engine.faults.clear()
        for alert_id in self.engine.changed:
            alert = self.engine.alerts.get(alert_id)
            out.put(ALERT + alert_id.encode(), None if alert is None else _pack.encode(alert))
            if alert is not None and alert.escalation.policy not in self._stored and alert.escalation.policy:
                self._store(self.policies.get(alert.escalation.policy), out)  # shipped: the next release has another
        self.engine.changed.clear()
        for c in self.engine.asks:
            partition = topics.county_partition(c.county, self.settings.partitions)
            out.send(self.settings.prefix + topics.COMMANDS, partition, msgspec.json.encode(c), c.county.encode())
        self.engine.asks.clear()
        if (storms := self.engine.book.storm.dump()) != self._storms:
            self._storms = storms
            out.put(STORMS, storms)
        if self._clock_ms != self._stored_ms:
            self._stored_ms = self._clock_ms
            out.put(CLOCK, b"%d" % self._clock_ms)
        if self._keys_changed:
            out.put(KEYS, _pack.encode(self.engine.keys))
            self._keys_changed = False

    def idle(self, out: Outbox) -> None:
        return None

    def next_due_ms(self) -> int:
        """When time alone changes something next, 0: never."""
        return self.engine.next_due_ms()
