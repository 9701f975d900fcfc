"""Draws docs/img/simulated_incidents.png: each domain with an incident (strong lines) and without it (pale).

.venv/bin/python docs/plot_incidents.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

from geo.assets import Sensor
from geo.demo import demo_registry
from simulators import schedule
from simulators.city import City

mpl.use("Agg")
import matplotlib.pyplot as plt

GO = 1_763_881_200_000  # 15:00 local
PANELS = (  # domain, kind, strength, seconds, which place
    ("water", "burst", 0.5, 120, 5),
    ("gas", "leak", 0.7, 60, 5),
    ("pipeline", "leak", 0.6, 120, 2),
    ("traffic", "blocked_lane", 1.0, 900, 2),
)


def main() -> None:
    city = City([r for r in demo_registry() if isinstance(r, Sensor)], seed=1)
    fig, axes = plt.subplots(2, 2, figsize=(11, 6), layout="constrained")
    for ax, (domain, kind, strength, seconds, place) in zip(axes.flat, PANELS, strict=True):
        at = schedule.candidates(city, domain, kind)[place]
        incident = schedule.make(city, kind, at, GO + 60_000, GO + (60 + seconds) * 1000, strength)
        sim = city.sims[domain]
        ts = GO + 1000 * np.arange(int(seconds * 1.6) + 120, dtype=np.int64)
        clean, real = sim.values(ts, []), sim.values(ts, [incident])
        ids = [s.id for s in sim.sensors]
        same = [s.id for s in sim.sensors if s.zone == at.zone and s.kind == at.kind and s.id != at.id]
        same.sort(key=lambda s: s not in incident.sensors)
        for k, sensor in enumerate([at.id, *same[:3]]):
            x = (ts - GO) / 1000 - 60
            ax.plot(x, clean[:, ids.index(sensor)], color=f"C{k}", alpha=0.3, lw=1)
            ax.plot(x, real[:, ids.index(sensor)], color=f"C{k}", lw=1.3, label=sensor[7:] + (" (at it)" * (k == 0)))
        ax.axvspan(0, seconds, color="0.93", zorder=0)
        ax.set_title(f"{domain}: {kind.replace('_', ' ')}, size {incident.size:g}", fontsize=10)
        ax.set_ylabel(f"{at.kind}, {at.unit}", fontsize=9)
        ax.set_xlabel("seconds after the start", fontsize=9)
        ax.legend(fontsize=7, frameon=False)
    fig.savefig(Path(__file__).parent / "img" / "simulated_incidents.png", dpi=80)


if __name__ == "__main__":
    main()
