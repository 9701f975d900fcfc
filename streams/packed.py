"""Packed version 1: one msgpack map whose columns are little-endian bytes, as the public contract has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from streams.columns import Columns

MAX_ROWS = 100_000


class CodecError(ValueError):
    """A message cannot be read; the text is the reason given to the sender."""


@dataclass(frozen=True)
class Packed:
    """An unpacked message: rows, sender and number; internal topics add `cfg` (registry records), `tick`, and `at`.

    `tick`: epoch ms that time has reached; `at`: epoch ms at which the rows arrived, 0 where nobody knows.
    """

    cols: Columns
    src: str = ""
    seq: int = 0
    cfg: list[dict[str, Any]] = field(default_factory=list)
    tick: int | None = None
    at: int = 0


class Names(Sequence[str]):
    """Sensor ids of a message, still as the bytes they came in; decoded where somebody asks for one.

    `raw` is what a reader that meets the same list again can know it by.
    """

    __slots__ = ("_list", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._list: list[str] | None = None

    def all(self) -> list[str]:
        """The ids. Raises CodecError where the bytes are no list of texts."""
        if self._list is None:
            try:
                self._list = _names.decode(self.raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
                raise CodecError(f"packed message: column s: {e}") from None
        return self._list

    def __len__(self) -> int:
        return len(self.all())

    def __getitem__(self, k: Any) -> Any:
        return self.all()[k]


_names = msgspec.msgpack.Decoder(list[str])
_encoder = msgspec.msgpack.Encoder()
_OPTIONAL_KEYS = (("lon", "lon", "<f8"), ("lat", "lat", "<f8"), ("acc", "accuracy", "<f4"), ("q", "quality", "u1"))


def pack(
    cols: Columns,
    src: str = "",
    seq: int = 0,
    cfg: list[dict[str, Any]] | None = None,
    tick: int | None = None,
    at: int = 0,
) -> bytes:
    """One message of packed version 1.

    >>> from streams.columns import from_rows
    >>> unpack(pack(from_rows([("a", 1, 2.5)]), "me", 7)).seq
    7
    """
    out: dict[str, Any] = {
        "v": 1,
        "src": src,
        "seq": seq,
        "s": cols.sensors if isinstance(cols.sensors, list) else list(cols.sensors),
        "i": cols.idx.astype("<i4", copy=False).tobytes(),
        "t": cols.ts_ms.astype("<i8", copy=False).tobytes(),
        "x": cols.value.astype("<f8", copy=False).tobytes(),
    }
    if cols.metric_idx is not None:
        out["m"] = cols.metrics or []
        out["mi"] = cols.metric_idx.astype("<i2", copy=False).tobytes()
    for key, name, dtype in _OPTIONAL_KEYS:
        col = getattr(cols, name)
        if col is not None:
            out[key] = col.astype(dtype, copy=False).tobytes()
    if cfg:
        out["cfg"] = cfg
    if tick is not None:
        out["tick"] = tick
    if at:
        out["at"] = at
    return _encoder.encode(out)


class _Columns(msgspec.Struct):
    v: int
    i: bytes = b""
    t: bytes = b""
    x: bytes = b""
    src: str = ""
    seq: int = 0
    m: list[str] | None = None
    mi: bytes | None = None
    lon: bytes | None = None
    lat: bytes | None = None
    acc: bytes | None = None
    q: bytes | None = None
    cfg: list[dict[str, Any]] = []
    tick: int | None = None
    at: int = 0


class _Wire(_Columns):
    s: list[str] = []


class _Trusted(_Columns):
    s: msgspec.Raw = msgspec.Raw(b"\x90")


_unpacker, _trusted = msgspec.msgpack.Decoder(_Wire), msgspec.msgpack.Decoder(_Trusted)


def unpack(value: bytes, trusted: bool = False) -> Packed:
    """Read one packed message. `trusted`: the packer wrote it; its ids stay bytes, its indexes are not looked at.

    Raises
    ------
    CodecError
        truncated or no msgpack, an unknown version, columns of different length, an index outside `s`.
    """
    try:
        w: Any = (_trusted if trusted else _unpacker).decode(value)
    except msgspec.ValidationError as e:
        raise CodecError(f"packed message: {e}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CodecError("packed message is truncated or not msgpack") from None
    if w.v != 1:
        raise CodecError(f"packed message has version v={w.v}; this system reads v=1")
    idx = _column(w.i, "<i4", "i", None)
    n = len(idx)
    if n > MAX_ROWS:
        raise CodecError(f"packed message has {n} rows; at most {MAX_ROWS} are taken")
    if not trusted and n and (idx.min() < 0 or idx.max() >= len(w.s)):
        raise CodecError(f"packed message: column i points outside its {len(w.s)} sensors")
    mi = None if w.mi is None else _column(w.mi, "<i2", "mi", n)
    if mi is not None and n and (mi.min() < -1 or mi.max() >= len(w.m or [])):
        raise CodecError("packed message: column mi points outside its metric names")
    extra = {
        name: None if getattr(w, key) is None else _column(getattr(w, key), dtype, key, n)
        for key, name, dtype in _OPTIONAL_KEYS
    }
    names = Names(bytes(w.s)) if trusted else w.s
    metrics = w.m if mi is not None else None
    cols = Columns(names, idx, _column(w.t, "<i8", "t", n), _column(w.x, "<f8", "x", n), metrics, mi, **extra)
    return Packed(cols, w.src, w.seq, w.cfg, w.tick, w.at)


def _column(data: bytes, dtype: str, name: str, n: int | None) -> Any:
    size = np.dtype(dtype).itemsize
    if len(data) % size or (n is not None and len(data) != n * size):
        want = "a whole number of" if n is None else f"{n}"
        raise CodecError(f"packed message: column {name} has {len(data)} bytes, want {want} × {size}")
    return np.frombuffer(data, dtype)
