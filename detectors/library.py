"""Any one algorithm alone over a series, all in the same form: for plots, tests, costs, and trying out parameters.

The kernel does not use this: it runs all of them in one pass (`fused.py`). A reading that is not judged there (not
finite, late, of the same time) gets score 0 here and teaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import (
    adaptive,
    clock,
    cusum,
    drift,
    dropout,
    ewma,
    flatline,
    limits,
    page_hinkley,
    quantile,
    rate,
    seasonal,
    stuck,
    variance,
)
from detectors.bank import Bank
from detectors.params import DEFAULTS, compile_params

F64 = NDArray[np.float64]
Call = Callable[[Any, Bank, Any, Any, Any, Any, Any, Any], None]


class Scored(NamedTuple):
    """scores float64[n] in [0, 1]; expected, low, high float64[n], NaN where nothing is expected."""

    scores: F64
    expected: F64
    low: F64
    high: F64


class Entry(NamedTuple):
    """How an algorithm is called, what switches it on, and bytes of state it reads and writes a sensor."""

    module: Any
    call: Call
    on: Mapping[str, float]
    state_bytes: int


def _with_ring(m: Any, b: Bank, rows: Any, ts: Any, x: Any, p: Any, s: Any, band: Any) -> None:
    m(b.state, b.ring_t, b.ring_v, rows, ts, x, p, s, band)


def _with_state(m: Any, b: Bank, rows: Any, ts: Any, x: Any, p: Any, s: Any, band: Any) -> None:
    m(b.state, rows, x, p, s, band)


def _with_time(m: Any, b: Bank, rows: Any, ts: Any, x: Any, p: Any, s: Any, band: Any) -> None:
    m(b.state, rows, ts, x, p, s, band)


def _with_slots(m: Any, b: Bank, rows: Any, ts: Any, x: Any, p: Any, s: Any, band: Any) -> None:
    m(b.slots, rows, x, p, s, band)


def _with_block(m: Any, b: Bank, rows: Any, ts: Any, x: Any, p: Any, s: Any, band: Any) -> None:
    m(b.blocks, b.state["block"][rows], x, p, s, band)


def _with_block_time(m: Any, b: Bank, rows: Any, ts: Any, x: Any, p: Any, s: Any, band: Any) -> None:
    m(b.blocks, b.state["block"][rows], ts, x, p, s, band)


def _with_season(m: Any, b: Bank, rows: Any, ts: Any, x: Any, p: Any, s: Any, band: Any) -> None:
    m(b.blocks, b.seasons, b.state["block"][rows], ts, x, p, s, band)


ENTRIES: Mapping[str, Entry] = {
    "adaptive": Entry(adaptive, _with_ring, {}, 64 + 192),
    "ewma": Entry(ewma, _with_state, {}, 20),
    "limits": Entry(limits, _with_slots, {}, 2),
    "rate": Entry(rate, _with_ring, {}, 4 + 192),
    "flatline": Entry(flatline, _with_time, {"flatline.n": 60}, 24),
    "dropout": Entry(dropout, _with_time, {}, 16),
    "clock": Entry(clock, _with_state, {}, 4),
    "quantile": Entry(quantile, _with_block, {"quantile.on": 1}, 20),
    "seasonal": Entry(seasonal, _with_season, {"seasonal.on": 1}, 56 + 768),
    "cusum": Entry(cusum, _with_block_time, {"cusum.on": 1}, 60),
    "page_hinkley": Entry(page_hinkley, _with_block, {"page_hinkley.on": 1}, 44),
    "drift": Entry(drift, _with_block, {"drift.on": 1}, 28),
    "variance": Entry(variance, _with_block, {"variance.on": 1}, 32),
    "stuck": Entry(stuck, _with_block, {"stuck.n": 60}, 36),
}


class Alone:
    """One algorithm and its state for some sensors.

    >>> x = np.r_[np.random.default_rng(0).normal(40, 0.1, 200), 30.0]
    >>> alone = Alone("adaptive", interval_s=60.0)
    >>> round(float(alone.step(np.zeros(201, np.int32), np.arange(1, 202) * 60_000, x).scores[-1]), 3)
    1.0
    """

    def __init__(
        self, name: str, params: Mapping[str, float] | None = None, interval_s: float = 60.0, sensors: int = 1
    ) -> None:
        self.entry = ENTRIES[name]
        self.name = name
        self.p = compile_params({**DEFAULTS, **self.entry.on, **(params or {})}, interval_s)
        self.bank = Bank(sensors)
        for k in range(sensors):
            self.bank.ask(self.bank.add(f"s{k}"), self.p)
        self.last_ms = np.zeros(sensors, np.int64)

    def step(self, rows: NDArray[np.int32], ts_ms: NDArray[np.int64], values: F64, compiled: bool = True) -> Scored:
        """Readings in order of arrival: rows int32[n], ts_ms int64[n] (above 0), values float64[n] -> Scored of n."""
        n = len(rows)
        scores, band = np.zeros(n), np.full((n, 3), np.nan)
        ok = self._fresh(rows, ts_ms, values)
        part, into = np.zeros(int(ok.sum())), np.full((int(ok.sum()), 3), np.nan)
        run = self.entry.module.run if compiled else self.entry.module.run.py_func
        bank, p = (self.bank, self.p) if compiled else (_readable(self.bank), np.array(self.p).view(np.recarray)[()])
        self.entry.call(run, bank, rows[ok], ts_ms[ok], values[ok], p, part, into)
        scores[ok], band[ok] = part, into
        return Scored(scores, band[:, 0], band[:, 1], band[:, 2])

    def _fresh(self, rows: NDArray[np.int32], ts_ms: NDArray[np.int64], values: F64) -> NDArray[np.bool_]:
        """Readings that are judged: newer than all before of the sensor, and finite (a tick of `dropout` is not)."""
        ok = np.zeros(len(rows), bool)
        last = self.last_ms
        for i, (row, ts) in enumerate(zip(rows.tolist(), ts_ms.tolist(), strict=True)):
            if ts > last[row] and (np.isfinite(values[i]) or self.name == "dropout"):
                ok[i] = True
                last[row] = ts
        return ok

    def dump(self) -> dict[str, Any]:
        """Exact state, as of the bank."""
        return {"bank": self.bank.dump(), "last_ms": self.last_ms.tolist()}

    def load(self, dumped: dict[str, Any]) -> None:
        """Go on where `dump` was."""
        self.bank = Bank.load(dumped["bank"])
        self.last_ms = np.array(dumped["last_ms"], np.int64)


def _readable(bank: Bank) -> Any:
    """The bank as the uncompiled twin of a loop takes it: the same memory, fields are attributes."""
    twin = Bank.__new__(Bank)
    for name in ("state", "slots", "blocks", "block_slots"):
        setattr(twin, name, getattr(bank, name).view(np.recarray))
    twin.ring_t, twin.ring_v, twin.seasons = bank.ring_t, bank.ring_v, bank.seasons
    return twin


def score(
    name: str,
    ts_ms: NDArray[np.int64],
    values: F64,
    params: Mapping[str, float] | None = None,
    interval_s: float = 60.0,
) -> Scored:
    """One algorithm over one sensor's series."""
    return Alone(name, params, interval_s).step(np.zeros(len(values), np.int32), ts_ms, values)
