"""A 30 km liquid line with stations as instruments see it at 10 Hz: the method of characteristics plus operation,
process noise, instrument noise and clocks. What the pipeline detectors are measured on.

A function of the seed. Wave speed, friction, noise and the clocks' errors are drawn; no detector is told them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter  # type: ignore[import-untyped]

from simulators.moc import CD, G as GRAVITY, Line, march, steady
from simulators.noise import F64, I64

STEP_MS = 100
CHUNK_S = 120
MARGIN_MS = 3000  # largest error of a clock
WHITE_MPA, SLOW_MPA, DIGIT_MPA = 0.0015, 0.002, 0.001
WHITE, SLOW, DIGIT_M3_H = 0.003, 0.003, 0.1  # of the flow
SLOW_S, PROCESS_S = 900.0, 300.0


class Operation(NamedTuple):
    """`kind`: pump (speed) or valve (opening) moves by `size` of its nominal within `over_s`; batch: another medium, of
    `size` more friction, begins to fill the line; pig: one is sent that takes `size` MPa at the nominal flow."""

    at_s: float
    kind: str
    size: float
    over_s: float = 5.0


class Leak(NamedTuple):
    """A hole that lets out `share` of the line's flow, fully open after `over_s`."""

    at_s: float
    chainage_m: float
    share: float
    over_s: float = 0.0


class Peak(NamedTuple):
    """A mountain: its top stands so high that `spare_m` of head are left above boiling at the duty point."""

    chainage_m: float
    spare_m: float
    flank_m: float = 6000.0


class Scene:
    """One line. `stations_m` float64[S]; `clock_ms`: standard deviation of the clocks' errors, constant in a run."""

    def __init__(
        self, seed: int, stations: int = 2, clock_ms: float = 10.0, step_s: float = 0.05, line: Line | None = None,
        unsteady: bool = False, peak: Peak | None = None,
    ) -> None:  # fmt: skip
        self.rng = rng = np.random.default_rng([seed, 7_130])
        drawn = Line(wave_m_s=float(rng.uniform(950, 1180)), friction=float(rng.uniform(0.0165, 0.0205)))
        self.line, self.step_s = line or drawn, step_s
        inner = np.sort(rng.uniform(-2000, 2000, stations)) + self.line.length_m * np.linspace(0, 1, stations)
        self.stations_m: F64 = np.round(inner, 1)
        self.stations_m[0], self.stations_m[-1] = 0.0, self.line.length_m
        self.clock_ms: F64 = np.clip(rng.normal(0.0, clock_ms, stations), -MARGIN_MS, MARGIN_MS)
        ups = rng.uniform(-60.0, 60.0, 7)
        n = self.line.reaches(step_s) + 1
        self.elevation: F64 = np.interp(np.linspace(0, 6, n), np.arange(7.0), ups)
        self.memory = self.line.memory(step_s) if unsteady else None
        if peak is not None:
            self._raise(peak)

    def _raise(self, peak: Peak) -> None:
        heads = steady(self.line, self.step_s).head
        x = np.linspace(0.0, self.line.length_m, len(heads))
        top = float(np.interp(peak.chainage_m, x, heads)) - self.line.vapour_m - peak.spare_m
        slope = np.clip(1.0 - np.abs(x - peak.chainage_m) / peak.flank_m, 0.0, 1.0)
        self.elevation = self.elevation * (1.0 - slope) + top * slope

    def run(
        self, start_ms: int, seconds: float, operations: Sequence[Operation] = (), leak: Leak | None = None
    ) -> Iterator[tuple[I64, F64, F64]]:
        """Chunks of (ts_ms int64[T], pressure MPa float64[T, S], flow m3/h float64[T, S])."""
        line, dt = self.line, self.step_s
        state = steady(line, dt, self.memory)
        every = round(STEP_MS / 1000 / dt)
        size, batch = np.ones(len(state.head) - 1), [o for o in operations if o.kind == "batch"]
        hole = 0.0
        if leak is not None:
            there = leak.chainage_m / line.length_m
            z = float(np.interp(there, np.linspace(0, 1, len(self.elevation)), self.elevation))
            over = float(state.head[0] + (state.head[-1] - state.head[0]) * there) - z
            hole = leak.share * line.flow_m3_s / (CD * np.sqrt(2 * GRAVITY * max(over, 1.0)))
        process = Process(self.rng, dt)
        instrument = Instrument(self.rng, len(self.stations_m))
        level = np.interp(self.stations_m, np.linspace(0, line.length_m, len(self.elevation)), self.elevation)
        kept_t, kept = np.empty(0), np.empty((0, 2, len(self.stations_m)))
        done = 0
        for begin in np.arange(-CHUNK_S, seconds + 0.1, CHUNK_S):
            t = begin + dt * (1 + np.arange(round(CHUNK_S / dt)))
            pump, valve = process.draw(len(t))
            for o in operations:
                ramp = o.size * np.clip((t - o.at_s) / max(o.over_s, 1e-3), 0.0, 1.0)
                pump = pump + ramp if o.kind == "pump" else pump
                valve = valve + ramp if o.kind == "valve" else valve
            for o in batch:
                front = (begin - o.at_s) * line.flow_m3_s / line.area_m2 / line.length_m
                size[np.linspace(0, 1, len(size)) < front] = 1.0 + o.size
            pig, drop = np.full(len(t), -1.0), 0.0
            for o in operations:
                if o.kind == "pig":
                    at = (t - o.at_s) * line.flow_m3_s / line.area_m2
                    inside = (at >= 0) & (at < line.length_m)
                    pig, drop = np.where(inside, at, pig), o.size * 1e6 / (line.density * GRAVITY)
            area = np.zeros(len(t))
            if leak is not None:
                area = hole * np.clip((t - leak.at_s) / max(leak.over_s, 1e-3), 0.0, 1.0)
            out = march(
                line, state, dt, pump, valve, area, leak.chainage_m if leak else 0.0, self.stations_m, every,
                self.elevation, size, self.memory, pig, drop,
            )  # fmt: skip
            kept_t = np.concatenate([kept_t, t[every - 1 :: every] * 1000.0])
            kept = np.concatenate([kept, out])
            last = int(min(begin + CHUNK_S, seconds) * 1000) - MARGIN_MS
            ts = np.arange(done, last, STEP_MS, dtype=np.int64)
            if not len(ts):
                continue
            done = int(ts[-1]) + STEP_MS
            true = np.stack(
                [[np.interp(ts + self.clock_ms[s], kept_t, kept[:, c, s]) for s in range(len(level))] for c in (0, 1)]
            )  # [2, S, T]
            pressure = (true[0].T - level) * line.density * GRAVITY / 1e6
            keep = kept_t >= done - MARGIN_MS - 1000
            kept_t, kept = kept_t[keep], kept[keep]
            yield (start_ms + ts, *instrument.read(pressure, true[1].T * 3600.0))


