"""Draws docs/img/detect_gas_*.png: leaks, a calm week, sewer gas, a regulator's loss, flows out of balance (simulated).

.venv/bin/python docs/plot_gas.py

Blue: the signal, orange: expected with its band (the kernel's own), black: score, red bars: alerts of the zone, pale
red: of single sensors, green: truth.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from detectors import adaptive
from detectors.adaptive import score as tail
from detectors.gas_balance import Z_ON, GasBalance
from detectors.group import F64, Finding, Member
from detectors.regulators import Regulators
from detectors.week_pattern import SIGMA
from geo.assets import Sensor
from simulators.gas_network import Network, Trouble
from streams.cli.benches.detect_gas import faults
from streams.cli.benches.gas_town import DAY_MS, HOUR_MS, MONDAY_MS, Town
from streams.columns import Columns
from streams.events import Detection
from streams.kernel import Kernel

mpl.use("Agg")
import matplotlib.pyplot as plt

IMAGES = Path(__file__).parent / "img"
RED, PALE, GREEN, ORANGE, BLUE = "#d62728", "#ff9896", "#2ca02c", "#ff7f0e", "#1f77b4"
Span = tuple[float, float]


def frame(title: str, unit: str) -> tuple[Any, Any, Any, Any]:
    """Axes for signal, score and bars over one time."""
    fig, (top, middle, low) = plt.subplots(
        3, 1, figsize=(9, 5.2), sharex=True, height_ratios=(5, 1.4, 1.0), layout="constrained"
    )
    lines = [line for part in title.split("\n") for line in textwrap.wrap(part, 115)]
    top.set_title("\n".join(lines), loc="left", fontsize=9)
    top.set_ylabel(unit)
    middle.set_ylabel("score", fontsize=8)
    middle.set_ylim(-0.05, 1.05)
    low.set_ylim(0, 3)
    low.set_yticks([0.5, 1.5, 2.5], ["truth", "alerts", "zone"], fontsize=7)
    return fig, top, middle, low


def bars(axis: Any, row: float, spans: Sequence[Span], colour: str) -> None:
    for lo, hi in spans:
        axis.plot(
            [lo, max(hi, lo + 0.004 * np.diff(axis.get_xlim())[0])],
            [row, row],
            color=colour,
            lw=6,
            solid_capstyle="butt",
        )


def spans(found: Sequence[Detection | Finding], kinds: Sequence[str], hours: Any, end_ms: int) -> list[Span]:
    """Episodes of these kinds as hours."""
    out = []
    for d in found:
        if d.kind in kinds and d.state == "raise":
            name = d.asset if isinstance(d, Detection) else d.key
            ends = [e.ts_ms for e in found if e.kind == d.kind and e.state == "clear" and e.ts_ms > d.ts_ms
                    and (e.asset if isinstance(e, Detection) else e.key) == name]  # fmt: skip
            out.append((hours(d.ts_ms), hours(min(ends, default=end_ms))))
    return out


def save(fig: Any, name: str) -> None:
    fig.savefig(IMAGES / f"detect_gas_{name}.png", dpi=85)
    plt.close(fig)


def wells(
    name: str, title: str, town: Town, begin: int, found: list[Detection], table: F64, show: Sequence[int]
) -> None:
    """Readings table float64[T, W] each minute from `begin` on; `show`: the wells to draw, the first with its band."""
    ts = begin + np.arange(1, len(table) + 1) * 60_000
    fig, top, middle, low = frame(title, "methane, %LEL")
    x = (ts - begin) / HOUR_MS
    level, half, scores = expected(town.sensors[show[0]], ts, table[:, show[0]])
    top.fill_between(x, np.maximum(level - half, 0.0), level + half, color=ORANGE, alpha=0.2, lw=0)
    top.plot(x, level, color=ORANGE, lw=0.7)
    for n, k in enumerate(show):
        top.plot(x, table[:, k], lw=1.0, color=BLUE if n == 0 else f"{0.35 + 0.12 * n:.2f}", label=f"well {k + 1}")
    for limit in (10, 25, 50):
        if table.max() > 0.7 * limit:
            top.axhline(limit, color="grey", lw=0.6, ls=":")
    middle.plot(x, scores, color="black", lw=0.6)
    low.set_xlim(x[0], x[-1])
    end = int(ts[-1])

    def hours(at: int) -> float:
        return (at - begin) / HOUR_MS

    single = [d for d in found if d.sensor in {town.sensors[k].id for k in show}]
    bars(low, 1.5, spans(single, ["gas_concentration"], hours, end), PALE)
    bars(low, 2.5, spans(found, ["gas_spread"], hours, end), RED)
    truth = [t for d, t in getattr(town, "shown", []) if d]
    bars(low, 0.5, truth, GREEN)
    low.set_xlabel("hours")
    top.legend(fontsize=7, ncols=4, loc="upper left")
    save(fig, name)


def expected(sensor: Sensor, ts: Any, x: F64) -> tuple[F64, F64, F64]:
    """(level, half of the band, score) of a kernel that is fed one reading at a time."""
    kernel = Kernel("gas", blind_ms=None)
    kernel.configure([sensor])
    out = np.full((len(x), 3), np.nan)
    one = np.zeros(1, np.int32)
    for i in range(len(x)):
        r, p = kernel._bank.state[0], kernel._params[kernel._bank.state[0]["profile"]]
        if r["n"] >= p["warm_n"]:
            out[i] = r["level"], adaptive.threshold(r, p) * adaptive.sigma(r, p), tail(adaptive.judge(r, x[i], p))
        kernel.process(Columns([sensor.id], one, ts[i : i + 1], x[i : i + 1]))
    return out[:, 0], out[:, 1], out[:, 2]


def record(town: Town) -> list[F64]:
    """From now on keep what the heads read."""
    kept: list[F64] = []
    go = town.wells.go

    def going(ts: Any, leaks: Any = ()) -> tuple[F64, F64]:
        true, told = go(ts, leaks)
        kept.append(told)
        return true, told

    town.wells.go = going  # type: ignore[method-assign]
    return kept


def leak() -> None:
    town = Town(77, 60.0, network=False)
    at = MONDAY_MS + 3 * DAY_MS
    town.learn(MONDAY_MS, at)
    kept, start = record(town), at + 4 * HOUR_MS
    near = np.argsort(np.hypot(*(town.wells.xy - town.wells.xy[5]).T))[:4].tolist()
    found = town.run(at, at + 8 * HOUR_MS, [town.wells.leak(5, 45.0, start, 90.0)], tick_ms=60_000)
    town.shown = [(True, (4.0, 5.5))]  # type: ignore[attr-defined]
    told = [d.reason.en for d in found if d.kind == "gas_spread" and d.state != "clear"]
    title = "A leak in well 6 that reaches its neighbours through ducts\n" + (told[1] if len(told) > 1 else "")
    wells("leak", title, town, at, found, np.concatenate(kept), near)


def calm() -> None:
    town = Town(78, 60.0, network=False)
    at = MONDAY_MS + 3 * DAY_MS
    town.learn(MONDAY_MS, at)
    kept = record(town)
    town.faults = faults(town, at, 7)
    found = town.run(at, at + 7 * DAY_MS)
    show = [town.wells.drained[0], town.wells.drained[1], *(k for k in range(12) if k not in town.wells.drained)][:4]
    title = "A clean week: sewer gas in two wells, wet heads, opened covers (faults are not drawn)"
    wells("calm", title, town, at, [d for d in found if d.cls == "hazard"], np.concatenate(kept), show)


def sewer() -> None:
    town = Town(79, 60.0, sewer_lel=(9.0, 11.0), network=False)
    at = MONDAY_MS + 6 * DAY_MS
    town.learn(MONDAY_MS, at)
    kept, start = record(town), at + 54 * HOUR_MS
    k = town.wells.drained[0]
    found = town.run(at, at + 60 * HOUR_MS, [town.wells.leak(k, 40.0, start, 120.0)])
    town.shown = [(True, (54.0, 56.0))]  # type: ignore[attr-defined]
    mine = [d for d in found if d.sensor == town.sensors[k].id and d.kind == "gas_concentration" and d.state != "clear"]
    mild = sum(d.evidence.suspect == "sewer_gas" for d in mine if d.ts_ms <= start)
    total = sum(d.ts_ms <= start for d in mine)
    wrong = sum(d.evidence.suspect == "sewer_gas" for d in mine if start + 900_000 < d.ts_ms < start + 2 * HOUR_MS)
    title = (
        f"Sewer gas at the watch level, then a leak in the same well (hour 54)\nbefore the leak {mild} of {total} "
        f"messages say that sewer gas is suspected, from 15 min after its begin to its end {wrong}"
    )
    wells("sewer", title, town, at, found, np.concatenate(kept), [k, town.wells.drained[1]])


class SeenRegulators(Regulators):
    rows: list[tuple[int, F64, F64, F64]]

    def _judge(self, ts: int, x: F64, usual: F64, z: F64) -> list[Finding]:
        self.rows.append((ts, x[: self.n].copy(), usual[: self.n].copy(), z[: self.n].copy()))
        return super()._judge(ts, x, usual, z)


class SeenBalance(GasBalance):
    rows: list[tuple[int, float, float, float]]

    def _judge(self, ts: int) -> tuple[list[Finding], bool]:
        row, n = self.ring[-1], self.sizes[1]
        z = np.mean([r[1] for r in self.ring[-n:]]) / max(self.scale[1] * SIGMA, 1e-6)
        self.rows.append((ts, row[4], row[4] - row[1], float(z)))
        return super()._judge(ts)


def network(
    kind: str, size: float, at_h: float, lasts_h: float, to_h: float
) -> tuple[Network, Any, list[Finding], int]:
    """A network's detector over days, with a trouble `at_h` hours into the last two days."""
    net, begin = Network(81), MONDAY_MS + 15 * DAY_MS
    k, start = net.k, begin + round(at_h * HOUR_MS)
    places = [{"lon": 108.0 + 0.01 * j, "lat": 26.5} for j in range(k)]
    pack = (("pack_m3", net.pack_m3),)
    outlets = [Member(f"regulator {j + 1}", "outlet_pressure", 300.0, params=pack, **places[j]) for j in range(k)]  # type: ignore[arg-type]
    inlets = [Member(f"inlet {j + 1}", "inlet_pressure", 300.0, **places[j]) for j in range(k)]  # type: ignore[arg-type]
    meters = [Member(f"in {j}", "flow", 300.0, 1) for j in range(k)]
    meters += [Member(f"use {j}", "flow", 300.0, -1) for j in range(net.c)]
    made: Any = SeenBalance([*outlets, *meters]) if kind == "loss" else SeenRegulators([*outlets, *inlets])
    made.rows, found = [], []
    trouble = Trouble(kind, size, 1, start, start + round(lasts_h * HOUR_MS))
    for day in range(MONDAY_MS, begin + round(to_h * HOUR_MS), DAY_MS):
        ts = np.arange(day + 300_000, min(day + DAY_MS, begin + round(to_h * HOUR_MS)) + 1, 300_000)
        outlet, inlet, flow, use = net.go(ts, (trouble,))
        table = np.hstack([outlet, flow, use] if kind == "loss" else [outlet, inlet])
        who = np.arange(table.shape[1], dtype=np.int32)
        for i, at in enumerate(ts.tolist()):
            made.add(who, np.full(len(who), at), table[i])
            found += made.advance(at)
    return net, made, found, begin


