"""Run the real recordings through the kernel, print how it did, and draw docs/img/recording_*.png.

    .venv/bin/python docs/make_plots.py [DATA]

DATA is the folder with recordings/ (default: $CITYOPS_TEST_DATA, else ../shared/data beside the project). Each picture
shows the signal, the expected band (the kernel's own, reading by reading), the alerts (red: hazard, grey: equipment)
and the labelled truth (green).
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors import adaptive
from geo.assets import Sensor
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "img"
GRACE_MS = 15 * 60_000  # an alert this long after a labelled window still counts for it
JOIN_MS = 30 * 60_000  # false alerts this close are one run
WATER = {
    "Cl": "chlorine", "Cl_2": "chlorine", "pH": "ph", "Redox": "redox", "Leit": "conductivity", "Trueb": "turbidity",
    "Tp": "temperature", "Fm": "flow", "Fm_2": "flow",
}  # fmt: skip


@dataclass
class Recording:
    """ts_ms int64[T], values by channel float64[T], truth as (begin, end) ms."""

    domain: str
    interval_s: float
    ts_ms: NDArray[np.int64]
    kinds: dict[str, str]
    values: dict[str, NDArray[np.float64]]
    truth: list[tuple[int, int]]


@dataclass
class Episode:
    sensor: str
    kind: str
    cls: str
    onset_ms: int
    raised_ms: int
    end_ms: int
    first: Detection


@dataclass
class Outcome:
    episodes: list[Episode]
    bands: dict[str, NDArray[np.float64]] = field(default_factory=dict)  # float64[T, 2] low, high

    @property
    def hazards(self) -> list[Episode]:
        return [e for e in self.episodes if e.cls == "hazard"]


def ms(text: str) -> int:
    when = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    return round(when.timestamp() * 1000)


def water(data: Path) -> Recording:
    with gzip.open(data / "recordings" / "water_quality_2016_2017.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ts = np.array([ms(r["Time"]) for r in rows])
    values = {c: np.array([float(r[c]) if r[c] else np.nan for r in rows]) for c in WATER}
    flag = np.array([r["EVENT"] == "True" for r in rows]).astype(np.int8)
    edge = np.diff(flag, prepend=0, append=0)
    truth = [(int(ts[a]), int(ts[b - 1])) for a, b in zip(*(np.flatnonzero(edge == k) for k in (1, -1)), strict=True)]
    return Recording("water", 60.0, ts, WATER, values, truth)


def traffic(data: Path, name: str, kind: str, interval_s: float, factor: float) -> Recording:
    with (data / "recordings" / name).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    windows = json.loads((data / "recordings" / "traffic_windows.json").read_text(encoding="utf-8"))[name]
    values = {kind: np.array([float(r["value"]) for r in rows]) * factor}
    ts = np.array([ms(r["timestamp"]) for r in rows])
    return Recording("traffic", interval_s, ts, {kind: kind}, values, [(ms(a), ms(b)) for a, b in windows])


def run(rec: Recording, bands: bool = True) -> Outcome:
    """One row at a time with a tick before it, as the live pipe does it."""
    kernel = Kernel(rec.domain, blind_ms=None)
    names = list(rec.values)
    kernel.configure(
        Sensor(
            id=n,
            domain=rec.domain,
            kind=rec.kinds[n],
            zone="522601-W-DMA01",
            unit_code="522601",
            interval_s=rec.interval_s,
        )
        for n in names
    )
    table = np.column_stack([rec.values[n] for n in names])
    band = {n: np.full((len(table), 2), np.nan) for n in names}
    idx = np.arange(len(names), dtype=np.int32)
    found: list[Detection] = []
    for i, ts in enumerate(rec.ts_ms.tolist()):
        found += kernel.tick(ts - 1)
        if bands:
            for row, n in enumerate(names):
                r, p = kernel._bank.state[row], kernel._params[kernel._bank.state[row]["profile"]]
                if r["n"] >= p["warm_n"]:
                    half = adaptive.threshold(r, p) * adaptive.sigma(r, p)
                    band[n][i] = r["level"] - half, r["level"] + half
        found += kernel.process(Columns(names, idx, np.full(len(names), ts), table[i]))
    return Outcome(episodes(found, int(rec.ts_ms[-1])), band)


def episodes(found: list[Detection], end_ms: int) -> list[Episode]:
    open_: dict[tuple[str, str, str], Episode] = {}
    out: list[Episode] = []
    for d in found:
        key = (d.asset, d.sensor, d.kind)
        if d.state == "raise":
            open_[key] = Episode(d.sensor, d.kind, d.cls, d.onset_ms, d.ts_ms, end_ms, d)
            out.append(open_[key])
        elif d.state == "clear":
            open_.pop(key).end_ms = d.ts_ms
    return out


def touches(e: Episode, window: tuple[int, int]) -> bool:
    return e.raised_ms <= window[1] + GRACE_MS and e.end_ms >= window[0]


def measure(rec: Recording, hazards: list[Episode]) -> dict[str, float]:
    """Events found (an alert is open in the window or is raised up to 15 min after it), false alert runs a week."""
    hit = [w for w in rec.truth if any(touches(e, w) for e in hazards)]
    false = sorted((e for e in hazards if not any(touches(e, w) for w in rec.truth)), key=lambda e: e.raised_ms)
    runs, last = 0, -JOIN_MS
    for e in false:
        runs += e.raised_ms > last + JOIN_MS
        last = max(last, e.end_ms)
    weeks = (rec.ts_ms[-1] - rec.ts_ms[0]) / 604_800_000
    return {"events": len(rec.truth), "found": len(hit), "false_runs": runs, "weeks": float(weeks)}


def report(name: str, rec: Recording, got: Outcome) -> None:
    m = measure(rec, got.hazards)
    per_week = m["false_runs"] / m["weeks"]
    found = f"{m['found']:.0f} of {m['events']:.0f} events"
    print(f"{name}: {found}, {per_week:.2f} false runs a week ({m['weeks']:.1f} weeks)")
    for n in rec.values:
        one = [e for e in got.hazards if e.sensor == n]
        m = measure(rec, one)
        faults = sum(e.sensor == n and e.cls == "equipment" for e in got.episodes)
        counts = f"events {m['found']:2.0f}  false runs {m['false_runs']:2.0f}  equipment {faults:3}"
        print(f"  {n:10} alerts {len(one):3}  {counts}")


def draw(rec: Recording, got: Outcome, channels: list[str], path: Path, begin: int, end: int, title: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.dates as mdates
    import matplotlib.pyplot as plt

    keep = (rec.ts_ms >= begin) & (rec.ts_ms <= end)
    when = rec.ts_ms[keep].astype("datetime64[ms]")
    fig, axes = plt.subplots(len(channels), 1, figsize=(11, 1.3 + 1.75 * len(channels)), sharex=True, squeeze=False)
    for ax, n in zip(axes[:, 0], channels, strict=True):
        x, band = rec.values[n][keep], got.bands[n][keep]
        ax.fill_between(when, band[:, 0], band[:, 1], color="#9ecae1", alpha=0.6, lw=0, label="expected band")
        ax.plot(when, x, color="#222222", lw=0.8, label="reading")
        finite = x[np.isfinite(x)]
        low, high = np.quantile(finite, [0.002, 0.998])
        pad = 0.35 * max(high - low, 1e-6)
        ax.set_ylim(low - pad, high + 2 * pad)
        for a, b in rec.truth:
            if b >= begin and a <= end:
                _bar(ax, a, b, 0.95, "#2ca02c", "labelled event", (end - begin) / 250)
        for e in got.episodes:
            if e.sensor == n and e.end_ms >= begin and e.onset_ms <= end:
                color = "#d62728" if e.cls == "hazard" else "#7f7f7f"
                _bar(ax, e.onset_ms, e.end_ms, 0.87, color, e.cls + " alert", (end - begin) / 250)
        ax.set_ylabel(n)
        ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
    shown: dict[str, object] = {}
    for ax in axes[:, 0]:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            shown.setdefault(label, handle)
    fig.suptitle(title, x=0.01, ha="left", fontsize=11)
    fig.legend(list(shown.values()), list(shown), loc="upper right", ncols=5, fontsize=8, frameon=False)
    fig.tight_layout(rect=(0, 0, 1, 0.95 if len(channels) > 1 else 0.93))
    fig.savefig(path, dpi=80)
    plt.close(fig)
    print(f"  {path.relative_to(ROOT)} {path.stat().st_size // 1000} kB")


def _bar(ax: Any, begin: float, end: float, at: float, color: str, label: str, least: float) -> None:
    """A bar of at least `least` ms, so that a short episode is seen in a long picture."""
    width = np.array([begin, max(end, begin + least)]).astype("datetime64[ms]")
    ax.hlines(at, *width, transform=ax.get_xaxis_transform(), color=color, lw=6, label=label)


def main(argv: list[str]) -> int:
    data = Path(argv[1] if len(argv) > 1 else os.environ.get("CITYOPS_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "recordings").is_dir():
        print(f"{data}: has no folder recordings; name the data folder as argument", file=sys.stderr)
        return 2
    IMAGES.mkdir(parents=True, exist_ok=True)
    rec = water(data)
    got = run(rec)
    report("water quality, 97 days", rec, got)
    for name, begin, end, channels in (
        ("recording_water_ph_redox", "2016-08-14 06:00", "2016-08-16 18:00", ["pH", "Redox", "Trueb"]),
        ("recording_water_conductivity", "2016-09-25 06:00", "2016-09-28 06:00", ["Leit", "pH", "Fm_2"]),
        ("recording_water_all", "2016-08-03 09:00", "2016-11-10 00:00", ["pH", "Redox", "Leit", "Fm"]),
    ):
        title = f"Water quality recording, {begin[:10]} to {end[:10]}"
        draw(rec, got, channels, IMAGES / f"{name}.png", ms(begin), ms(end), title)
    for file, kind, interval, factor in (
        ("traffic_occupancy_6005.csv", "occupancy", 300.0, 1.0),
        ("traffic_speed_7578.csv", "speed", 600.0, 1.609344),
    ):
        rec = traffic(data, file, kind, interval, factor)
        got = run(rec)
        report(file, rec, got)
        path = IMAGES / f"recording_traffic_{kind}.png"
        draw(rec, got, [kind], path, int(rec.ts_ms[0]), int(rec.ts_ms[-1]), f"Road loop, {kind}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
