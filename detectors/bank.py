"""Sensor id -> row, and the state of all rows: fixed records in arrays that grow by doubling.

Answers do not depend on how the arrays grew. `dump`/`load` are exact: the same bytes of every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from detectors.layout import RING, SLOT, SLOTS, STATE

_FIELDS: tuple[tuple[str, np.dtype[Any], tuple[int, ...]], ...] = (
    ("state", STATE, ()),
    ("slots", SLOT, (SLOTS,)),
    ("ring_t", np.dtype("<u4"), (RING,)),
    ("ring_v", np.dtype("<f4"), (RING,)),
)
LAYOUT = 3  # raise when layout.py changes, and add what it was to OLDER

_STATE_2 = np.dtype([f for f in STATE.descr if f[0] not in ("lag", "pad")] + [("pad", "u1", (6,))])  # no clock.py
OLDER: dict[int, tuple[tuple[str, np.dtype[Any], tuple[int, ...]], ...]] = {
    2: (("state", _STATE_2, ()), ("slots", SLOT, (5,)), *_FIELDS[2:]),
}


class StateError(ValueError):
    """Saved state cannot be used by this version of the detectors."""


def records(array: NDArray[Any]) -> NDArray[Any]:
    """The array as the compiled loops take it; with numba switched off a view whose fields are attributes."""
    return array.view(np.recarray) if numba.config.DISABLE_JIT else array


class Bank:
    """State of n sensors: `state` STATE[n], `slots` SLOT[n, SLOTS], `ring_t` uint32 and `ring_v` float32[n, RING].

    >>> bank = Bank(); bank.add("a"), bank.add("b"), bank.add("a")
    (0, 1, 0)
    """

    state: NDArray[Any]
    slots: NDArray[Any]
    ring_t: NDArray[np.uint32]
    ring_v: NDArray[np.float32]

    def __init__(self, capacity: int = 64) -> None:
        self.rows: dict[str, int] = {}
        for name, dtype, shape in _FIELDS:
            setattr(self, name, records(np.zeros((max(capacity, 1), *shape), dtype)))

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, sensor: str) -> int:
        """The row of a sensor, a new one where it is unknown."""
        row = self.rows.get(sensor)
        if row is None:
            row = self.rows[sensor] = len(self.rows)
            if row == len(self.state):
                self._resize(2 * row)
        return row

    def find(self, sensors: Sequence[str]) -> NDArray[np.int32]:
        """Rows int32[len(sensors)], -1 where unknown."""
        try:
            return np.fromiter(map(self.rows.__getitem__, sensors), np.int32, len(sensors))
        except KeyError:
            get = self.rows.get
            return np.array([get(s, -1) for s in sensors], np.int32)

    def forget(self, row: int) -> None:
        """A new device at the place of the old one: what was learned goes, time order and open episodes stay."""
        r = self.state[row]
        keep = {name: r[name].copy() for name in ("last_ts", "heard", "last", "profile", "seen", "busy", "lag")}
        self.state[row] = np.zeros((), STATE)
        for name, value in keep.items():
            r[name] = value

    def _resize(self, capacity: int) -> None:
        for name, dtype, shape in _FIELDS:
            new = np.zeros((capacity, *shape), dtype)
            old = getattr(self, name)
            new[: len(old)] = old
            setattr(self, name, records(new))

    def dump(self) -> dict[str, Any]:
        """The used rows as plain values for a snapshot: ids in row order and raw little-endian bytes.

        `state["profile"]` is left out: the owner sets it after `load`.
        """
        n = len(self)
        used = {name: getattr(self, name)[:n] for name, _, _ in _FIELDS}
        used["state"] = used["state"].copy()
        used["state"]["profile"] = 0  # the owner's table of parameters is not part of the state
        return {"layout": LAYOUT, "ids": list(self.rows), **{name: array.tobytes() for name, array in used.items()}}

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> Bank:
        """The bank of a `dump`, also of an older layout: fields it lacks begin at zero.

        Raises:
            StateError: a layout that is not known, or the lengths do not fit.
        """
        layout = dumped.get("layout")
        fields = _FIELDS if layout == LAYOUT else OLDER.get(layout or 0)
        if fields is None:
            raise StateError(f"detector state has layout {layout!r}, this version reads {min(OLDER)} to {LAYOUT}")
        ids = dumped["ids"]
        bank = cls(len(ids))
        bank.rows = {sensor: row for row, sensor in enumerate(ids)}
        for name, dtype, shape in fields:
            raw = dumped[name]
            if len(raw) != len(ids) * int(np.prod(shape, dtype=int)) * dtype.itemsize:
                raise StateError(f"detector state: {name} has {len(raw)} bytes for {len(ids)} sensors")
            _fill(getattr(bank, name)[: len(ids)], np.frombuffer(raw, dtype).reshape((len(ids), *shape)))
        return bank


def _fill(new: NDArray[Any], old: NDArray[Any]) -> None:
    """Copy what both have: fields by name, the first columns of a longer array."""
    if old.ndim > 1:
        new = new[:, : old.shape[1]]
    if new.dtype == old.dtype:
        new[...] = old
        return
    for name in set(old.dtype.names or ()) & set(new.dtype.names or ()) - {"pad"}:
        new[name] = old[name]
