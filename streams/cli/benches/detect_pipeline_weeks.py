"""Long normal operation of simulated lines through the whole kernel: single-sensor detectors with the catalog's default
profiles, the balance of the zone, and the line as a whole.

The solver runs at 0.1 s (0.05 s where leaks are measured), readings come at 10 Hz, ticks each ten seconds. Operations
come one to three hours apart: parts of the pumping trip and start again, set points move, valves throttle and shut in
part, batches and pigs pass. Any raise after the learning time is a false alert, whatever its kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from geo.assets import Sensor
from simulators.pipeline_scene import Operation, Scene
from streams.cli.benches.detect_pipeline_scenes import T0, Setting, facts, learning, scene_of
from streams.cli.benches.figure import Figure, Say
from streams.columns import Columns
from streams.kernel import Kernel

STEP_S = 0.1
LEARN_S = 5400.0
BATCH = 100  # samples a message, ten seconds
PASSES_S = 20_000.0  # a batch or a pig is through the line


@dataclass
class Weeks:
    """`false`: raises by kind after the learning time; `early`: before its end."""

    false: Counter[str] = field(default_factory=Counter)
    early: Counter[str] = field(default_factory=Counter)
    sensor_hours: float = 0.0
    line_hours: float = 0.0
    operations: int = 0


def sensors(scene: Scene, setting: Setting, seed: int) -> list[Sensor]:
    """Pressure and flow of each station as a registry holds them; the ends are the zone's balance."""
    last = len(scene.stations_m) - 1
    out = []
    for s, (x, known) in enumerate(zip(scene.stations_m.tolist(), facts(scene, setting, seed), strict=True)):
        for code, kind in (("PPR", "pressure"), ("PFL", "flow")):
            sign = 0 if kind == "pressure" else {0: 1, last: -1}.get(s, 0)
            out.append(
                Sensor(
                    id=f"522601-P-{code}-{s + 1:06d}", domain="pipeline", kind=kind, zone="522601-P-LIN01",
                    unit_code="522601", interval_s=0.1, chainage_m=x, lon=107.0 + x * 1e-5, lat=26.5, flow_sign=sign,
                    params=known,
                )
            )  # fmt: skip
    return out


def plan(seed: int, hours: float) -> list[Operation]:
    """The operations of a line after its learning time; each is undone but a batch or pig, which passes."""
    rng = np.random.default_rng([seed, 31])
    out: list[Operation] = []
    thick, passed, t, end = 0.0, 0.0, LEARN_S + 600.0, LEARN_S + 3600.0 * hours
    while t < end - 3000.0:
        what = str(
            rng.choice(["trip", "set point", "throttle", "shut", "batch", "pig"], p=[0.2, 0.25, 0.2, 0.1, 0.15, 0.1])
        )
        back = t + float(rng.uniform(900, 2400))
        if what in ("batch", "pig") and t < passed:
            what = "set point"
        if what == "batch":
            thick = 0.12 - thick
            out.append(Operation(t, "batch", thick))
            passed = t + PASSES_S
        elif what == "pig":
            out.append(Operation(t, "pig", 0.06))
            passed = t + PASSES_S
        else:
            kind, size, over, again = {
                "trip": ("pump", -0.1, 2.0, 4.0), "set point": ("pump", float(rng.uniform(-0.02, 0.02)), 10.0, 10.0),
                "throttle": ("valve", -0.15, 20.0, 5.0), "shut": ("valve", -0.3, 3.0, 8.0),
            }[what]  # fmt: skip
            out += [Operation(t, kind, size, over), Operation(back, kind, -size, again)]
        t = back + float(rng.uniform(1200, 6000))
    return out


def one_line(seed: int, hours: float, weeks: Weeks) -> None:
    """2 to 6 stations; every other line has unsteady friction."""
    setting = Setting(2 + seed % 5, seed % 2 == 1)
    scene = scene_of(seed, 0, setting, STEP_S)
    assert isinstance(scene, Scene)
    known = sensors(scene, setting, seed)
    kernel, n = Kernel("pipeline", blind_ms=None), len(known)
    kernel.configure(known)
    names, who = [s.id for s in known], np.tile(np.arange(n, dtype=np.int32), BATCH)
    operations = plan(seed, hours)
    for ts, pressure, flow in scene.run(T0, LEARN_S + 3600.0 * hours, [*learning(seed, LEARN_S), *operations]):
        rows = np.stack([pressure, flow], axis=2).reshape(len(ts), n)
        for k in range(0, len(ts), BATCH):
            part, stamps = rows[k : k + BATCH].ravel(), np.repeat(ts[k : k + BATCH], n)
            found = kernel.process(Columns(names, who[: len(part)], stamps, part))
            found += kernel.tick(int(stamps[-1]) + 2000)
            count = weeks.false if stamps[0] >= T0 + 1000 * LEARN_S else weeks.early
            count.update(d.kind for d in found if d.state == "raise")
    weeks.sensor_hours += n * hours
    weeks.line_hours += hours
    weeks.operations += len(operations)


def run(seeds: Iterable[int], hours: float, say: Say) -> Iterator[Figure]:
    weeks = Weeks()
    for seed in seeds:
        one_line(seed, hours, weeks)
        told, done = dict(weeks.false), weeks.sensor_hours / 168.0
        say(f"pipeline, weeks: line {seed}; {told} in {done:.1f} sensor-weeks, {weeks.operations} operations")
    yield from figures(weeks)


def figures(weeks: Weeks) -> Iterator[Figure]:
    of = weeks.sensor_hours / 168.0
    n = weeks.false.total()
    yield Figure("detect.pipeline_false_per_week_per_100", 100.0 * n / of, "alerts", "<= 1", n,
                 {"sensor_weeks": round(of, 1), "line_hours": weeks.line_hours, "operations": weeks.operations,
                  "kinds": dict(weeks.false), "while_learning": dict(weeks.early),
                  "at_most_95": round(100.0 * most(n) / of, 1)})  # fmt: skip


def most(n: int) -> float:
    """Upper 95 % bound of a Poisson mean of which n were seen.

    >>> round(most(0), 2), round(most(2), 2)
    (3.0, 6.3)
    """
    from scipy.stats import chi2  # type: ignore[import-untyped]

    return float(chi2.ppf(0.95, 2 * n + 2) / 2.0)
