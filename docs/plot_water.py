"""Draws docs/img/detect_water_*.png: simulated bursts by night and by day, and a clean day of a zone.

.venv/bin/python docs/plot_water.py

Red bars are alerts, green bars the truth, blue what was expected with the band that a quarter of an hour may leave.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from detectors.burst_balance import BurstBalance
from detectors.group import Finding, Member
from detectors.water_groups import WaterZone
from detectors.water_sight import Sight
from simulators.incidents import Incident
from streams.cli.benches.water_town import DAY_MS, MINUTE_MS, MONDAY_MS, TICK_MS, Town

mpl.use("Agg")
import matplotlib.dates as mdates
import matplotlib.pyplot as plt

IMAGES = Path(__file__).parent / "img"
RED, GREEN, BLUE = "#d62728", "#2ca02c", "#1f77b4"
LOCAL_MS = 8 * 3_600_000
LEARN = 14  # days
SEED = 505


class Watched:
    """The burst judge, and what it saw of each frame: end, balance, expected, greatest pressure drop in m, findings."""

    def __init__(self, judge: BurstBalance) -> None:
        self.judge, self.rows = judge, []
        self.found: list[Finding] = []

    def step(self, s: Sight) -> tuple[list[Finding], bool]:
        found, calm = self.judge.step(s)
        drop = float(np.nanmax(s.drop)) if np.isfinite(s.drop).any() else np.nan
        self.rows.append((s.end_ms, s.flow, s.usual, drop))
        self.found += found
        return found, calm

    def dump(self) -> Any:
        return self.judge.dump()

    def load(self, dumped: Any) -> None:
        self.judge.load(dumped)


def zone() -> tuple[Town, WaterZone, Watched]:
    town = Town(SEED, 60.0)
    group = WaterZone([Member(s.id, s.kind, s.interval_s, s.flow_sign, None, s.lon, s.lat) for s in town.told])
    burst = group.judges[0]
    assert isinstance(burst, BurstBalance)
    watched = Watched(burst)
    group.judges = (watched, *group.judges[1:])
    return town, group, watched


def feed(town: Town, group: WaterZone, lo: int, hi: int, incidents: list[Incident]) -> None:
    for first in range(lo, hi, TICK_MS):
        ts = np.arange(first + MINUTE_MS, min(first + TICK_MS, hi) + 1, MINUTE_MS, dtype=np.int64)
        values = town.sim.values(ts, incidents)[:, town.columns]
        rows, cols = np.nonzero(np.isfinite(values))
        group.add(cols.astype(np.int32), ts[rows], values[rows, cols])
        group.advance(int(ts[-1]))


def draw(name: str, title: str, hour: float, share: float) -> None:
    """A day from its midnight, with a burst of that share of the mean inflow for an hour (0: none)."""
    town, group, watched = zone()
    day = MONDAY_MS + (LEARN + 1) * DAY_MS
    start = day + round(hour * 3_600_000)
    incidents = [town.burst(share, start, 60.0, "plot")] if share else []
    feed(town, group, MONDAY_MS, day + DAY_MS, incidents)
    lo, hi = (start - 3 * 3_600_000, start + 3 * 3_600_000) if share else (day, day + DAY_MS)
    rows = np.array([r for r in watched.rows if lo <= r[0] <= hi])
    when = (rows[:, 0] + LOCAL_MS).astype("datetime64[ms]")
    fig, (top, low) = plt.subplots(2, 1, figsize=(9, 4.6), sharex=True, height_ratios=(3, 1))
    top.plot(when, rows[:, 1], color="black", lw=0.8, label="net inflow, m³/h")
    top.plot(when, rows[:, 2], color=BLUE, lw=1.2, label="expected at this hour")
    half = 3.0 * np.std(rows[:, 1] - rows[:, 2]) if not share else 0.05 * rows[:, 2]
    top.fill_between(when, rows[:, 2] - half, rows[:, 2] + half, color=BLUE, alpha=0.15, lw=0)
    bars(top, [f for f in watched.found if lo <= f.ts_ms <= hi], incidents, hi)
    top.set_xlim(when[0], when[-1])
    top.set_title(title, loc="left", fontsize=10)
    top.legend(loc="upper left", fontsize=8)
    low.plot(when, rows[:, 3], color="#9467bd", lw=0.8)
    low.set_ylabel("greatest drop\nof a gauge, m", fontsize=8)
    low.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))
    fig.tight_layout()
    fig.savefig(IMAGES / f"detect_water_{name}.png", dpi=90)
    plt.close(fig)


def bars(axis: Any, found: list[Finding], incidents: list[Incident], hi: int) -> None:
    bottom, height = axis.get_ylim()[0], np.diff(axis.get_ylim())[0]
    for k, (spans, colour) in enumerate((
        ([(i.start_ms, i.end_ms) for i in incidents], GREEN),
        ([(f.ts_ms, ended(found, f, hi)) for f in found if f.state == "raise"], RED),
    )):  # fmt: skip
        for a, b in spans:
            x = (np.array([a, b]) + LOCAL_MS).astype("datetime64[ms]")
            axis.plot(x, [bottom + (0.02 + 0.05 * k) * height] * 2, color=colour, lw=5, solid_capstyle="butt")


def ended(found: list[Finding], raised: Finding, hi: int) -> int:
    return min((f.ts_ms for f in found if f.state == "clear" and f.ts_ms > raised.ts_ms), default=hi)


if __name__ == "__main__":
    draw("burst_night", "5 % of the mean inflow bursts at 02:30 (green: open, red: alert)", 2.5, 0.05)
    draw("burst_day", "10 % of the mean inflow bursts at 13:36 (green: open, red: alert)", 13.6, 0.10)
    draw("clean_day", "A clean Tuesday", 0.0, 0.0)