def regulator(name: str, kind: str, size: float, title: str) -> None:
    _, made, found, begin = network(kind, size, 18.0, 2.0, 26.0)
    rows = [r for r in made.rows if r[0] > begin]
    x = np.array([(r[0] - begin) / HOUR_MS for r in rows])
    seen, usual, z = (np.array([r[k] for r in rows]) for k in (1, 2, 3))
    told = next((f.reason.en for f in found if f.state == "raise"), "nothing is told")
    fig, top, middle, low = frame(f"{title}\n{told}", "outlet pressure, kPa")
    for j in range(seen.shape[1]):
        top.plot(x, seen[:, j], lw=1.0, color=BLUE if j == 1 else f"{0.4 + 0.2 * j:.2f}", label=f"regulator {j + 1}")
    top.fill_between(x, 0.95 * usual[:, 1], 1.05 * usual[:, 1], color=ORANGE, alpha=0.2, lw=0)
    top.plot(x, usual[:, 1], color=ORANGE, lw=0.7)
    top.legend(fontsize=7, ncols=3, loc="lower left")
    middle.plot(x, [tail(max(-v, 0.0)) for v in z[:, 1]], color="black", lw=0.7)
    low.set_xlim(x[0], x[-1])
    end = int(rows[-1][0])
    bars(low, 1.5, spans(found, ["regulator_loss"], lambda t: (t - begin) / HOUR_MS, end), PALE)
    bars(low, 2.5, spans(found, ["gas_supply_low"], lambda t: (t - begin) / HOUR_MS, end), RED)
    bars(low, 0.5, [(18.0, 20.0)], GREEN)
    low.set_xlabel("hours")
    save(fig, name)


