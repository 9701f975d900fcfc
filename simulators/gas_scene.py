"""A 30 km gas line with stations as instruments see it at 1 Hz: `gas_line` with a compressor and a customer that vary.

A function of the seed, with the same operations, leaks and answers as `pipeline_scene` (pump: the compressor's set
point, valve: what the customer takes). Friction, temperature and z are drawn; the detector is told usual values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from simulators.gas_line import AIR_PA, CD, CHOKED, GasLine, march, steady
from simulators.noise import F64, I64
from simulators.pipeline_scene import Instrument, Keep, Leak, Operation

STEP_S = 1.0
CHUNK_S = 300
INNER = 2  # steps of the scheme in a second
WOBBLE = ((0.0002, 120.0), (0.002, 1800.0))  # of the pressure: standard deviation, seconds
DEMAND = ((0.004, 30.0), (0.02, 3600.0))


class GasScene:
    """One line. `stations_m` float64[S]; clocks are right to a second, which nothing here can see."""

    def __init__(self, seed: int, stations: int = 2) -> None:
        self.rng = rng = np.random.default_rng([seed, 7_131])
        self.line = GasLine(
            friction=float(rng.uniform(0.0105, 0.0135)), temperature_k=float(rng.uniform(281.0, 293.0)),
            z_factor=float(rng.uniform(0.88, 0.92)),
        )  # fmt: skip
        self.stations_m: F64 = np.round(np.linspace(0.0, self.line.length_m, stations), 1)

    def run(
        self, start_ms: int, seconds: float, operations: Sequence[Operation] = (), leak: Leak | None = None
    ) -> Iterator[tuple[I64, F64, F64]]:
        """Chunks of (ts_ms int64[T], gauge pressure MPa float64[T, S], standard flow m3/h float64[T, S])."""
        line, dt = self.line, STEP_S / INNER
        p, m = steady(line, dt)
        mass = line.standard_density * line.flow_m3_s
        noise = [[Keep(self.rng, sd, tau / dt) for sd, tau in kind] for kind in (WOBBLE, DEMAND)]
        instrument = Instrument(self.rng, len(self.stations_m), STEP_S)
        hole = 0.0
        if leak is not None:
            there = p[min(int(leak.chainage_m / line.length_m * len(p)), len(p) - 1)]
            hole = leak.share * mass * line.wave_m_s / (CD * CHOKED * there)
        for begin in range(-CHUNK_S, int(seconds), CHUNK_S):
            t = begin + dt * (1 + np.arange(CHUNK_S * INNER))
            pump, valve = (1.0 + np.sum([k.draw(len(t)) for k in kind], axis=0) for kind in noise)
            for o in operations:
                ramp = o.size * np.clip((t - o.at_s) / max(o.over_s, 1e-3), 0.0, 1.0)
                pump = pump + ramp if o.kind == "pump" else pump
                valve = valve + ramp if o.kind == "valve" else valve
            area = np.zeros(len(t))
            if leak is not None:
                area = hole * np.clip((t - leak.at_s) / max(leak.over_s, 1e-3), 0.0, 1.0)
            out = march(
                line, p, m, dt, line.inlet_pa * pump, mass * valve, area, leak.chainage_m if leak else 0.0,
                self.stations_m, INNER,
            )  # fmt: skip
            if begin < 0:
                continue
            ts = start_ms + 1000 * (begin + 1 + np.arange(CHUNK_S, dtype=np.int64))
            yield (
                ts,
                *instrument.read((out[:, 0] - AIR_PA) / 1e6, out[:, 1] / line.standard_density * 3600.0),
            )
