"""The file behind the history: compressed chunks of one sensor's readings, found by sensor and time.

A chunk is zlib over int32 time steps (ms) and float64 values, about 10 bytes a reading; a gap above 24 days
starts a new chunk.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from api.store import explained
from streams.topics import run_of

MAX_BYTES = 1024 * 1024 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sensors (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS chunks (
  sensor INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, written INTEGER NOT NULL,
  n INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS chunks_of ON chunks (sensor, last, first);
CREATE INDEX IF NOT EXISTS chunks_age ON chunks (written);
CREATE TABLE IF NOT EXISTS topics (topic TEXT PRIMARY KEY, id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS offsets (
  topic TEXT, partition INTEGER, "offset" INTEGER NOT NULL, PRIMARY KEY (topic, partition)
);
"""


@dataclass(frozen=True)
class Rows:
    """Readings as columns of length n: sensor number int64, ts_ms int64, value float64."""

    sensor: np.ndarray
    ts: np.ndarray
    value: np.ndarray

    @staticmethod
    def concat(parts: Sequence[Rows]) -> Rows:
        if not parts:
            return Rows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        return Rows(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("sensor", "ts", "value")))


class ChunkFile:
    """One SQLite file; methods may be called from any thread. Raises StoreError."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        with explained(str(path)):
            self._db = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-4000"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_SCHEMA)
            self._numbers: dict[str, int] = dict(self._db.execute("SELECT key, number FROM sensors"))

    @contextmanager
    def _locked(self):  # type: ignore[no-untyped-def]
        with self._lock, explained(str(self.path)):
            yield self._db

    def known(self, key: str) -> int | None:
        return self._numbers.get(key)

    def sensor_ids(self, keys: Sequence[str]) -> np.ndarray:
        """Numbers int64[n] of sensor keys; new ones are given and stored."""
        fresh = [key for key in keys if key not in self._numbers]
        if fresh:
            with self._locked() as db:
                db.execute("BEGIN IMMEDIATE")
                db.executemany("INSERT OR IGNORE INTO sensors (key) VALUES (?)", [(key,) for key in fresh])
                found = {
                    key: db.execute("SELECT number FROM sensors WHERE key = ?", (key,)).fetchone()[0] for key in fresh
                }
                db.execute("COMMIT")
            self._numbers |= found
        return np.array([self._numbers[key] for key in keys], np.int64)

    def newest(self) -> list[tuple[int, int]]:
        """(sensor number, time of its newest stored reading)."""
        with self._locked() as db:
            return [
                (sensor, last) for sensor, last in db.execute("SELECT sensor, max(last) FROM chunks GROUP BY sensor")
            ]

    def offsets(self) -> dict[tuple[str, int], int]:
        with self._locked() as db:
            return {(t, p): o for t, p, o in db.execute('SELECT topic, partition, "offset" FROM offsets')}

    def topics(self) -> dict[str, str]:
        """Topic → Kafka's id of it, "" for one that was read before ids were kept."""
        with self._locked() as db:
            return dict(db.execute("SELECT topic, '' FROM offsets")) | dict(db.execute("SELECT topic, id FROM topics"))

    def keep_topics(self, ids: Mapping[str, str]) -> None:
        with self._locked() as db:
            db.executemany("INSERT OR REPLACE INTO topics VALUES (?, ?)", list(ids.items()))

    def drop(self, runs: Collection[str]) -> None:
        """Forget the readings and offsets of these runs ("" is live operation); sensors keep their numbers."""
        numbers = [(n,) for key, n in self._numbers.items() if key.partition("|")[0] in runs]
        with self._locked() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                db.executemany("DELETE FROM chunks WHERE sensor = ?", numbers)
                for table in ("offsets", "topics"):
                    named = [row for row in db.execute(f"SELECT DISTINCT topic FROM {table}") if run_of(row[0]) in runs]
                    db.executemany(f"DELETE FROM {table} WHERE topic = ?", named)
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise

    def write(self, rows: Rows, offsets: Mapping[tuple[str, int], int], retention_ms: int) -> None:
        """Write rows as chunks together with the offsets; drop chunks older than the retention, or too many."""
        chunks = list(_chunks(rows))
        with self._locked() as db:
            now = int(time.time() * 1000)
            db.execute("BEGIN IMMEDIATE")
            try:
                db.executemany(
                    "INSERT INTO chunks (sensor, first, last, written, n, data) VALUES (?, ?, ?, ?, ?, ?)",
                    [(s, a, b, now, n, data) for s, a, b, n, data in chunks],
                )
                db.executemany(
                    "INSERT OR REPLACE INTO offsets VALUES (?, ?, ?)", [(t, p, o) for (t, p), o in offsets.items()]
                )
                db.execute("DELETE FROM chunks WHERE written < ?", (now - retention_ms,))
                if self._bytes(db) > self._max_bytes:
                    db.execute(
                        "DELETE FROM chunks WHERE rowid IN (SELECT rowid FROM chunks ORDER BY written LIMIT max(1, "
                        "(SELECT count(*) FROM chunks) / 10))"
                    )
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise

    @staticmethod
    def _bytes(db: sqlite3.Connection) -> int:
        pages, free, size = (
            db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def read(self, sensor: int, from_ms: int, to_ms: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """(ts int64[], value float64[]) of chunks that touch the interval, in the order they were written."""
        with self._locked() as db:
            found = db.execute(
                "SELECT first, n, data FROM chunks WHERE sensor = ? AND last >= ? AND first <= ? ORDER BY rowid",
                (int(sensor), from_ms, to_ms),
            ).fetchall()
        return [_unpacked(first, n, data) for first, n, data in found]

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _chunks(rows: Rows) -> Any:
    """(sensor, first, last, n, data) of rows in any order."""
    if not len(rows.ts):
        return
    order = np.lexsort((rows.ts, rows.sensor))
    sensor, ts, value = rows.sensor[order], rows.ts[order], rows.value[order]
    steps = np.diff(ts)
    cuts = np.flatnonzero((sensor[1:] != sensor[:-1]) | (steps > 2**31 - 1)) + 1
    for a, b in zip(np.append(0, cuts).tolist(), np.append(cuts, len(ts)).tolist(), strict=True):
        delta = np.zeros(b - a, "<i4")
        delta[1:] = steps[a : b - 1]
        data = zlib.compress(delta.tobytes() + value[a:b].astype("<f8").tobytes(), 1)
        yield int(sensor[a]), int(ts[a]), int(ts[b - 1]), b - a, data


def _unpacked(first: int, n: int, data: bytes) -> tuple[np.ndarray, np.ndarray]:
    plain = zlib.decompress(data)
    return first + np.cumsum(np.frombuffer(plain, "<i4", n).astype(np.int64)), np.frombuffer(plain, "<f8", n, 4 * n)
