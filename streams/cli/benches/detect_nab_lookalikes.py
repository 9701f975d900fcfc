"""Signals like those of the benchmark's groups that the project does not hold, made with known anomalies.

Machine metrics of a cloud (load, network, disk) every 5 min for two weeks, counts of tweets every 5 min for eight
weeks, speeds and occupancies of roads every 5 to 15 min. A label window is a tenth of a file over its windows, centred
on the anomaly, as in the benchmark. They are a check that one configuration holds on other kinds of signal, not a goal:
what is simulated is what we think such signals are.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from streams.cli.benches.detect_nab_file import File

F64 = NDArray[np.float64]
GROUPS = ("like_cloud", "like_tweets", "like_roads")
EACH = 4
DAY = 288  # rows of 5 min
START = np.datetime64("2014-04-01T00:00:00", "ns")


def daily(n: int, rows: int, rng: np.random.Generator) -> F64:
    """A day's curve in [0, 1] with a fainter weekend."""
    t = np.arange(n) / rows
    curve = 0.5 - 0.5 * np.cos(2 * np.pi * (t - rng.uniform(0.1, 0.3)))
    return curve * np.where((t.astype(int) % 7) < 5, 1.0, rng.uniform(0.6, 1.0))


def places(n: int, k: int, rng: np.random.Generator) -> list[int]:
    """k rows of the last three quarters, well apart."""
    part = np.linspace(0.25 * n, 0.95 * n, k + 1)
    return [int(rng.uniform(a + 0.15 * (b - a), b - 0.15 * (b - a))) for a, b in pairwise(part)]


def cloud(rng: np.random.Generator) -> tuple[F64, list[int]]:
    """A machine's metric: a level with short jobs at it, and another regime, a burst, a stall or a larger spike."""
    n = 14 * DAY
    base = rng.choice([2.0, 40.0, 3e5])
    x = base * (1 + rng.choice([0.02, 0.1, 0.3]) * rng.standard_gamma(2.0, n) / 2)
    every = int(rng.choice([12, 24, 72, 288]))
    if rng.random() < 0.6:  # jobs of a clock
        for k in range(int(rng.integers(0, every)), n - 4, every):
            x[k : k + int(rng.integers(1, 4))] *= rng.uniform(1.5, 2.5)
    wild = rng.random(n) < rng.choice([0.0, 0.002, 0.006])
    x[wild] *= rng.uniform(1.5, 4.0, int(wild.sum()))  # single spikes are normal there
    at = places(n, int(rng.integers(1, 4)), rng)
    for p in at:
        kind, long = int(rng.integers(0, 4)), int(rng.integers(6, 60))
        if kind == 0:
            x[p:] += base * rng.choice([-0.5, 1.0])  # another regime
        elif kind == 1:
            x[p : p + long] += base * rng.uniform(2, 5)
        elif kind == 2:
            x[p : p + long] = x[p] * 0.02
        else:
            x[p : p + 3] += x.max() * rng.uniform(0.5, 2.0)
    return np.maximum(x, 0.0).round(3), at


def tweets(rng: np.random.Generator) -> tuple[F64, list[int]]:
    """Counts with a day's cycle and a heavy tail; bursts that fade in an hour or two."""
    n = 55 * DAY
    rate = rng.choice([3.0, 12.0, 40.0]) * (0.3 + daily(n, DAY, rng))
    lively = rng.gamma(rng.choice([2.0, 5.0]), size=n)
    x = rng.poisson(rate * lively / lively.mean()).astype(np.float64)
    for p in places(n, 40, rng):  # every day something small happens
        x[p : p + 6] += rate.mean() * rng.uniform(0.5, 2.0) * np.exp(-np.arange(6) / 3)
    at = places(n, int(rng.integers(2, 5)), rng)
    for p in at:
        long = int(rng.integers(10, 40))
        x[p : p + 3 * long] += rate.mean() * rng.uniform(8, 40) * np.exp(-np.arange(3 * long) / long)
    return x.round(), at


def roads(rng: np.random.Generator) -> tuple[F64, list[int]]:
    """A loop's speed or occupancy with rush hours; incidents at other times, and a loop that is broken for a while."""
    rows = int(rng.choice([96, 144, 288]))
    n = 12 * rows
    rush = daily(n, rows // 2, rng) ** 3
    slow = bool(rng.random() < 0.5)
    x = 68 - 12 * rush + rng.normal(0, 3, n) if slow else 3 + 14 * rush + rng.gamma(2.0, 1.0, n)
    at = places(n, int(rng.integers(1, 4)), rng)
    for p in at:
        long = max(rows // int(rng.integers(12, 36)), 4)
        x[p : p + long] += (-35 if slow else 25) * rng.uniform(0.8, 1.3)
    return np.maximum(x, 0.0).round(2), at


def files(each: int = EACH, seed: int = 77) -> list[File]:
    """Labelled signals, `each` of every group."""
    makers: tuple[Callable[[np.random.Generator], tuple[F64, list[int]]], ...] = (cloud, tweets, roads)
    out = []
    for group, maker in zip(GROUPS, makers, strict=True):
        for k in range(each):
            x, at = maker(np.random.default_rng([seed, k, len(group)]))
            half = len(x) // (20 * len(at))
            windows = [(max(p - half, 0), min(p + half, len(x) - 1)) for p in at]
            stamps = START + np.arange(len(x)) * np.timedelta64(300, "s")
            out.append(File(group, f"{group}_{k}", stamps, x, windows))
    return out
