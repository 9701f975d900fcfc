"""Makes `recording.csv.gz` of the golden test from the simulators. Run once; the file is what counts."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from geo.assets import Sensor
from geo.demo import demo_registry
from simulators import schedule
from simulators.city import City

BEGIN_MS = 1_763_884_800_000
SECONDS, INCIDENTS_AFTER_S = 1_200, 1_000


def main() -> None:
    sensors = [r for r in demo_registry() if isinstance(r, Sensor)]
    city = City(sensors, seed=522600)
    incidents = schedule.opening(city, BEGIN_MS + INCIDENTS_AFTER_S * 1000)
    keep = {s for i in incidents for s in i.sensors[:5]}
    lines = ["sensor,ts_ms,value"]
    for second in range(0, SECONDS, 60):
        ts = BEGIN_MS + 1000 * np.arange(second, second + 60, dtype=np.int64)
        rows = []
        for sim in city.sims.values():
            values = sim.values(ts, [i for i in incidents if i.domain == sim.sensors[0].domain])
            rows += [
                (int(ts[t]), s.id, float(values[t, k]))
                for k, s in enumerate(sim.sensors)
                if s.id in keep
                for t in range(60)
                if np.isfinite(values[t, k])
            ]
        lines += [f"{s},{t},{v:.6g}" for t, s, v in sorted(rows)]
    data = gzip.compress("\n".join(lines).encode(), 9, mtime=0)
    (Path(__file__).parent / "recording.csv.gz").write_bytes(data)
    print(len(lines), "rows,", len(data), "bytes,", len(keep), "sensors")


if __name__ == "__main__":
    main()
