"""The one connection to PostgreSQL by which an API process hears of events and may become the projector.

The projector is whoever holds an advisory lock of the database. The lock belongs to the connection: it is free as soon
as the process or its machine is gone. A process that stands still is cut off by the server after `LEASE_S` without a
word from it. What such a one still wants to write then, the store's fence refuses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from psycopg import AsyncConnection, Error

from api.offline import PROJECTOR_LOCK
from api.store import CHANNEL, Store
from streams.sql import StoreError, named, reason

LEASE_S = 10
PING_S = 2.0
TRY_S = 0.5
ANSWER_S = 5.0
# a machine that vanished is noticed within the lease too
_OPTIONS = " ".join(
    f"-c {name}"
    for name in (
        f"idle_session_timeout={LEASE_S}s",
        "tcp_keepalives_idle=3",
        "tcp_keepalives_interval=2",
        "tcp_keepalives_count=3",
    )
)


class Session:
    """Use `opened`. Every method raises StoreError when the connection is gone."""

    def __init__(self, connection: AsyncConnection[Any], name: str) -> None:
        self._connection = connection
        self._name = name
        self._tried = 0.0

    async def try_lead(self) -> bool:
        """Take the lock if it is free; asks at most every `TRY_S`."""
        if time.monotonic() - self._tried < TRY_S:
            return False
        self._tried = time.monotonic()
        return bool(await self._ask(f"SELECT pg_try_advisory_lock({PROJECTOR_LOCK})"))

    async def wait(self) -> None:
        """Until something was written, at most `TRY_S`."""
        with _told(self._name):
            async for _ in self._connection.notifies(timeout=TRY_S, stop_after=1):
                pass

    async def hold(self) -> None:
        """Say for ever that we are alive."""
        while True:
            await asyncio.sleep(PING_S)
            await self._ask("SELECT 1")

    async def _ask(self, query: str) -> Any:
        with _told(self._name):
            async with asyncio.timeout(ANSWER_S):
                row = await (await self._connection.execute(query)).fetchone()
        return row[0] if row else None


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Session]:
    """A connection that listens; raises StoreError."""
    url = store.writer.url
    _, arguments = store.writer.dialect.create_connect_args(url)
    arguments["options"] = f"{arguments.get('options', '')} {_OPTIONS}".strip()
    with _told(named(store.writer)):
        connection = await AsyncConnection.connect(**{"connect_timeout": 10, **arguments}, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            yield Session(connection, named(store.writer))


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise StoreError(f"{name}: it does not answer within {ANSWER_S:g} s; it is tried again") from None
    except (Error, OSError) as error:
        raise StoreError(f"{name}: {reason(error)}") from error
