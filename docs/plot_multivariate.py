"""Draw docs/img/detect_multivariate_*.png: signals, score with its threshold, alarm (red) and truth (green).

.venv/bin/python docs/plot_multivariate.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from detectors.evaluate import THRESHOLD, make
from streams.cli.benches import detect_batadal as batadal, detect_water_recording as water

IMAGES = Path(__file__).resolve().parent / "img"


def draw(
    name: str, title: str, t: np.ndarray, rows: dict[str, np.ndarray], score: np.ndarray, truth: np.ndarray
) -> None:
    fig, axes = plt.subplots(len(rows) + 1, 1, figsize=(9, 1.1 * (len(rows) + 1)), sharex=True)
    for ax, (label, values) in zip(axes, [*rows.items(), ("score", score)], strict=True):
        ax.plot(t, values, lw=0.7, color="black" if label == "score" else "C0")
        ax.set_ylabel(label, fontsize=7)
        ax.tick_params(labelsize=6)
        span = ax.get_ylim()
        ax.fill_between(t, *span, where=truth, color="green", alpha=0.25, lw=0)
        ax.set_ylim(*span)
    axes[-1].axhline(THRESHOLD, color="grey", lw=0.6)
    axes[-1].set_ylim(0, 1)
    axes[-1].fill_between(t, 0, 0.08, where=score >= THRESHOLD, color="red", lw=0)
    axes[0].set_title(title, fontsize=8)
    fig.tight_layout()
    fig.savefig(IMAGES / f"detect_multivariate_{name}.png", dpi=72)
    plt.close(fig)


def main() -> None:
    rec = water.recording()
    score = water.scores(rec, True)
    t = rec.ts_ns.view("datetime64[ns]")
    for name, title, a, b in (
        ("water_chlorine", "Plant outflow: chlorine swings around its mean", "2016-09-17T12", "2016-09-18T16"),
        ("water_steps", "Plant outflow: small steps of several channels", "2016-09-24T10", "2016-09-25T18"),
        ("water_calm", "Plant outflow: a day without events", "2016-10-20", "2016-10-21"),
    ):
        part = (t >= np.datetime64(a)) & (t < np.datetime64(b))
        rows = {
            n: rec.values[part, k] for k, n in enumerate(water.NAMES) if n in ("Cl", "Cl_2", "pH", "Redox", "Trueb")
        }
        draw(name, title, t[part], rows, score[part], rec.truth[part])
    clean, attacked = batadal.scada(batadal.CLEAN), batadal.scada(batadal.ATTACKED)
    f = make(clean.values.shape[1])
    f(clean.stamps, clean.values)
    score = f(attacked.stamps, attacked.values)
    truth = batadal.published(attacked.stamps)
    shown = ("L_T1", "L_T4", "F_PU1", "F_PU7", "S_PU11")
    rows = {n: attacked.values[:, attacked.names.index(n)] for n in shown}
    draw("batadal", "C-Town: half a year with seven attacks", attacked.stamps, rows, score, truth)


if __name__ == "__main__":
    main()