class Process:
    """Pump and valve as they jitter: float64[T] each, about 1; faster than a second and over minutes."""

    def __init__(self, rng: np.random.Generator, dt: float) -> None:
        self.rng, self.keep = rng, [Keep(rng, sd, tau / dt) for sd, tau in
                                    ((2e-4, 1.0), (6e-4, PROCESS_S), (1e-3, 2.0), (3e-3, PROCESS_S))]  # fmt: skip

    def draw(self, n: int) -> tuple[F64, F64]:
        a, b, c, d = (k.draw(n) for k in self.keep)
        return 1.0 + a + b, 1.0 + c + d


class Keep:
    """First-order noise of standard deviation `sd` that goes on from call to call."""

    def __init__(self, rng: np.random.Generator, sd: float, tau: float) -> None:
        self.rng, self.sd, self.pole, self.zi = rng, sd, float(np.exp(-1.0 / tau)), np.zeros(1)
        self.zi[0] = self.pole * rng.normal()

    def draw(self, n: int) -> F64:
        white = self.rng.normal(0.0, np.sqrt(1.0 - self.pole**2), n)
        out, self.zi = lfilter([1.0], [1.0, -self.pole], white, zi=self.zi)
        return np.asarray(self.sd * out)


class Instrument:
    """White and slow noise, resolution, one reading in 10,000 lost."""

    def __init__(self, rng: np.random.Generator, stations: int, step_s: float = STEP_MS / 1000) -> None:
        self.rng = rng
        self.slow = [[Keep(rng, 1.0, SLOW_S / step_s) for _ in range(stations)] for _ in range(2)]

    def read(self, pressure: F64, flow: F64) -> tuple[F64, F64]:
        rng, (n, _) = self.rng, pressure.shape
        slow = [np.column_stack([k.draw(n) for k in row]) for row in self.slow]
        p = pressure + WHITE_MPA * rng.normal(size=pressure.shape) + SLOW_MPA * slow[0]
        q = flow * (1.0 + WHITE * rng.normal(size=flow.shape) + SLOW * slow[1])
        p, q = np.rint(p / DIGIT_MPA) * DIGIT_MPA, np.rint(q / DIGIT_M3_H) * DIGIT_M3_H
        for x in (p, q):
            x[rng.random(x.shape) < 1e-4] = np.nan
        return p, q
