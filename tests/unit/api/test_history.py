"""The history of readings: chunks, buckets, gaps, bounds, restarts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from aiokafka import TopicPartition

from api.chunks import ChunkFile, Rows
from api.heard import Last
from api.history import History, bucketed
from streams import codec
from streams.settings import Settings
from tests.unit.api.conftest import T0

S = "522601-W-PRS-000001"


ARRIVED = T0 + 200_000


def message(offset: int, rows: list[tuple[str, int, float]], topic: str = "readings.water") -> Any:
    value = codec.pack(codec.from_rows(rows))
    return SimpleNamespace(topic=topic, partition=0, offset=offset, value=value, timestamp=ARRIVED)


@pytest.fixture
def history(tmp_path: Path):
    made = History(Settings(env={}), tmp_path)
    yield made
    made._file.close()


def test_held_and_written_rows_come_back_as_one_series(history: History) -> None:
    first = [(S, T0 + n * 1000, n + 0.1) for n in range(100)]
    history.take(message(0, first))
    history.flush()
    history.take(message(1, [(S, T0 + 100_000, 7.5), ("other", T0, 1.0)]))
    points = history.readings(S, T0, T0 + 100_000)
    assert points == [(t, v) for _, t, v in first] + [(T0 + 100_000, 7.5)]
    assert history.readings("nobody", T0, T0 + 1) == []
    assert history.last(S) == Last(T0 + 100_000, ARRIVED, 7.5)
    assert history.last("nobody") is None
    assert history.readings(S, T0 + 500, T0 + 1500) == [(T0 + 1000, 1.1)]


def test_late_rows_find_their_place_and_the_last_word_counts(history: History) -> None:
    history.take(message(0, [(S, T0 + 2000, 2.0), (S, T0 + 1000, 1.0)]))
    history.flush()
    history.take(message(1, [(S, T0, 0.0), (S, T0 + 1000, 9.0)]))
    assert history.readings(S, 0, 2**60) == [(T0, 0.0), (T0 + 1000, 9.0), (T0 + 2000, 2.0)]


def test_a_run_has_its_own_readings(history: History) -> None:
    history.take(message(0, [(S, T0, 1.0)]))
    history.take(message(0, [(S, T0, 2.0)], "run.storm1.readings.water"))
    assert history.last(S) == Last(T0, ARRIVED, 1.0)  # of live operation
    assert history.readings(S, T0, T0) == [(T0, 1.0)]
    assert history.readings(S, T0, T0, run="storm1") == [(T0, 2.0)]


@pytest.mark.parametrize(
    ("agg", "want"),
    [
        ("mean", [(0, 2.0), (3000, 5.0)]),
        ("min", [(0, 1.0), (3000, 5.0)]),
        ("max", [(0, 3.0), (3000, 5.0)]),
        ("last", [(0, 3.0), (3000, 5.0)]),
        ("count", [(0, 2.0), (3000, 1.0)]),
    ],
)
def test_buckets_leave_gaps_as_gaps(agg: str, want: list[tuple[int, float]]) -> None:
    ts, value = bucketed(np.array([0, 400, 3000]), np.array([1.0, 3.0, 5.0]), 1000, agg)
    assert list(zip(ts.tolist(), value.tolist(), strict=True)) == want


def test_offsets_and_rows_are_one_transaction(tmp_path: Path, history: History) -> None:
    tp = TopicPartition("readings.water", 0)
    history.take(message(41, [(S, T0, 1.0)]))
    assert history._begin({tp: (0, 100)}) == {tp: 0}
    history.flush()
    assert history._begin({tp: (0, 100)}) == {tp: 42}
    assert history._begin({tp: (50, 100)}) == {tp: 50}  # cut by retention
    assert history._begin({tp: (0, 10)}) == {tp: 0}  # another log
    again = History(Settings(env={}), tmp_path)
    assert again.readings(S, T0, T0) == [(T0, 1.0)]
    again._file.close()


def test_too_many_rows_are_thinned_in_time_and_no_sensor_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.history.time.monotonic", lambda: 0.0)
    history = History(Settings(env={}), tmp_path, max_rows_s=100)
    names = [f"s{k}" for k in range(8)]
    for k in range(1000):
        history.take(message(k, [(name, T0 + k * 1000, 1.0) for name in names]))
    kept = history.counters["rows_total"]
    assert kept + history.counters["thinned_rows_total"] == 8000
    assert 1000 <= kept < 2000
    counts = {len(history.readings(name, T0 + 200_000, 2**60)) for name in names}
    assert len(counts) == 1
    assert counts.pop() > 10
    history._file.close()


def test_a_message_that_cannot_be_read_is_counted_and_passed(history: History) -> None:
    history.take(SimpleNamespace(topic="readings.water", partition=0, offset=3, value=b"junk"))
    history.flush()
    assert history.counters["poison_total"] == 1
    assert history._file.offsets() == {("readings.water", 0): 4}


def test_old_chunks_go_and_size_is_bounded(tmp_path: Path) -> None:
    file = ChunkFile(tmp_path / "h.db", max_bytes=200_000)
    rng = np.random.default_rng(1)
    number = file.sensor_ids(["|a"])[0]
    for k in range(60):
        ts = T0 + k * 1_000_000 + np.arange(1000, dtype=np.int64)
        file.write(Rows(np.full(1000, number), ts, rng.normal(size=1000)), {}, 10**9)
    assert file._bytes(file._db) < 300_000
    assert len(file.read(number, T0 + 59_000_000, T0 + 60_000_000)) == 1
    file.write(Rows.concat([]), {}, -1000)
    assert file.read(number, 0, 2**60) == []
    file.close()


def test_a_gap_of_months_starts_a_new_chunk(history: History) -> None:
    far = T0 + 200 * 86_400_000
    history.take(message(0, [(S, T0, 1.0), (S, far, 2.0)]))
    history.flush()
    assert history.readings(S, 0, 2**60) == [(T0, 1.0), (far, 2.0)]
