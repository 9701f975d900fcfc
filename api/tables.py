"""Compacted topics as the routes use them: versioned records are written, and all versions of one read again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from streams import tables, versions
from streams.settings import Settings


class KafkaTables:
    """Each call has a connection of its own: people change reference data a few times a day."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def write(self, topic: str, records: Sequence[tuple[str, int, bytes]]) -> None:
        """(id, version, value) of each; returns when Kafka has all. Raises CityopsError where it does not take them."""
        await asyncio.to_thread(tables.write, self._settings, topic, versions.rows(records))

    async def history(self, topic: str, id_: str) -> list[bytes]:
        """Every version of a record, oldest first. Raises CityopsError where Kafka is away."""
        return await asyncio.to_thread(versions.history, self._settings, topic, id_)
