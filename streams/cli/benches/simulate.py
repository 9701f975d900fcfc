"""A week of a synthetic city through the backtest: readings a second on two threads, and whether memory stays flat.

The tile is made as it is judged, and its making is in the time. Every 500th sensor loses 15 m for an hour on the last
day; the alerts must name each of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np
import psutil

from simulators.backtest import Backtest
from simulators.outcome import Outcome
from simulators.replay import run_settings
from simulators.tile import Tile
from streams.cli.benches.figure import Figure, Say
from streams.columns import Columns
from streams.errors import CityopsError
from streams.settings import Settings

SENSORS, INTERVAL_S, BEGIN_MS = 10_000, 60.0, 1_763_884_800_000
SICK_EVERY, SICK_AT, LOST_M, SICK_MS = 500, 7, 15.0, 3_600_000
HOUR_MS = 3_600_000


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `simulate.backtest_*`. Raises CityopsError where a sensor that fell is not in the alerts."""
    hours = 36 if quick else 7 * 24
    say(f"simulate: {SENSORS:,} sensors, a reading each {INTERVAL_S:g} s, {hours} h…")
    tile = Tile(SENSORS, INTERVAL_S, BEGIN_MS, round(hours * 3600 / INTERVAL_S))
    outcome, me = Outcome(), psutil.Process()

    def write(partition: int, record: bytes) -> None:
        outcome.add(msgspec.json.decode(record))

    test = Backtest(run_settings(Settings({}, env={}), "bench"), tile.registry, write, jobs=2)
    sick_ms, until_ms = BEGIN_MS + (hours - 4) * HOUR_MS, BEGIN_MS + hours * HOUR_MS
    readings, begun, early_mb, peak_mb = 0, time.perf_counter(), 0.0, 0.0
    for cols in tile.columns():
        test.feed(sick(cols, sick_ms))
        readings += len(cols)
        peak_mb = max(peak_mb, me.memory_info().rss / 2**20)
        if not early_mb and cols.ts_ms[-1] > BEGIN_MS + hours * HOUR_MS / 5:
            early_mb = peak_mb
    test.end(until_ms)
    seconds = time.perf_counter() - begun
    found = {s for a in outcome.alerts() for s in a["sensors"]}
    wanted = set(tile.names[SICK_AT::SICK_EVERY])
    if wanted - found or test.refused:
        raise CityopsError(f"backtest: {len(wanted - found)} of {len(wanted)} fallen sensors not found; {test.refused}")
    detail = {"seconds": round(seconds, 1), "alerts": len(outcome.alerts()), "fallen": len(wanted)}
    yield Figure("simulate.backtest_readings_per_s", readings / seconds, "readings/s", ">= 5000000", readings, detail)
    yield Figure("simulate.backtest_rss_mb", peak_mb, "MB", "<= 600", readings)
    yield Figure("simulate.backtest_rss_growth_mb", peak_mb - early_mb, "MB", "<= 20", readings)


def sick(cols: Columns, from_ms: int) -> Columns:
    """The same with every 500th sensor lower for an hour."""
    here = (cols.idx % SICK_EVERY == SICK_AT) & (cols.ts_ms >= from_ms) & (cols.ts_ms < from_ms + SICK_MS)
    return replace(cols, value=np.where(here, cols.value - LOST_M, cols.value)) if here.any() else cols