def balance() -> None:
    _, made, found, begin = network("loss", 0.08, 20.0, 16.0, 44.0)
    rows = [r for r in made.rows if r[0] > begin]
    x = np.array([(r[0] - begin) / HOUR_MS for r in rows])
    seen, usual, z = (np.array([r[k] for r in rows]) for k in (1, 2, 3))
    told = next((f.reason.en for f in found if f.state == "raise"), "nothing is told")
    fig, top, middle, low = frame(
        f"8 % of the mean inflow escapes\n{told}", "inflow less metered use\nless line-pack, m³/h"
    )
    top.plot(x, seen, color=BLUE, lw=0.6)
    top.plot(x, usual, color=ORANGE, lw=0.9)
    band = 0.02 * made.mean
    top.fill_between(x, usual - band, usual + band, color=ORANGE, alpha=0.2, lw=0)
    middle.plot(x, [tail(max(v, 0.0)) for v in z], color="black", lw=0.7)
    middle.axhline(tail(Z_ON), color="grey", lw=0.5, ls=":")
    low.set_xlim(x[0], x[-1])
    bars(low, 2.5, spans(found, ["gas_imbalance"], lambda t: (t - begin) / HOUR_MS, int(rows[-1][0])), RED)
    bars(low, 0.5, [(20.0, 36.0)], GREEN)
    low.set_xlabel("hours")
    save(fig, "balance")


if __name__ == "__main__":
    leak()
    calm()
    sewer()
    regulator("regulator", "regulator", 0.15, "Regulator 2 loses 15 % of its outlet pressure for two hours")
    regulator("supply", "supply", 0.12, "The supply is short: all outlets lose 12 % for two hours")
    balance()
