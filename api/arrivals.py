"""What is new in the database, told to this process: to the feed's clients and to whoever waits for a version."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from api.cursor import Cursor
from api.hub import Hub
from api.queries import get_alert
from api.store import Event, Store


class Arrivals:
    """All in the event loop's thread. `head` is the last event that was told."""

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub
        self._waiting: dict[str, list[tuple[int, asyncio.Future[None]]]] = {}

    @property
    def head(self) -> Cursor:
        return self._hub.head

    def publish(self, epoch: str, events: Iterable[Event]) -> None:
        """Committed events in commit order."""
        told = list(events)
        self._hub.publish(epoch, told)
        for event in told:
            for wanted, future in self._waiting.get(event.alert, ()):
                if event.version >= wanted and not future.done():
                    future.set_result(None)

    def restart(self, head: Cursor) -> None:
        """The events between are gone: clients read the list anew."""
        self._hub.restart(head)

    async def stored(self, alert: str, version: int, timeout_s: float) -> bool:
        """Wait until the database holds this version of the alert; False after the timeout."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (version, future)
        self._waiting.setdefault(alert, []).append(entry)
        try:
            row = await asyncio.to_thread(get_alert, self._store, alert)
            if row is not None and row["version"] >= version:
                return True
            await asyncio.wait_for(future, timeout_s)
            return True
        except TimeoutError:
            return False
        finally:
            self._waiting[alert].remove(entry)
            if not self._waiting[alert]:
                del self._waiting[alert]
