"""The registry of sensors as the routes see it: live operation followed from the start, runs when asked for."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from aiokafka.errors import KafkaError

from geo.assets import Record, Sensor, Zone
from geo.fences import Fence
from streams import topics
from streams.alerts.policy import Policy
from streams.duty.book import DutyBook
from streams.errors import CityopsError
from streams.registry import Registry, RegistryReader, send
from streams.settings import Settings
from streams.tail import quietly

log = logging.getLogger(__name__)
RETRY_S = 1.0
KEPT_RUNS = 4
READ_S = 5.0
SEEN_S = 3.0  # until a change that was written is read back


class Versioned(Protocol):
    """A table of records that have versions."""

    def get(self, id_: str, /) -> Any: ...


class LiveRegistry:
    """`run` until cancelled; what is away at the start is tried again and told in `trouble`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader = RegistryReader(settings)
        self._away = "the registry has not been read yet"
        self._runs: OrderedDict[str, RegistryReader] = OrderedDict()
        self._opening = asyncio.Lock()
        self._changing = asyncio.Lock()

    @property
    def trouble(self) -> str:
        return self._away or self._reader.trouble

    async def run(self) -> None:
        """Follow the live registry; ends only when cancelled."""
        try:
            while True:
                try:
                    self._reader = RegistryReader(self._settings)
                    await self._reader.start()
                    await self._reader.ready()
                    self._away = ""
                    await self._followed()
                except (CityopsError, KafkaError, OSError) as error:
                    self._away = str(error)
                    log.warning("%s", error)
                await quietly(self._reader.stop())
                await asyncio.sleep(RETRY_S)
        finally:
            for reader in (self._reader, *self._runs.values()):
                await quietly(reader.stop())

    async def _followed(self) -> None:
        """Returns when the reader's task has ended, which is a fault."""
        while (task := self._reader.running) is not None and not task.done():
            await asyncio.wait([task], timeout=60)

    def sensor(self, id_: str) -> Sensor | None:
        return self._reader.sensors.get(id_)

    def zone(self, id_: str) -> Zone | None:
        return self._reader.zones.get(id_)

    def sensors(self) -> Iterable[Sensor]:
        return list(self._reader.sensors.values())

    def zones(self) -> Iterable[Zone]:
        return list(self._reader.zones.values())

    def fences(self) -> Iterable[Fence]:
        """All that ever were; those that are over are `removed`."""
        return list(self._reader.fences.values())

    def policies(self) -> Iterable[Policy]:
        """The newest of every id; those that ended are `removed`."""
        return list(self._reader.policies.values())

    @property
    def duty(self) -> DutyBook:
        return self._reader.duty

    def _newest(self, topic: str, id_: str) -> int:
        tables: Mapping[str, Versioned] = {
            topics.FENCES: self._reader.fences,
            topics.POLICIES: self._reader.policies,
            topics.PROFILES: self._reader.profiles,
            topics.DUTY: self.duty,
        }
        known = tables[topic].get(id_)
        return known.version if known is not None else -1

    async def seen(self, topic: str, id_: str, version: int, timeout_s: float) -> bool:
        """Wait until the topic has brought this version of a record; False where it did not come in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._newest(topic, id_) < version:
                    await self._reader.moved.wait()
        except TimeoutError:
            return False
        return True

    @property
    def table(self) -> Registry:
        return self._reader.registry

    async def change(self, make: Callable[[Registry], Record]) -> Record:
        """Write the record that `make` derives from the registry as it is, one change at a time, and read it back.

        What `make` raises ends the change. Raises CityopsError where Kafka does not take it.
        """
        async with self._changing:
            if self.trouble:
                raise CityopsError(f"the registry cannot be changed now: {self.trouble}")
            record = make(self.table)
            await asyncio.to_thread(send, self._settings, [record])
            for _ in range(int(SEEN_S / 0.01)):
                if record in (self.table.get(record.id), self.table.zones.get(record.id)):
                    break
                await asyncio.sleep(0.01)
            return record

    async def sensor_of_run(self, run: str, id_: str) -> Sensor | None:
        """A sensor of a run's own registry, read at the first question; None where the run or sensor is unknown."""
        async with self._opening:
            reader = self._runs.get(run)
            if reader is None:
                reader = RegistryReader(self._settings.replace(prefix=f"run.{run}."))
                try:
                    await reader.start()
                    async with asyncio.timeout(READ_S):
                        await reader.ready()
                except (CityopsError, TimeoutError, KafkaError, OSError) as error:
                    log.warning("registry of run %s: %s", run, error)
                    await quietly(reader.stop())
                    return None
                self._runs[run] = reader
                while len(self._runs) > KEPT_RUNS:
                    await quietly(self._runs.popitem(last=False)[1].stop())
            self._runs.move_to_end(run)
        return reader.sensors.get(id_)
