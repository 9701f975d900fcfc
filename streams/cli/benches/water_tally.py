"""What the water benchmark counts, and the figures made of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from streams.alerts.severity import decide, default_rules
from streams.cli.benches.figure import Figure
from streams.cli.benches.water_town import GAUGES
from streams.events import Detection

MEAN, FLOW = "mean", "flow"  # a size is a share of the mean inflow, or of the flow at that time
FEAST, ROUGHER = "feast", "rough"  # of the mean: in a feast week, in a zone of rough demand
Case = tuple[str, float, str, float]  # of what, sampling interval s, part of the day, size
COUNTY_SENSORS = 100  # water sensors of a county, for rates by county
MONTH_WEEKS = 30.4 / 7.0
SOLD = ("hydrant_use",)  # tells what happened, is not false


@dataclass
class Tally:
    """Delays in minutes by case (NaN: missed), those at bare nodes again; ranks of the burst's gauge; false alerts by
    kind, and those that became I or II."""

    delays: dict[Case, list[float]] = field(default_factory=lambda: defaultdict(list))
    bare: dict[Case, list[float]] = field(default_factory=lambda: defaultdict(list))
    ranks: list[int] = field(default_factory=list)
    false: Counter[str] = field(default_factory=Counter)
    grave: Counter[str] = field(default_factory=Counter)
    sensor_weeks: float = 0.0

    def burst(self, case: Case, delay: float, bare: bool) -> None:
        self.delays[case].append(delay)
        if bare:
            self.bare[case].append(delay)

    def clean(self, found: Sequence[Detection], sensors: int, days: float) -> None:
        """Raises and updates of days without trouble."""
        mine = [d for d in found if d.kind not in SOLD]
        self.false.update(d.kind for d in mine if d.state == "raise")
        rules = default_rules()
        self.grave.update(kind for kind, _, _ in {
            (d.kind, d.sensor, d.onset_ms) for d in mine if decide(d, rules)[0] in ("I", "II")
        })  # fmt: skip
        self.sensor_weeks += sensors * days / 7.0

    def figures(self, goal: Mapping[str, float]) -> Iterator[Figure]:
        """Recall and delay at the goal's size by part of the day, false alerts, place."""
        cases = {part: (MEAN, 60.0, part, size) for part, size in goal.items()}
        got = [d for case in cases.values() for d in self.delays[case]]
        found = np.array([d for d in got if np.isfinite(d)])
        detail = {"by": table(self.delays), "bursts": sum(map(len, self.delays.values())), "bare": table(self.bare)}
        yield Figure("detect.water_recall", share(got), "", ">= 0.9", len(got), detail)
        for part, size in goal.items():
            name = f"detect.water_recall_{part}_{100 * size:.0f}"
            yield Figure(name, share(self.delays[cases[part]]), "", ">= 0.9", len(self.delays[cases[part]]))
            flow = self.delays[FLOW, 60.0, part, size]
            yield Figure(name + "_of_flow", share(flow), "", "", len(flow))
            rough = self.delays.get((ROUGHER, 60.0, part, size), [])
            if rough:
                yield Figure(name + "_rough", share(rough), "", ">= 0.9", len(rough))
        between = [d for case in cases.values() for d in self.bare[case]]
        yield Figure("detect.water_recall_between_gauges", share(between), "", ">= 0.9", len(between))
        for name, q in (("median", 0.5), ("p90", 0.9)):
            late = 60.0 * float(np.quantile(found, q)) if len(found) else float("nan")
            yield Figure(f"detect.water_delay_s_{name}", late, "s", "<= 900", len(found))
        per_100, n = 100.0 / self.sensor_weeks, round(self.sensor_weeks)
        told = {"kinds": dict(self.false), "sensor_weeks": round(self.sensor_weeks, 1)}
        yield Figure("detect.water_false_per_week_per_100", self.false.total() * per_100, "alerts", "<= 1", n, told)
        month = self.grave.total() * per_100 * COUNTY_SENSORS / 100.0 * MONTH_WEEKS
        grave = {"kinds": dict(self.grave), "sensors of a county": COUNTY_SENSORS}
        yield Figure("detect.water_false_I_II_per_county_month", month, "alerts", "<= 1", n, grave)
        top = share([1.0 if rank < 3 else float("nan") for rank in self.ranks])
        yield Figure("detect.water_location_top3", top, "", "", len(self.ranks), {"of": GAUGES, "chance": 3 / GAUGES})


def share(delays: Sequence[float]) -> float:
    """Share that was found, NaN of none."""
    return float(np.isfinite(delays).mean()) if len(delays) else float("nan")


def table(delays: Mapping[Case, Sequence[float]]) -> dict[str, float]:
    """Share found by "of what/interval s/part/size %"."""
    return {
        f"{of}/{step:.0f}s/{part}/{100 * size:.0f}%": round(share(got), 3)
        for (of, step, part, size), got in sorted(delays.items())
    }
