"""Leaks and operations on simulated lines of 30 km with two to four stations at 10 Hz; lines in worse conditions
(`detect_pipeline_hard`) and long normal operation (`detect_pipeline_weeks`).

The line is marched by simulators/moc.py; the detector is told stations, elevations, diameter and density, but neither
wave speed, friction, clocks' errors nor when anything happens; every other line has unsteady friction, which its model
has not. Each line learns for 70 min with six operations; every scene begins with five minutes of normal operation. A
raise before the leak, or without one, is a false alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streams.cli.benches import detect_pipeline_hard as hard, detect_pipeline_weeks as weeks
from streams.cli.benches.detect_pipeline_scenes import OPERATIONS, Watch, leak_of, raises, summary
from streams.cli.benches.figure import Figure, Say

STAGE = "pipeline"
SIZES, OPENINGS_S = (0.005, 0.01, 0.02, 0.05), (0.0, 30.0)
AFTER_S, FOUND_S = 200.0, 180.0
WEEK_HOURS = 36.0  # of each line in normal operation
GOAL = 0.02  # leaks of at least this share are judged by the goals


@dataclass
class Tally:
    """A row a leak: (share, opening s, delay s or inf, error m or nan, said to be a point, error of best guess m,
    whether the stretch that was told last holds it)."""

    leaks: list[tuple[float, float, float, float, bool, float, bool]] = field(default_factory=list)
    operations: dict[str, list[int]] = field(default_factory=dict)  # name -> false alerts, scenes
    before: int = 0  # raises before the leak, in scenes with a leak
    learning: int = 0  # raises in the first hour

    def of(self, sudden: bool | None = None, least: float = GOAL, share: float = 0.0) -> list[Any]:
        return [
            row for row in self.leaks
            if (row[0] >= least if not share else row[0] == share) and (sudden is None or (row[1] == 0.0) == sudden)
        ]  # fmt: skip


def one_line(seed: int, t: Tally) -> None:
    """All leaks and operations on one line."""
    watch = Watch(seed)
    t.learning += len(raises(watch.while_learning))
    part = 1
    for over in OPENINGS_S:
        for share in SIZES:
            watch.again()
            _leak(watch, part, share, over, t)
            part += 1
    for name, operation in OPERATIONS:
        watch.again()
        after = 1500.0 if operation.kind == "batch" else 500.0
        found = raises(watch.run(part, 330.0 + after, [operation._replace(at_s=330.0)]))
        row = t.operations.setdefault(name, [0, 0])
        row[0], row[1] = row[0] + len(found), row[1] + 1
        part += 1


def _leak(watch: Watch, part: int, share: float, over: float, t: Tally) -> None:
    leak = leak_of(watch.seed, part, share, over)
    delay, error, point, guess, held = float("inf"), float("nan"), False, float("nan"), False
    for at, f in watch.run(part, leak.at_s + over + AFTER_S, leak=leak):
        since = at / 1000.0 - leak.at_s
        if since < 0:
            t.before += f.state == "raise"
            continue
        if since > FOUND_S + over or f.state == "clear":
            continue
        delay = min(delay, since) if f.state == "raise" else delay
        lo, hi = watch.told_m(f)
        held = lo <= leak.chainage_m <= hi
        if f.detector.endswith("+wave") and f.place is not None:
            guess, point = abs(watch.place_m(f) - leak.chainage_m), not f.approximate
            error = guess if point else float("nan")
    t.leaks.append((share, over, delay, error, point, guess, held))


def measure(seeds: Iterable[int], say: Say) -> Tally:
    """All lines."""
    t = Tally()
    for seed in seeds:
        one_line(seed, t)
        big = [row[2] for row in t.of(sudden=True)]
        say(f"pipeline: line {seed}; {np.isfinite(big).sum()} of {len(big)} leaks,"
            f" {sum(n for n, _ in t.operations.values())} on operations")  # fmt: skip
    return t


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `detect.pipeline_*` figures."""
    yield from figures(measure(range(200, 201) if quick else range(200, 236), say))
    if quick:
        yield from hard.unsync(range(204, 205), say)
        yield from weeks.run(range(300, 301), 0.5, say)
        return
    yield from hard.unsync(range(230, 242), say)
    yield from hard.slack(range(250, 258), say)
    yield from hard.gas(range(260, 272), say)
    yield from weeks.run(range(300, 336), WEEK_HOURS, say)


def figures(t: Tally) -> Iterator[Figure]:
    recall = float(np.mean([row[2] <= 60.0 for row in t.of(sudden=True)]))
    detail: dict[str, Any] = {}
    for share in SIZES:
        for sudden in (True, False):
            rows = t.of(sudden, share=share)
            name = f"{100 * share:g} %, {'sudden' if sudden else 'in 30 s'}"
            points = [row[3] for row in rows if row[4]]
            detail[name] = {
                "found": f"{sum(np.isfinite(row[2]) for row in rows)} of {len(rows)}",
                "delay_s": summary([row[2] for row in rows]),
                "points_m": summary(points),
                "best_guess_m": summary([row[5] for row in rows]),
                "held": f"{sum(row[6] for row in rows)} of {sum(np.isfinite(row[2]) for row in rows)}",
            }
    yield Figure("detect.pipeline_recall", recall, "share", ">= 0.9", len(t.of(sudden=True)), detail)
    slow = [row[2] <= 60.0 + row[1] for row in t.of(sudden=False)]
    yield Figure("detect.pipeline_recall_slow", float(np.mean(slow)), "share", "", len(slow))
    delays = np.array([row[2] for row in t.of(sudden=True)])
    yield Figure("detect.pipeline_delay_s_median", float(np.median(delays)), "s", "<= 60", len(delays))
    yield Figure(
        "detect.pipeline_delay_s_p90", float(np.quantile(delays, 0.9, method="lower")), "s", "<= 60", len(delays)
    )
    sudden_rows = t.of(sudden=True)
    errors = [row[3] for row in sudden_rows if row[4]]
    placed = float(np.median(errors)) if errors else float("inf")
    yield Figure("detect.pipeline_location_m_median", placed, "m", "<= 150", len(errors),
                 {"p90": summary(errors).get("p90"), "of": len(sudden_rows)})  # fmt: skip
    guesses = [row[5] if np.isfinite(row[5]) else 1e9 for row in sudden_rows]
    yield Figure("detect.pipeline_location_m_p90", float(np.quantile(errors, 0.9)) if errors else float("inf"), "m", "",
                 len(errors))  # fmt: skip
    yield Figure("detect.pipeline_slow_points", sum(row[4] for row in t.of(sudden=False)), "alerts", "<= 0",
                 len(t.of(sudden=False)))  # fmt: skip
    slow_guess = [row[5] for row in t.of(sudden=False) if np.isfinite(row[5])]
    middle = float(np.median(slow_guess)) if slow_guess else float("inf")
    yield Figure("detect.pipeline_slow_guess_m_median", middle, "m", "", len(slow_guess),
                 {"p90": summary(slow_guess).get("p90")})  # fmt: skip
    yield Figure("detect.pipeline_guess_m_median", float(np.median(guesses)), "m", "", len(sudden_rows))
    scenes = sum(m for _, m in t.operations.values())
    wrong = sum(k for k, _ in t.operations.values())
    yield Figure("detect.pipeline_false_on_operations", wrong, "alerts", "<= 0", scenes,
                 {name: f"{k} in {m}" for name, (k, m) in t.operations.items()}
                 | {"while_learning": t.learning, "before_a_leak": t.before})  # fmt: skip
