"""Draws docs/img/detect_traffic_*.png: simulated incidents, a clean day with recurring jams, and the real recordings.

.venv/bin/python docs/plot_traffic.py [DATA]

Red bars are alerts, green bars the truth, blue bands what was expected.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from detectors.group import Finding
from detectors.incident import H, Incident
from detectors.traffic_groups import TrafficGroup
from simulators.cell_transmission import DAY_MS, LEFT, UTC_MS, CellTransmission, LaneBlock
from streams.cli.benches.detect_traffic_scenes import MONDAY, frames, members, road

mpl.use("Agg")
import matplotlib.dates as mdates
import matplotlib.pyplot as plt

IMAGES = Path(__file__).parent / "img"
STEP_S = 30.0
LEARN = 8  # days
RED, GREEN = "#d62728", "#2ca02c"


@dataclass
class Run:
    """Times of the frames, occupancy and flow [T, S], L and its threshold's segment values [T, P], findings."""

    when: list[int] = field(default_factory=list)
    occupancy: list[Any] = field(default_factory=list)
    speed: list[Any] = field(default_factory=list)
    flow: list[Any] = field(default_factory=list)
    total: list[Any] = field(default_factory=list)
    band: list[Any] = field(default_factory=list)  # usual flow difference, low and high, of each segment
    lack: list[Any] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)

    def times(self) -> Any:
        return (np.array(self.when) + UTC_MS).astype("datetime64[ms]")

    def episodes(self, kind: str = "traffic_incident") -> list[tuple[Finding, int]]:
        out = []
        for f in self.found:
            if f.kind == kind and f.state == "raise":
                later = [g for g in self.found if g.kind == kind and g.key == f.key and g.ts_ms > f.ts_ms]
                out.append((f, next((g.ts_ms for g in later if g.state == "clear"), self.when[-1])))
        return out


def learned(seed: int) -> tuple[CellTransmission, TrafficGroup, int]:
    """A road whose detectors have seen `LEARN` days, and the midnight after them."""
    of = road(seed)
    sim, group = CellTransmission(of, seed), TrafficGroup("522601-T-COR01", members(of, STEP_S))
    for frame in frames(sim, MONDAY, MONDAY + LEARN * DAY_MS, STEP_S):
        group.step(frame)
    return sim, group, MONDAY + LEARN * DAY_MS


def play(sim: CellTransmission, group: TrafficGroup, begin: int, end: int, blocks: tuple[LaneBlock, ...] = ()) -> Run:
    run = Run()
    assert isinstance(group.incident, Incident)
    for frame in frames(sim, begin, end, STEP_S, blocks):
        run.found += group.step(frame)
        run.when.append(frame.ts_ms)
        for kept, value in (
            (run.occupancy, frame.occupancy), (run.speed, frame.speed), (run.flow, frame.flow),
            (run.total, group.incident.total.copy()),
        ):  # fmt: skip
            kept.append(value)
    return run


def bar(ax: Any, begin: float, end: float, at: float, color: str, label: str) -> None:
    when = (np.array([begin, end]) + UTC_MS).astype("datetime64[ms]")
    ax.hlines(at, *when, transform=ax.get_xaxis_transform(), color=color, lw=6, label=label, zorder=5)


def space_time(ax: Any, sim: CellTransmission, run: Run, block: LaneBlock | None, fig: Any) -> None:
    """Occupancy by time and chainage; the blocked lane (green), where and when it was told (red)."""
    x = np.array(sim.road.stations_m) / 1000
    edges = np.concatenate([[x[0] - 0.2], (x[1:] + x[:-1]) / 2, [x[-1] + 0.2]])
    when = run.times()
    step = when[1] - when[0]
    mesh = ax.pcolormesh(
        np.append(when - step, when[-1]),
        edges,
        np.array(run.occupancy).T,
        cmap="magma_r",
        vmin=0,
        vmax=60,
        rasterized=True,
    )
    fig.colorbar(mesh, ax=ax, pad=0.01).set_label("occupancy, %", fontsize=8)
    if block:
        t = (np.array([block.start_ms, block.end_ms]) + UTC_MS).astype("datetime64[ms]")
        ax.hlines(block.chainage_m / 1000, *t, color=GREEN, lw=4, label="lane blocked (truth)")
    for k, (f, end) in enumerate(run.episodes()):
        p = int(f.key.split("-")[0]) - 1
        t = (np.array([f.ts_ms, end]) + UTC_MS).astype("datetime64[ms]")
        ax.fill_between(
            t, x[p], x[p + 1], color="none", edgecolor=RED, lw=2, label=None if k else "alert: segment, from when told"
        )
    ax.set_ylabel("chainage, km (traffic runs up)", fontsize=8)
    ax.legend(fontsize=7, loc="upper right")


