"""One sensor's detectors as in operation, as a score a row: what `cityops detect-stream --profile P` runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from detectors import adaptive, fused
from detectors.bank import Bank, records
from detectors.catalog import Profile
from detectors.layout import ACTIVE, EVENT, SLOTS
from detectors.params import compile_params

Floats = npt.NDArray[np.float64]
INTERVAL_S = 60.0  # before the first step between two rows is known


def of(profile: Profile) -> Callable[[npt.NDArray[np.datetime64], Floats], Floats]:
    """f(timestamps datetime64[T], values float64[T] or [T, 1]) -> scores float64[T] in [0, 1].

    While an episode is open the score is 0.5 or more, otherwise below; within its half it follows the tail
    probability of the deviation. Rows that the detectors do not judge (NaN, not newer than the last) score 0.
    The sampling interval is the first step between two judged rows.
    """
    bank, events = Bank(1), records(np.zeros(2 * SLOTS + 2, EVENT))
    bank.add("one")
    table = records(np.array([compile_params(profile.params, INTERVAL_S, profile.low_slot)]))
    idx, rows = np.zeros(1, np.int32), np.zeros(1, np.int32)
    counts, quality = np.zeros(5, np.int64), np.zeros(0, np.uint8)
    stepped = False

    def score(timestamps: npt.NDArray[np.datetime64], values: Floats) -> Floats:
        nonlocal stepped
        stamps = np.asarray(timestamps).astype("datetime64[ms]").astype(np.int64)
        flat = np.asarray(values, dtype=np.float64).reshape(len(stamps))
        out = np.zeros(len(stamps))
        for i in range(len(stamps)):
            r = bank.state[0]
            last = int(r["last_ts"])
            if not np.isfinite(flat[i]) or (last and stamps[i] <= last):
                continue
            if last and not stepped:
                table[0] = compile_params(profile.params, (stamps[i] - last) / 1000.0, profile.low_slot)
                bank.ask(0, table[0])
                stepped = True
            off = float(adaptive.score(adaptive.judge(r, flat[i], table[0])))
            fused.apply(
                bank.state, bank.slots, table, bank.ring_t, bank.ring_v, rows, idx, stamps[i : i + 1],
                flat[i : i + 1], quality, counts, 0, 0, events, 0, bank.blocks, bank.block_slots, bank.seasons,
            )  # fmt: skip
            loud = bool((bank.slots[0]["phase"] == ACTIVE).any())
            out[i] = 0.5 + 0.5 * off if loud else 0.4999 * off
        return out

    return score
