"""Draws docs/img/detect_gas_*.png: a leak whose gas reaches neighbouring wells, and the same wells on a calm night.

.venv/bin/python docs/plot_gas.py

Red bars are alerts (upper: the spread, lower: single wells), green the truth.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

from geo.assets import Sensor
from geo.demo import demo_registry
from simulators.city import City
from simulators.incidents import Incident
from streams.events import Detection
from streams.kernel import Kernel

mpl.use("Agg")
import matplotlib.pyplot as plt

IMAGES = Path(__file__).parent / "img"
RED, PALE, GREEN = "#d62728", "#ff9896", "#2ca02c"
T0 = 1_763_917_200_000
LASTS_S, BEGIN_S, END_S = 3600, 1500, 2100


def draw(name: str, title: str, size: float) -> None:
    """One hour of a zone's wells; `size` m3/h of methane for ten minutes into the first (0: none)."""
    mine = [r for r in demo_registry() if isinstance(r, Sensor) and r.domain == "gas"]
    zone = min(s.zone for s in mine)
    sensors = [s for s in mine if s.zone == zone]
    wells = [s for s in sensors if s.kind == "methane"]
    leak = Incident(
        kind="leak", domain="gas", zone=zone, sensors=(wells[0].id,), start_ms=T0 + 1000 * BEGIN_S,
        end_ms=T0 + 1000 * END_S, size=size,
    )  # fmt: skip
    city, kernel = City(sensors, seed=3), Kernel("gas", blind_ms=None)
    kernel.configure(sensors)
    found: list[Detection] = []
    ids, rows = [w.id for w in wells], []
    for second in range(0, LASTS_S, 10):
        ts = np.arange(T0 + 1000 * second, T0 + 1000 * (second + 10), 1000)
        for batch in city.batches(ts, [leak] if size else []):
            found += kernel.process(batch.cols)
            rows += [
                ((t - T0) / 1000.0, ids.index(batch.cols.sensors[i]), x)
                for t, i, x in zip(batch.cols.ts_ms, batch.cols.idx, batch.cols.value, strict=True)
                if batch.cols.sensors[i] in ids
            ]
        found += kernel.tick(int(ts[-1]))
    table = np.array(rows)
    fig, axis = plt.subplots(figsize=(9, 3.6))
    for k in range(len(ids)):
        one = table[table[:, 1] == k]
        axis.plot(one[:, 0], one[:, 2], lw=0.9, label=f"well {k + 1}")
    for level, text in ((10, "watch"), (25, "low alarm"), (50, "high alarm")):
        if table[:, 2].max() > 0.6 * level:
            axis.axhline(level, color="grey", lw=0.6, ls=":")
            axis.text(0, level, f"{level} %LEL, {text}", fontsize=7, va="bottom")
    bottom, height = axis.get_ylim()[0], np.diff(axis.get_ylim())[0]
    if size:
        axis.plot([BEGIN_S, END_S], [bottom + 0.02 * height] * 2, color=GREEN, lw=5, solid_capstyle="butt")
    raised = [d for d in found if d.state == "raise"]
    for d in raised:
        spread = d.kind == "gas_spread"
        end = min(
            (c.ts_ms for c in found if c.state == "clear" and c.asset == d.asset and c.ts_ms > d.ts_ms), default=T0
        )
        x = [(d.ts_ms - T0) / 1000.0, max((end - T0) / 1000.0, (d.ts_ms - T0) / 1000.0 + 20)]
        axis.plot(x, [bottom + (0.12 if spread else 0.07) * height] * 2, color=RED if spread else PALE, lw=5)
    told = next((d.reason.en for d in raised if d.kind == "gas_spread"), "nothing is told")
    axis.set_title(f"{title}\n{told}", loc="left", fontsize=9)
    axis.set_xlabel("s")
    axis.set_ylabel("methane, %LEL")
    axis.legend(fontsize=7, ncols=3, loc="upper right")
    fig.tight_layout()
    fig.savefig(IMAGES / f"detect_gas_{name}.png", dpi=85)
    plt.close(fig)


if __name__ == "__main__":
    draw("spread", "2 m³/h of methane leak beside a well for ten minutes", 2.0)
    draw("calm", "The same wells, no leak", 0.0)
