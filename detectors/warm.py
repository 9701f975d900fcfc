"""Compile every detector loop now, so that no reading ever waits for the compiler."""

from __future__ import annotations

import time

import numpy as np

from detectors import debounce, dropout, fused
from detectors.bank import Bank, records
from detectors.layout import EVENT
from detectors.library import ENTRIES, Alone
from detectors.params import DEFAULTS, RECORD, compile_params


def warm(standalone: bool = False) -> float:
    """Compile (or load from the cache) what the kernel calls; with `standalone` also each detector's own loop.

    Returns the seconds it took.
    """
    begin = time.perf_counter()
    bank = Bank(1)
    bank.add("warm")
    params = records(np.zeros(1, RECORD))
    params[0] = compile_params(DEFAULTS, 60.0)
    rows, idx, ts = np.zeros(1, np.int32), np.zeros(1, np.int32), np.ones(1, np.int64)
    values, quality, counts = np.zeros(1), np.zeros(0, np.uint8), np.zeros(5, np.int64)
    events, actions = records(np.zeros(8, EVENT)), np.zeros(1, np.uint8)
    fused.apply(
        bank.state, bank.slots, params, bank.ring_t, bank.ring_v, rows, idx, ts, values, quality, counts, 0, 1, events,
        0, bank.blocks, bank.block_slots, bank.seasons,
    )  # fmt: skip
    dropout.tick(bank.state, bank.slots, params, 2, 0, 1, rows, actions)
    fused.silent(bank.state, params, bank.slots, bank.ring_t, bank.ring_v, rows, actions, 1, 2, events)
    if standalone:
        for name in ENTRIES:
            Alone(name).step(rows, ts, values)
        debounce.run(bank.slots, 0, rows, ts, actions, params[0], actions)
    return time.perf_counter() - begin
