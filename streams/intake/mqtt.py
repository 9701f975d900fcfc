"""`cityops intake mqtt`: from the devices' MQTT broker to `readings.raw.<domain>`, acknowledged there when it is here.

The way of a message: the session delivers it to the inbox; the pump takes what gathered in `pack_ms`, maps it, sends a
packed message a domain and partition, waits for Kafka, and only then has the session acknowledge. So a bridge that is
killed, or a Kafka that is away, leaves messages with the device's broker, which sends them again; what was sent twice
the detectors drop by (sensor, metric, time).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import time
from collections.abc import Callable

import aiomqtt

from streams.folders import data_folder
from streams.intake.mqtt_inbox import Inbox
from streams.intake.mqtt_mapping import Mapped
from streams.intake.mqtt_options import Options
from streams.intake.mqtt_out import KafkaOut, Record
from streams.intake.mqtt_rows import Mapper, Readings, Rejected
from streams.intake.mqtt_session import MAX_PAYLOAD, Delivered, Session
from streams.metrics import MQTT_CONNECTS, MQTT_MESSAGES, REJECTS
from streams.settings import Settings

log = logging.getLogger(__name__)

BACKOFF_S, BACKOFF_MOST_S = 0.5, 30.0
STEADY_S = 10.0  # a connection that lasted this long begins the waits anew
TWIN = " (again after seconds: does another bridge use client id {}? each has its own, CITYOPS_MQTT_CLIENT_ID)"
DRAIN_S = 5.0
BEAT_S = 5.0


class Bridge:
    """One connection to the devices' broker and one producer; `run` until stopped."""

    def __init__(self, settings: Settings, options: Options, mapped: Mapped, announce: Callable[[str], None]) -> None:
        self._settings, self._options, self._mapped, self._announce = settings, options, mapped, announce
        self._mapper = Mapper(mapped)
        self._out = KafkaOut(settings, f"mqtt:{options.client_id}")
        self._inbox = Inbox()
        self._session: Session | None = None
        self._ready = False
        self._status = data_folder(settings) / "mqtt" / f"{_plain(options.client_id)}.json"

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then nothing more is read, and what was read is still sent and acknowledged (5 s)."""
        stopping = asyncio.create_task(stop.wait())
        starting = asyncio.create_task(self._out.start())
        await asyncio.wait([stopping, starting], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            return
        await starting
        pump = asyncio.create_task(self._pump())
        link = asyncio.create_task(self._connections())
        beat = asyncio.create_task(self._beat())
        await asyncio.wait([stopping, pump, link], return_when=asyncio.FIRST_COMPLETED)
        if self._session is not None:
            self._session.pause()
        await self._drained(pump)
        for task in (link, pump, beat, stopping):
            task.cancel()
        ended = await asyncio.gather(link, pump, beat, return_exceptions=True)
        await self._out.close()
        self._status.unlink(missing_ok=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _drained(self, pump: asyncio.Task[None]) -> None:
        """Wait until the inbox is empty, at most `DRAIN_S`."""
        for _ in range(int(DRAIN_S / 0.01)):
            if not len(self._inbox) or pump.done():
                return
            await asyncio.sleep(0.01)

    async def _connections(self) -> None:
        """Connect, and again whenever the connection is lost, with growing waits."""
        wait, begun, short = BACKOFF_S, 0.0, 0
        while True:
            session = Session(self._options, self._inbox.put, want_user=_wants_user(self._mapped))
            try:
                async with session:
                    troubles = await session.ask([(s.filter, s.qos) for s in self._mapped.subscriptions])
                    for trouble in troubles:
                        log.error("%s", trouble)
                    if any("refused" in t for t in troubles):
                        raise aiomqtt.MqttError("a subscription was refused")
                    MQTT_CONNECTS.labels("connected").inc()
                    self._session, begun = session, time.monotonic()
                    self._tell_ready()
                    await session.until_lost()
            except aiomqtt.MqttError as error:
                MQTT_CONNECTS.labels("lost" if self._session else "refused").inc()
                if self._session and time.monotonic() - begun >= STEADY_S:
                    wait = BACKOFF_S
                pause = wait * random.uniform(0.5, 1.0)
                what = "lost the connection to" if self._session else "cannot use"
                short = short + 1 if self._session and time.monotonic() - begun < STEADY_S else 0
                words = _words(error) + (TWIN.format(self._options.client_id) if short > 1 else "")
                log.warning("%s %s: %s; trying again in %.1f s", what, self._options.url, words, pause)
                self._session = None
                await asyncio.sleep(pause)
                wait = min(wait * 2, BACKOFF_MOST_S)
            finally:
                self._session = None

    def _tell_ready(self) -> None:
        if not self._ready:
            self._ready = True
            facts = {"app": "intake-mqtt", "mqtt": self._options.url, "client_id": self._options.client_id}
            filters = [s.filter for s in self._mapped.subscriptions]
            self._announce(json.dumps({"ready": True, **facts, "subscriptions": filters}))
        self._write_status()

    async def _pump(self) -> None:
        most, wait_s = self._settings.pack_rows, self._settings.pack_ms / 1000
        while True:
            batch = await self._inbox.take(most, wait_s)
            records, taken = await self._records(batch)
            await self._out.send(records)
            self._acknowledge(batch)
            self._inbox.done(batch)
            MQTT_MESSAGES.labels("taken").inc(taken)
            session = self._session
            if session is not None and session.paused and self._inbox.room():
                session.resume()

    def _acknowledge(self, batch: list[Delivered]) -> None:
        """In the order of arrival, each on the connection it came by; one that is gone redelivers."""
        mids: dict[Session, list[int]] = {}
        for got in batch:
            if got.qos:
                mids.setdefault(got.session, []).append(got.mid)
        for session, mine in mids.items():  # two where the connection was lost meanwhile
            session.acknowledge(mine)

    async def _records(self, batch: list[Delivered]) -> tuple[list[Record], int]:
        """What goes to Kafka for a batch, and how many of its messages were taken as they are."""
        fit = [g for g in batch if g.size <= MAX_PAYLOAD]
        large = f"payload is larger than {MAX_PAYLOAD:,} bytes"
        out = [self._refuse(g, large, ()) for g in batch if g.size > MAX_PAYLOAD]
        readings = self._convert(fit)
        out += [self._refuse(fit[r.message], r.reason, r.rows) for r in readings.rejects]
        for domain, cols in readings.columns.items():
            out += await self._out.readings(domain, cols)
        if readings.stale:
            MQTT_MESSAGES.labels("stale").inc(readings.stale)
        refused = len({r.message for r in readings.rejects}) + len(batch) - len(fit)
        MQTT_MESSAGES.labels("rejected").inc(refused)
        return out, len(batch) - refused - readings.stale

    def _convert(self, batch: list[Delivered]) -> Readings:
        messages = [g.message for g in batch]
        try:
            return self._mapper.convert(messages)
        except Exception:
            log.exception("mapping %d messages; trying them one by one", len(messages))
        good, rejects = [], []
        for k, message in enumerate(messages):
            try:
                self._mapper.convert([message])
                good.append(k)
            except Exception as error:
                rejects.append(Rejected(k, (), f"cannot be mapped: {type(error).__name__}"))
        found = self._mapper.convert([messages[k] for k in good])
        rejects += [Rejected(good[r.message], r.rows, r.reason) for r in found.rejects]
        return Readings(found.columns, rejects, found.stale)

    def _refuse(self, got: Delivered, reason: str, rows: tuple[int, ...]) -> Record:
        REJECTS.labels("mqtt").inc(max(len(rows), 1))
        return self._out.reject(got.message.topic, got.message.payload, got.size, reason, rows)

    async def _beat(self) -> None:
        """Keep the status file fresh; `deploy/healthcheck.py mqtt` reads it."""
        while True:
            await asyncio.sleep(BEAT_S)
            self._write_status()

    def _write_status(self) -> None:
        facts = {"pid": os.getpid(), "at": time.time(), "connected": self._session is not None}
        try:
            self._status.parent.mkdir(parents=True, exist_ok=True)
            part = self._status.with_suffix(".part")
            part.write_text(json.dumps({**facts, "waiting": len(self._inbox)}), "utf-8")
            part.replace(self._status)
        except OSError as error:
            log.warning("cannot write %s: %s", self._status, error)


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:100]


def _wants_user(mapped: Mapped) -> bool:
    return any("{user." in t.text for s in mapped.subscriptions for t in (s.sensor, *(v.sensor for v in s.values)) if t)


def _words(error: aiomqtt.MqttError) -> str:
    """What happened, and what to look at where that helps."""
    text = str(error.__cause__ or error)
    if any(word in text.lower() for word in ("not authori", "bad user")):
        return f"{text} (CITYOPS_MQTT_USERNAME and CITYOPS_MQTT_PASSWORD)"
    if "certificate" in text.lower():
        return f"{text} (CITYOPS_MQTT_CAFILE)"
    return text


async def serve(settings: Settings, options: Options, mapped: Mapped) -> int:
    """Run until SIGINT or SIGTERM; 0 then, 1 where something broke."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if options.insecure:
        log.warning("CITYOPS_MQTT_INSECURE: the MQTT broker's certificate is not checked")
    bridge = Bridge(settings, options, mapped, lambda line: print(line, flush=True))
    try:
        await bridge.run(stop)
    except Exception:
        log.exception("the MQTT bridge ended")
        return 1
    return 0
