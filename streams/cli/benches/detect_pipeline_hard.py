"""Lines whose facts are worse: clocks that are seconds off, slack flow at a high point, and gas.

- unsync: clocks are off by seconds and wander from day to day. Half of the lines say so (`clock_ms` 2,000), half
  claim 10 ms. A leak must be told as a stretch that holds it, never as a point.
- slack: the pump slows for minutes, the column breaks at a mountain and is filled again; with and without a leak.
- gas: balance with the line-pack of compressible flow; a stretch, no place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from simulators.pipeline_scene import Leak, Operation
from streams.cli.benches.detect_pipeline_scenes import Setting, Watch, leak_of, raises, summary
from streams.cli.benches.figure import Figure, Say

WRONG_MS = 2000.0
SHARES = (0.02, 0.05)
SPARE_M = 40.0  # of head above boiling at the top
SLOWER = (-0.08, -0.12)  # the pump, until the column breaks
LOW_S = 900.0
GAS_SHARES = (0.02, 0.05, 0.1)
GAS_HOURS = 6.0
GAS_LEARN_S, GAS_BEFORE_S, GAS_AFTER_S = 14_400.0, 3000.0, 2700.0


def unsync(seeds: Iterable[int], say: Say) -> Iterator[Figure]:
    """Leaks on lines whose clocks are not synchronised."""
    held, points, found, widths = 0, 0, 0, []
    total = 0
    for seed in seeds:
        watch = Watch(seed, Setting(2 + seed % 3, False, WRONG_MS, WRONG_MS if seed % 2 else 10.0, wander=True))
        for part, share in enumerate(SHARES, 1):
            watch.again()
            leak = leak_of(seed, part, share, 0.0)
            total += 1
            told = [f for at, f in watch.run(part, leak.at_s + 180.0, leak=leak) if at / 1000.0 > leak.at_s]
            told = [f for f in told if f.state != "clear"]
            points += any(not f.approximate for f in told)
            if told:
                lo, hi = watch.told_m(told[-1])
                found, held = found + 1, held + (lo <= leak.chainage_m <= hi)
                widths.append(hi - lo)
        say(f"pipeline, unsynchronised: line {seed}; {held} of {total} in the stretch, {points} points")
    yield Figure("detect.pipeline_unsync_segment", held / total, "share", ">= 0.9", total,
                 {"found": found, "width_m": summary(widths)})  # fmt: skip
    yield Figure("detect.pipeline_unsync_points", points, "alerts", "<= 0", total)


def slack(seeds: Iterable[int], say: Say) -> Iterator[Figure]:
    """A pump that slows until the column breaks, and comes back: alone, and with a leak while it is slow or after."""
    false, cavities, early = 0, 0, 0
    delays: list[float] = []
    for seed in seeds:
        watch = Watch(seed, Setting(2 + seed % 2, seed % 2 == 1, spare_m=SPARE_M))
        part = 0
        for slower in SLOWER:
            plan = [Operation(330.0, "pump", slower, 10.0), Operation(330.0 + LOW_S, "pump", -slower, 10.0)]
            for leak_s in (None, 600.0, 330.0 + LOW_S + 60.0):
                part += 1
                watch.again()
                if leak_s is None:
                    told = watch.run(part, 3600.0, plan)
                    false, cavities = false + len(raises(told)), cavities + 1
                    continue
                where = leak_of(seed, part, 0.05, 0.0).chainage_m
                told = watch.run(part, leak_s + 1800.0, plan, Leak(leak_s, where, 0.05))
                early += any(at / 1000.0 < leak_s for at, _ in raises(told))
                after = [at / 1000.0 - leak_s for at, _ in raises(told) if at / 1000.0 >= leak_s]
                delays.append(min(after, default=float("inf")))
        say(f"pipeline, slack: line {seed}; {false} false in {cavities}, {np.isfinite(delays).sum()} of {len(delays)}")
    found = np.isfinite(delays)
    detail: dict[str, Any] = {"delay_s": summary(delays), "before_a_leak": early}
    yield Figure("detect.pipeline_slack_false", false + early, "alerts", "<= 0", cavities + len(delays))
    yield Figure("detect.pipeline_slack_recall", float(found.mean()), "share", ">= 0.9", len(delays), detail)


def gas(seeds: Iterable[int], say: Say) -> Iterator[Figure]:
    """Hours with an operation each, then leaks."""
    false, hours, sensor_hours, points, held = 0, 0.0, 0.0, 0, 0
    delays: dict[float, list[float]] = {share: [] for share in GAS_SHARES}
    for seed in seeds:
        watch = Watch(seed, Setting(2 + seed % 2, gas=True), GAS_LEARN_S)
        watch.again()
        rng, plan = np.random.default_rng([seed, 29]), []
        for hour in range(int(GAS_HOURS)):
            kind, size = (("pump", 0.03), ("valve", 0.15))[hour // 2 % 2]
            at = 3600.0 * hour + float(rng.uniform(600, 3000))
            plan.append(Operation(at, kind, size * (-1.0) ** hour, 60.0))
        false += len(raises(watch.run(1, 3600.0 * GAS_HOURS, plan)))
        hours, sensor_hours = hours + GAS_HOURS, sensor_hours + 2 * watch.stations * GAS_HOURS
        for part, share in enumerate(GAS_SHARES, 2):
            watch.again()
            leak = Leak(GAS_BEFORE_S, leak_of(seed, part, share, 0.0).chainage_m, share)
            told = watch.run(part, leak.at_s + GAS_AFTER_S, leak=leak)
            after = [(at / 1000.0 - leak.at_s, f) for at, f in told if f.state != "clear" and at / 1000.0 > leak.at_s]
            delays[share].append(after[0][0] if after else float("inf"))
            points += any(not f.approximate for _, f in after)
            if after:
                lo, hi = watch.told_m(after[-1][1])
                held += lo <= leak.chainage_m <= hi
        say(f"pipeline, gas: line {seed}; {false} false in {hours:g} h, found {_counts(delays)}, {points} points")
    big = [d for share, ds in delays.items() if share >= 0.05 for d in ds]
    n = sum(len(d) for d in delays.values())
    detail = {f"{100 * s:g} %": {"found": f"{np.isfinite(d).sum()} of {len(d)}", "delay_s": summary(d)}
              for s, d in delays.items()}  # fmt: skip
    yield Figure("detect.pipeline_gas_recall", float(np.isfinite(big).mean()), "share", ">= 0.9", len(big), detail)
    yield Figure("detect.pipeline_gas_delay_s_median", float(np.median(big)), "s", "", len(big))
    yield Figure("detect.pipeline_gas_points", points, "alerts", "<= 0", n, {"in_the_stretch": held})
    yield Figure("detect.pipeline_gas_false", false, "alerts", "<= 0", int(hours),
                 {"line_hours": hours, "sensor_weeks": round(sensor_hours / 168.0, 2)})  # fmt: skip


def _counts(delays: dict[float, list[float]]) -> str:
    return ", ".join(f"{100 * s:g} %: {np.isfinite(d).sum()} of {len(d)}" for s, d in delays.items())
