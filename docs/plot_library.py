"""Draw docs/img/detect_library_*.png: each single-sensor algorithm on a signal that it is for.

    .venv/bin/python docs/plot_library.py

Each picture: the signal (blue), expected value and band (orange), score (below), the time in which something is wrong
(green) and where the algorithm says so (red).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.adaptive import score as tail
from detectors.cusum import score as walk
from detectors.library import score

IMAGES = Path(__file__).parent / "img"
T0 = 1_763_856_000_000  # 2025-11-23 00:00 UTC
DAY = 1440
F64 = NDArray[np.float64]


class Case(NamedTuple):
    """One panel: a signal of one value a minute, the truth as (first, last) index, from which index it is shown."""

    name: str
    title: str
    x: F64
    truth: tuple[int, int]
    shown: int
    told: float  # score from which the kernel tells it
    params: dict[str, float]


def noise(n: int, size: float, seed: int) -> F64:
    return np.random.default_rng(seed).normal(0, size, n)


def daily(days: float, seed: int) -> F64:
    t = np.arange(int(days * DAY)) / DAY
    return 40 + 3 * np.sin(2 * np.pi * t) + noise(len(t), 0.2, seed)


def cases() -> list[Case]:
    step = 40 + noise(DAY, 0.2, 1)
    step[900:960] -= 3
    spikes = 40 + noise(DAY, 0.15, 2)
    spikes[np.random.default_rng(3).random(DAY) < 0.2] += 8
    spikes[1100:1180] = 37 + noise(80, 0.15, 4)
    week = daily(16, 5)
    week[-500:-380] -= 2.5
    shift = 40 + noise(3 * DAY, 0.5, 6)
    shift[-300:] -= 0.8
    mean = 40 + noise(4 * DAY, 0.5, 7)
    mean[-1200:] += 0.35
    drift = 40 + noise(40 * DAY, 0.2, 8)
    drift[-12 * DAY :] += np.linspace(0, 2.5, 12 * DAY)
    swing = 40 + noise(2 * DAY, 0.2, 9)
    swing[-400:-300] += noise(100, 0.7, 10)
    stuck = 40 + noise(DAY, 0.3, 11)
    stuck[-300:] = 39.8 + noise(300, 0.004, 12)
    flat = np.round(40 + noise(DAY, 0.3, 13), 1)
    flat[-300:] = 40.2
    gas = np.abs(1 + noise(DAY, 0.3, 14))
    gas[900:1000] += np.concatenate([np.linspace(0, 55, 60), np.linspace(55, 0, 40)])
    limits = {"limits.high_1": 10.0, "limits.high_2": 25.0, "limits.high_3": 50.0}
    return [
        Case("adaptive", "adaptive: a step", step, (900, 959), 600, tail(6.0), {}),
        Case("ewma", "ewma: a step", step, (900, 959), 600, tail(6.0), {}),
        Case("quantile", "quantile: a step among spikes", spikes, (1100, 1179), 700, tail(8.0), {}),
        Case("seasonal", "seasonal: low for the hour", week, (len(week) - 500, len(week) - 381), -4 * DAY,
             tail(6.0), {}),
        Case("cusum", "cusum: a small shift", shift, (len(shift) - 300, len(shift) - 1), -900, walk(15.0, 0.5), {}),
        Case("page_hinkley", "page_hinkley: a smaller one", mean, (len(mean) - 1200, len(mean) - 1), -3000,
             walk(50.0, 0.25), {}),
        Case("drift", "drift: twelve days", drift, (len(drift) - 12 * DAY, len(drift) - 1), -20 * DAY, tail(6.0),
             {"drift.min_dev": 0.3}),
        Case("variance", "variance: swings about its level", swing, (len(swing) - 400, len(swing) - 301), -900,
             tail(5.0), {}),
        Case("stuck", "stuck: only the last digit moves", stuck, (len(stuck) - 300, len(stuck) - 1), -700, 0.9, {}),
        Case("flatline", "flatline: one value", flat, (len(flat) - 300, len(flat) - 1), -700, 0.5, {}),
        Case("limits", "limits: 10, 25, 50 %LEL", gas, (900, 999), 700, 0.5, limits),
        Case("rate", "rate: more than 0.6 a minute", gas, (900, 999), 700, 0.5,
             {"rate.rise_per_min": 0.6, "rate.window_s": 600.0}),
    ]  # fmt: skip


def draw(parts: Sequence[Case], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.dates as mdates
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2 * len(parts) // 2, 2, figsize=(11, 2.9 * len(parts) / 2), height_ratios=[3, 1] * (len(parts) // 2),
        layout="constrained",
    )  # fmt: skip
    for k, case in enumerate(parts):
        n = len(case.x)
        ts = T0 + np.arange(n) * 60_000
        got = score(case.name, ts, case.x, case.params)
        first = case.shown % n
        every = max((n - first) // 900, 1)
        cut = slice(first, n, every)
        when = [dt.datetime.fromtimestamp(t / 1000, dt.UTC) for t in ts[cut]]
        top, low = axes[2 * (k // 2)][k % 2], axes[2 * (k // 2) + 1][k % 2]
        top.plot(when, case.x[cut], lw=0.6, color="tab:blue")
        top.plot(when, got.expected[cut], lw=0.8, color="tab:orange")
        top.fill_between(when, got.low[cut], got.high[cut], color="tab:orange", alpha=0.2, lw=0)
        low.plot(when, got.scores[cut], lw=0.6, color="black")
        low.axhline(case.told, lw=0.6, ls=":", color="tab:red")
        begin, end = (dt.datetime.fromtimestamp(ts[i] / 1000, dt.UTC) for i in case.truth)
        for axis in (top, low):
            axis.axvspan(begin, end, color="tab:green", alpha=0.12, lw=0)
            axis.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=6))
            axis.xaxis.set_major_formatter(mdates.ConciseDateFormatter(axis.xaxis.get_major_locator()))
            axis.tick_params(labelsize=7)
        loud = (got.scores >= case.told)[cut]
        low.fill_between(when, 0, 1, where=loud, color="tab:red", alpha=0.3, lw=0)
        low.set_ylim(0, 1.05)
        spread = np.nanpercentile(case.x[cut], [0, 100])
        top.set_ylim(spread[0] - 0.25 * np.ptp(spread), spread[1] + 0.25 * np.ptp(spread))
        top.set_title(case.title, fontsize=9, loc="left")
        top.tick_params(labelbottom=False)
        told = np.flatnonzero(got.scores >= case.told)
        inside = told[(told >= case.truth[0]) & (told <= case.truth[1] + 60)]
        before = told[(told < case.truth[0]) & (told >= first)]
        delay = f"{inside[0] - case.truth[0]} min" if len(inside) else "never"
        print(
            f"{case.name:14} told after {delay}, {len(before)} of {case.truth[0] - first} readings before it are loud"
        )
    figure.savefig(path, dpi=62)
    plt.close(figure)
    print(path, path.stat().st_size)


def main() -> None:
    every = cases()
    for k in range(3):
        draw(every[4 * k : 4 * k + 4], IMAGES / f"detect_library_{k + 1}.png")


if __name__ == "__main__":
    main()
