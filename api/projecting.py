"""Who projects. The only process on a SQLite file does; of several on one PostgreSQL one does, the others follow it.

All of them tell their clients the same events with the same cursors. When the projecting one is gone, another goes on
where it ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from api.arrivals import Arrivals
from api.follower import Follower
from api.hub import Hub
from api.kpi import AlarmFigures
from api.projector import Projector
from api.store import Store
from streams.settings import Settings
from streams.sql import StoreError

log = logging.getLogger(__name__)
RETRY_S = 1.0


class Projecting:
    """Runs until cancelled; `trouble` says why this process may not show what is new, "" when it does."""

    def __init__(self, settings: Settings, store: Store, hub: Hub, alarms: AlarmFigures) -> None:
        self._settings = settings
        self._store = store
        self._alarms = alarms
        self._arrivals = Arrivals(store, hub)
        self._follower = Follower(store, self._arrivals, alarms)
        self._projector: Projector | None = None
        self._following = "the projection is starting"  # why not, "" when it does
        self.counters: Counter[str] = Counter()
        self.poison: Counter[str] = Counter()
        self.stored = self._arrivals.stored

    @property
    def trouble(self) -> str:
        return self._projector.trouble if self._projector is not None else self._following

    @property
    def leads(self) -> bool:
        return self._projector is not None

    async def run(self) -> None:
        if self._store.shared:
            await self._share()
        else:
            await self._project("")

    async def _project(self, fence: str) -> None:
        self._projector = Projector(
            self._settings, self._store, self._arrivals, self._alarms, fence, self.counters, self.poison
        )
        try:
            await self._projector.run()
        finally:
            self._projector = None

    async def _share(self) -> None:
        from api.leadership import opened

        while True:
            try:
                async with opened(self._store) as session:
                    while True:
                        leads = await session.try_lead()
                        await self._follower.catch_up()
                        self._following = ""
                        if leads:
                            await self._lead(session.hold())
                        await session.wait()
            except StoreError as error:
                self._following = str(error)
                log.warning("%s", error)
            await asyncio.sleep(RETRY_S)

    async def _lead(self, holding: Coroutine[Any, Any, None]) -> None:
        """Project until the lock is lost or the database refuses; raises StoreError."""
        guard = asyncio.create_task(holding)
        work: asyncio.Task[None] | None = None
        try:
            fence = await asyncio.to_thread(self._store.lead)
            await self._follower.catch_up()  # what the one before us wrote last
            log.info("this process projects now")
            work = asyncio.create_task(self._project(fence))
            await asyncio.wait((work, guard), return_when=asyncio.FIRST_COMPLETED)
            for task in (work, guard):
                if task.done():
                    task.result()
        finally:
            tasks = [task for task in (work, guard) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
