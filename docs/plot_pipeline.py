"""Draws docs/img/detect_pipeline_*.png: a sudden and a slow leak, and a pump trip, on a simulated line of 30 km.

.venv/bin/python docs/plot_pipeline.py

Red bars are alerts, green bars the truth; the place that was told and the true one stand in the title.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from simulators.pipeline_scene import Leak, Operation
from streams.cli.benches.detect_pipeline_scenes import Watch

mpl.use("Agg")
import matplotlib.pyplot as plt

IMAGES = Path(__file__).parent / "img"
RED, GREEN = "#d62728", "#2ca02c"
SEED = 206
BEGIN_S, LASTS_S = 300.0, 480.0


def draw(watch: Watch, name: str, title: str, leak: Leak | None, operations: list[Operation]) -> None:
    """Pressure of each station and what flows in less what flows out, ten-second means."""
    watch.again()
    kept: list[tuple[Any, Any, Any]] = []
    real = watch.scene

    def scene(part: int) -> Any:
        made = real(part)
        run = made.run

        def keep(*given: Any) -> Any:
            for ts, pressure, flow in run(*given):
                kept.append((ts.copy(), pressure.copy(), flow.copy()))
                yield ts, pressure, flow

        made.run = keep
        return made

    watch.scene = scene  # type: ignore[method-assign]
    found = [(t / 1000.0, f) for t, f in watch.run(7, LASTS_S, operations, leak)]
    watch.scene = real  # type: ignore[method-assign]
    ts, pressure, flow = (np.concatenate([part[k] for part in kept]) for k in range(3))
    t = (ts - watch.clock) / 1000.0
    show = (t > BEGIN_S - 60) & (t < LASTS_S - 10)
    fig, (top, low) = plt.subplots(2, 1, figsize=(9, 5), sharex=True)
    for s in range(pressure.shape[1]):
        line = pressure[show, s] - np.nanmean(pressure[(t > BEGIN_S - 60) & (t < BEGIN_S), s])
        top.plot(t[show], line, lw=0.6, label=f"station {s + 1}")
    top.set_ylabel("pressure less its mean before, MPa", fontsize=8)
    top.legend(fontsize=8, loc="lower left")
    balance = flow[:, 0] - flow[:, -1]
    low.plot(t[show], np.convolve(np.nan_to_num(balance), np.ones(100) / 100, "same")[show], color="black", lw=0.8)
    low.set_ylabel("in less out, m³/h", fontsize=8)
    low.set_xlabel("s")
    bottom, height = low.get_ylim()[0], np.diff(low.get_ylim())[0]
    if leak:
        low.plot([leak.at_s, LASTS_S], [bottom + 0.03 * height] * 2, color=GREEN, lw=5, solid_capstyle="butt")
    raised = [(at, f) for at, f in found if f.state == "raise"]
    for at, f in raised:
        end = next((g for g, x in found if x.state == "clear" and x.key == f.key and g > at), LASTS_S)
        low.plot([at, end], [bottom + 0.1 * height] * 2, color=RED, lw=5, solid_capstyle="butt")
    told = [f"after {at - BEGIN_S:.0f} s: {f.reason.en}" for at, f in (raised[:1] + found[-1:] if raised else [])]
    lines = [part for text in told for part in textwrap.wrap(text, 120)]
    top.set_title("\n".join([title, *lines] if lines else [title, "nothing is told"]), loc="left", fontsize=8)
    fig.tight_layout()
    fig.savefig(IMAGES / f"detect_pipeline_{name}.png", dpi=85)
    plt.close(fig)


if __name__ == "__main__":
    line = Watch(SEED)
    draw(line, "leak", "2 % leak at 12.3 km, sudden, at 300 s", Leak(BEGIN_S, 12_300.0, 0.02, 0.0), [])
    draw(line, "slow", "2 % leak at 21.0 km that opens in 30 s", Leak(BEGIN_S, 21_000.0, 0.02, 30.0), [])
    draw(line, "pump", "the pump trips at 300 s", None, [Operation(BEGIN_S, "pump", -0.10, 2.0)])
