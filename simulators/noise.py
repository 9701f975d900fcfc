"""Counter-based noise: a number that depends on (key, time) only, so any chunking of time gives the same bytes.

The generator is the finaliser of SplitMix64 over `key + time * golden` (Steele, Lea, Flood, *Fast splittable
pseudorandom number generators*, OOPSLA 2014). Normal deviates are the Irwin-Hall sum of eight 16-bit uniforms:
integer arithmetic and one multiplication, thus the same on every machine, which a vectorised `log` is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_LOW16 = np.uint64(0xFFFF)
_IRWIN_HALL_8 = (12.0 / 8.0) ** 0.5


def key(seed: int, *names: object) -> int:
    """A 64-bit key for a seed and names (BLAKE2b)."""
    text = "\x1f".join(map(str, (seed, *names))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def keys(seed: int, names: Sequence[str], what: str) -> U64:
    """One key per name: uint64[S]."""
    return np.array([key(seed, what, name) for name in names], np.uint64)


def fraction(seed: int, *names: object) -> float:
    """One uniform number in [0, 1) that belongs to (seed, names).

    >>> fraction(1, "a") == fraction(1, "a") != fraction(2, "a")
    True
    """
    return (key(seed, *names) >> 11) * 2.0**-53


def _hash(counter: U64) -> U64:
    with np.errstate(over="ignore"):
        z = counter
        z = (z ^ (z >> np.uint64(30))) * _M1
        z = (z ^ (z >> np.uint64(27))) * _M2
        return z ^ (z >> np.uint64(31))


def _grid(ks: U64, ticks: I64) -> U64:
    with np.errstate(over="ignore"):
        steps = (ticks.astype(np.uint64) * np.uint64(2) + np.uint64(1)) * _GOLDEN
        return _hash(ks)[None, :] + steps[:, None]


def uniform(ks: U64, ticks: I64) -> F64:
    """Uniform in [0, 1): float64[T, S] for keys uint64[S] and counters int64[T]."""
    return (_hash(_grid(ks, ticks)) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(ks: U64, ticks: I64) -> F64:
    """Nearly normal, mean 0 and variance 1, within ±4.9: float64[T, S]."""
    total = np.zeros((len(ticks), len(ks)), np.int64)
    grid = _grid(ks, ticks)
    for half in (np.uint64(0), _GOLDEN):
        with np.errstate(over="ignore"):
            z = _hash(grid + half)
        for shift in (0, 16, 32, 48):
            total += ((z >> np.uint64(shift)) & _LOW16).astype(np.int64)
    out: F64 = (total - 4 * 65535).astype(np.float64) * (_IRWIN_HALL_8 / 65536.0)
    return out


def smooth(ks: U64, ts_ms: I64, period_s: float) -> F64:
    """Slow noise: normals at knots each `period_s`, joined by a smoothstep: float64[T, S], variance ≤ 1."""
    period = int(period_s * 1000)
    knot = ts_ms // period
    u = (ts_ms - knot * period) / period
    w = (u * u * (3.0 - 2.0 * u))[:, None]
    first = int(knot.min()) if len(knot) else 0
    span = int(knot.max()) - first + 2 if len(knot) else 0
    if 0 < span <= 4 * len(knot) + 2:  # few knots for many times: draw each knot once
        table = normal(ks, np.arange(first, first + span, dtype=np.int64))
        a, b = table[knot - first], table[knot - first + 1]
    else:
        a, b = normal(ks, knot), normal(ks, knot + 1)
    out: F64 = a * (1.0 - w) + b * w
    return out


def diurnal(hours: Sequence[float], ts_ms: I64, utc_offset_h: float = 8.0) -> F64:
    """A 24-value daily pattern at local time, linear between the hours: float64[T]."""
    local = (ts_ms / 3_600_000.0 + utc_offset_h) % 24.0
    out: F64 = np.interp(local, np.arange(25.0), np.array([*hours, hours[0]]))
    return out
