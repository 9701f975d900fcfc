"""Sensor id -> row, and the state of all rows: fixed records in arrays that grow by doubling.

Answers do not depend on how the arrays grew. `dump`/`load` are exact: the same bytes of every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from detectors.layout import (
    BINS,
    BIT_DRIFT,
    BIT_MEAN,
    BIT_MOVE,
    BIT_QUANTILE,
    BIT_SEASON,
    BIT_SHIFT,
    BIT_STILL,
    BLOCK,
    BLOCK_SLOTS,
    HOURS,
    RING,
    SLOT,
    SLOTS,
    STATE,
)

_Fields = tuple[tuple[str, np.dtype[Any], tuple[int, ...]], ...]
_FIELDS: _Fields = (
    ("state", STATE, ()),
    ("slots", SLOT, (SLOTS,)),
    ("ring_t", np.dtype("<u4"), (RING,)),
    ("ring_v", np.dtype("<f4"), (RING,)),
)
_BLOCKS: _Fields = (  # only for rows that ask; row 0 is nobody's
    ("blocks", BLOCK, ()),
    ("block_slots", SLOT, (BLOCK_SLOTS,)),
    ("seasons", np.dtype("<f4"), (BINS + HOURS,)),
)
LAYOUT = 4  # raise when layout.py changes, and add what it was to OLDER

_STATE_3 = np.dtype([f for f in STATE.descr if f[0] not in ("block", "shape")])  # no blocks
_STATE_2 = np.dtype([f for f in _STATE_3.descr if f[0] not in ("lag", "pad")] + [("pad", "u1", (6,))])  # no clock.py
OLDER: dict[int, _Fields] = {
    3: (("state", _STATE_3, ()), *_FIELDS[1:]),
    2: (("state", _STATE_2, ()), ("slots", SLOT, (5,)), *_FIELDS[2:]),
}
FIELDS_OF: dict[int, tuple[str, ...]] = {  # what a detector with a block learns
    BIT_SEASON: ("base", "bin_sum", "expected", "sigma", "bin", "bin_n", "bins_seen", "season_tail"),
    BIT_SHIFT: (
        "shift_level", "shift_scale", "up", "down", "up_since", "down_since", "shift_n", "shift_tail", "shift_peak",
    ),
    BIT_MEAN: ("mean_level", "mean_scale", "mean_up", "mean_down", "mean_n", "mean_tail", "mean_peak"),
    BIT_QUANTILE: ("median", "mad", "median_n"),
    BIT_DRIFT: ("drift_now", "drift_ref", "drift_scale", "drift_n"),
    BIT_MOVE: ("before", "move_now", "move_ref", "move_n", "move_tail"),
    BIT_STILL: ("still_now", "still_least", "still_n", "still_run"),
}  # fmt: skip


class StateError(ValueError):
    """Saved state cannot be used by this version of the detectors."""


def records(array: NDArray[Any]) -> NDArray[Any]:
    """The array as the compiled loops take it; with numba switched off a view whose fields are attributes."""
    return array.view(np.recarray) if numba.config.DISABLE_JIT else array


class Bank:
    """State of n sensors: `state` STATE[n], `slots` SLOT[n, SLOTS], `ring_t` uint32 and `ring_v` float32[n, RING];
    of those that asked `blocks` BLOCK[m], `block_slots` SLOT[m, BLOCK_SLOTS], `seasons` float32[k, BINS + HOURS].

    >>> bank = Bank(); bank.add("a"), bank.add("b"), bank.add("a")
    (0, 1, 0)
    """

    state: NDArray[Any]
    slots: NDArray[Any]
    ring_t: NDArray[np.uint32]
    ring_v: NDArray[np.float32]
    blocks: NDArray[Any]
    block_slots: NDArray[Any]
    seasons: NDArray[np.float32]

    def __init__(self, capacity: int = 64) -> None:
        self.rows: dict[str, int] = {}
        self.n_blocks = self.n_seasons = 1
        for name, dtype, shape in _FIELDS:
            setattr(self, name, records(np.zeros((max(capacity, 1), *shape), dtype)))
        for name, dtype, shape in _BLOCKS:
            setattr(self, name, records(np.zeros((1, *shape), dtype)))

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

    def ask(self, row: int, p: Any) -> None:
        """Give a row the block and the season that the detectors of its parameters `p` (RECORD) need.

        What they learned stays, but a detector that is new here, or a season of another length, begins anew.
        """
        r, bits = self.state[row], int(p["blocks"])
        if bits == int(r["shape"]) == 0:
            return
        if bits and not r["block"]:
            r["block"], self.n_blocks = self.n_blocks, self.n_blocks + 1
            if self.n_blocks > len(self.blocks):
                self._resize(2 * len(self.blocks), _BLOCKS[:2])
        b, season_s = self.blocks[r["block"]], int(p["season_ms"]) // 1000
        if bits & BIT_SEASON and not b["season"]:
            b["season"], self.n_seasons = self.n_seasons, self.n_seasons + 1
            if self.n_seasons > len(self.seasons):
                self._resize(2 * len(self.seasons), _BLOCKS[2:])
        new = bits & ~int(r["shape"])
        if bits & BIT_SEASON and b["season_s"] != season_s:
            new |= BIT_SEASON
            b["season_s"] = season_s
        r["shape"] = bits
        self.unlearn(row, new)

    def unlearn(self, row: int, bits: int = -1) -> None:
        """What the detectors of `bits` (default: all) have learned in the row's block goes; the block itself stays."""
        b = self.blocks[self.state[row]["block"]]
        for bit, names in FIELDS_OF.items():
            if bits & bit:
                for name in names:
                    b[name] = 0
        if bits & BIT_SEASON:
            self.seasons[b["season"]] = np.nan if b["season"] else 0.0

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
        names = ("last_ts", "heard", "last", "profile", "seen", "busy", "lag", "block", "shape")
        keep = {name: r[name].copy() for name in names}
        self.state[row] = np.zeros((), STATE)
        for name, value in keep.items():
            r[name] = value
        self.unlearn(row)

    def _resize(self, capacity: int, fields: _Fields = _FIELDS) -> None:
        for name, dtype, shape in fields:
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
        out = {"layout": LAYOUT, "ids": list(self.rows), **{name: array.tobytes() for name, array in used.items()}}
        if self.n_blocks > 1:
            n_of = {"seasons": self.n_seasons}
            out |= {name: getattr(self, name)[: n_of.get(name, self.n_blocks)].tobytes() for name, _, _ in _BLOCKS}
        return out

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
        if layout == LAYOUT and "blocks" in dumped:
            bank._load_blocks(dumped)
        return bank

    def _load_blocks(self, dumped: dict[str, Any]) -> None:
        for name, dtype, shape in _BLOCKS:
            raw = dumped[name]
            width = int(np.prod(shape, dtype=int)) * dtype.itemsize
            if len(raw) % width or not raw:
                raise StateError(f"detector state: {name} has {len(raw)} bytes, want a multiple of {width}")
            setattr(self, name, records(np.frombuffer(raw, dtype).reshape((-1, *shape)).copy()))
        self.n_blocks, self.n_seasons = len(self.blocks), len(self.seasons)
        if len(self.block_slots) != self.n_blocks or self.state["block"].max(initial=0) >= self.n_blocks:
            raise StateError("detector state: rows name blocks that are not there")


def _fill(new: NDArray[Any], old: NDArray[Any]) -> None:
    """Copy what both have: fields by name, the first columns of a longer array."""
    if old.ndim > 1:
        new = new[:, : old.shape[1]]
    if new.dtype == old.dtype:
        new[...] = old
        return
    for name in set(old.dtype.names or ()) & set(new.dtype.names or ()) - {"pad"}:
        new[name] = old[name]