def signals(axes: Any, run: Run, p: int, block: LaneBlock | None) -> None:
    """Occupancy of the two stations, their flows, and L with its threshold."""
    when = run.times()
    occ, flow, total = np.array(run.occupancy), np.array(run.flow), np.array(run.total)
    for ax, values, unit in ((axes[0], occ, "occupancy, %"), (axes[1], flow, "flow, veh/h")):
        ax.plot(when, values[:, p], color="#1f77b4", lw=1, label=f"station {p + 1}, upstream")
        ax.plot(when, values[:, p + 1], color="#ff7f0e", lw=1, label=f"station {p + 2}, downstream")
        ax.set_ylabel(unit, fontsize=8)
        ax.legend(fontsize=7, loc="upper left")
    axes[2].plot(when, total[:, p], color="#222222", lw=1, label=f"L of segment {p + 1}-{p + 2}")
    axes[2].axhline(H, color="0.5", lw=1, ls="--", label="threshold")
    axes[2].set_ylim(0, 2.4 * H)
    axes[2].set_ylabel("score L (ln odds)", fontsize=8)
    if block:
        bar(axes[2], block.start_ms, block.end_ms, 0.95, GREEN, "lane blocked (truth)")
    for k, (f, end) in enumerate(run.episodes()):
        bar(axes[2], f.ts_ms, end, 0.86, RED, "" if k else "alert")
    axes[2].legend(fontsize=7, loc="center right")


def incident(seed: int, day: int, hour: float, blocked: int, share: float, name: str) -> None:
    sim, group, midnight = learned(seed)
    of = sim.road
    at = midnight + day * DAY_MS + round(hour * 3_600_000)
    p = round(share * len(of.stations_m))
    place = 0.4 * of.stations_m[p] + 0.6 * of.stations_m[p + 1]
    block = LaneBlock(place, at, at + 1_800_000, LEFT[blocked, of.lanes])
    run = play(sim, group, at - 3_600_000, at + 5_400_000, (block,))
    fig, axes = plt.subplots(4, 1, figsize=(10, 9), sharex=True, layout="constrained", height_ratios=[2.2, 1, 1, 1])
    space_time(axes[0], sim, run, block, fig)
    signals(axes[1:], run, p, block)
    told = run.episodes()
    delay = f"told after {(told[0][0].ts_ms - at) / 1000:.0f} s" if told else "not told"
    fig.suptitle(
        f"{blocked} of {of.lanes} lanes blocked between stations {p + 1} and {p + 2} at {hour:g} h: {delay}",
        fontsize=10,
    )
    save(fig, name)
    for f, _ in told:
        print("   ", f.reason.zh, "|", f.reason.en)


def clean_day(seed: int, day: int, name: str) -> None:
    sim, group, midnight = learned(seed)
    for frame in frames(sim, midnight, midnight + day * DAY_MS, STEP_S):
        group.step(frame)
    run = play(sim, group, midnight + day * DAY_MS, midnight + (day + 1) * DAY_MS)
    p = int(
        np.argmax((np.array(run.speed)[:, :-1] < 50).sum(axis=0) * (np.nanmin(np.array(run.speed)[:, 1:], axis=0) > 0))
    )
    fig, axes = plt.subplots(4, 1, figsize=(10, 9), sharex=True, layout="constrained", height_ratios=[2.2, 1, 1, 1])
    space_time(axes[0], sim, run, None, fig)
    signals(axes[1:], run, p, None)
    alerts = [f for f in run.found if f.state == "raise"]
    fig.suptitle(f"A clean workday with a recurring bottleneck: {len(alerts)} alerts", fontsize=10)
    save(fig, name)


def save(fig: Any, name: str) -> None:
    for ax in fig.axes[:4]:
        ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
        ax.tick_params(labelsize=8)
    path = IMAGES / f"detect_traffic_{name}.png"
    fig.savefig(path, dpi=70)
    plt.close(fig)
    print(path.name, path.stat().st_size // 1000, "kB")


def recordings(data: Path) -> None:
    """The two real loops through the kernel, with the expected band and the alerts."""
    sys.path.insert(0, str(Path(__file__).parent))
    import make_plots as plots

    for file, kind, interval, factor in (
        ("traffic_occupancy_6005.csv", "occupancy", 300.0, 1.0),
        ("traffic_speed_7578.csv", "speed", 600.0, 1.609344),
    ):
        rec = plots.traffic(data, file, kind, interval, factor)
        got = plots.run(rec)
        plots.report(file, rec, got)
        path = IMAGES / f"detect_traffic_recording_{kind}.png"
        title = f"Road loop in Minnesota, {kind}: alerts (red) and labelled windows (green)"
        plots.draw(rec, got, [kind], path, int(rec.ts_ms[0]), int(rec.ts_ms[-1]), title)


def main(argv: list[str]) -> None:
    incident(101, 1, 14.2, 1, 0.45, "incident_day")
    incident(104, 2, 21.0, 2, 0.6, "incident_evening")
    clean_day(102, 1, "clean_day")
    data = Path(
        argv[1] if len(argv) > 1 else os.environ.get("CITYOPS_TEST_DATA", Path(__file__).parents[2] / "shared/data")
    )
    if (data / "recordings").is_dir():
        recordings(data)
    else:
        print(f"SKIPPED: no recordings in {data}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv)
