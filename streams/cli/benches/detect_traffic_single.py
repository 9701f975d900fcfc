"""The loops of simulated roads one by one through the real kernel: false alerts of clean weeks with recurring jams."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from detectors.traffic_stations import KINDS
from geo.assets import Sensor
from simulators.cell_transmission import DAY_MS, CellTransmission
from streams.cli.benches.detect_traffic_scenes import MONDAY, road
from streams.columns import Columns
from streams.kernel import Kernel

STEP_S = 60.0
PROFILES = {"occupancy": "traffic.station_occupancy", "speed": "traffic.station_speed", "flow": "traffic.flow"}


def false_alerts(seeds: Iterable[int], stations: bool) -> tuple[float, int]:
    """(false alerts a week for 100 sensors, sensor weeks); `stations`: with the profiles of roads judged as a whole.

    Each sensor is its own zone, so that no group detector says anything; a week of learning and a week that counts.
    """
    raised, sensor_weeks = 0, 0
    for seed in seeds:
        of = road(seed)
        names = [f"522601-T-{kind[:3].upper()}-{s + 1:06d}" for s in range(len(of.stations_m)) for kind in KINDS]
        kernel = Kernel("traffic", blind_ms=None)
        kernel.configure(
            Sensor(
                id=name, domain="traffic", kind=KINDS[k % 3], zone=f"522601-T-COR{k:03d}", unit_code="522601",
                interval_s=STEP_S, profile=PROFILES[KINDS[k % 3]] if stations else "",
            )
            for k, name in enumerate(names)
        )  # fmt: skip
        sim, idx = CellTransmission(of, seed), np.arange(len(names), dtype=np.int32)
        for day in range(14):
            got = sim.loops(MONDAY + day * DAY_MS, MONDAY + (day + 1) * DAY_MS, STEP_S)
            table = np.stack([got.occupancy, got.speed, got.flow], axis=2).reshape(len(got.ts_ms), -1)
            for k in range(0, len(table), 20):
                part = table[k : k + 20]
                ts = np.repeat(got.ts_ms[k : k + 20], len(names))
                found = kernel.process(Columns(names, np.tile(idx, len(part)), ts, part.ravel()))
                found += kernel.tick(int(ts[-1]) + 500)
                raised += sum(d.state == "raise" for d in found) if day >= 7 else 0
        sensor_weeks += len(names)
    return 100.0 * raised / max(sensor_weeks, 1), sensor_weeks
