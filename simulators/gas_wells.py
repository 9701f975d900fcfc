"""Methane in the wells of a district, step by step: boxes with their own air, sewer gas, leaks and fronts in the soil.

Each well is one well-mixed box, dC/dt = source - n C (see `gas.py`), with n air changes an hour that follow wind,
temperature and opened covers, thus between steps C moves exactly by its exponential. Sources are told as the %LEL that
they would hold steady: sewer gas by temperature and the water that flows at this hour (in some wells enough to read), a
leak from its start, later and weaker in wells that its gas reaches through ducts and soil. What soil does in between
(layers, water, ducts that nobody knows) is not here: a front arrives everywhere with its own speed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simulators import noise
from simulators.gas import STILL_AIR
from simulators.gas_instrument import TAU_S, Heads
from simulators.noise import F64, I64

COLUMNS, APART_M = 4, 40.0
WATER = (
    0.6, 0.5, 0.5, 0.5, 0.5, 0.7, 1.2, 1.6, 1.3, 1.0, 0.9, 1.1,
    1.2, 1.0, 0.9, 0.9, 1.0, 1.2, 1.5, 1.6, 1.5, 1.2, 0.9, 0.7,
)  # fmt: skip
DAY_MS, UTC_OFFSET_MS = 86_400_000, 28_800_000
OPENED = 0.004  # share of half hours in which somebody has a cover open or a fan in
OPEN_AIR = 12.0


class Leak(NamedTuple):
    """Gas that enters wells: `lel` float64[W], the %LEL it would hold steady in each, `delay_s` float64[W]."""

    lel: F64
    delay_s: F64
    start_ms: int
    end_ms: int


class WellField:
    """W wells on a jittered grid. State: gas in the wells and at their heads' elements, %LEL."""

    def __init__(
        self, seed: int, wells: int = 12, drained: int = 2, sewer_lel: tuple[float, float] = (2.0, 4.5)
    ) -> None:
        def u(*names: object) -> float:
            return noise.fraction(seed, *names)

        names = [f"well{k}" for k in range(wells)]
        self.seed, self.names = seed, names
        jitter = np.array([[u("x", n) - 0.5, u("y", n) - 0.5] for n in names]) * 20.0
        self.xy = np.array([(APART_M * (k % COLUMNS), APART_M * (k // COLUMNS)) for k in range(wells)]) + jitter
        self.air0 = np.array([2.5 + 5.0 * u("air", n) for n in names])
        order = sorted(range(wells), key=lambda k: u("drained", names[k]))
        self.drained = order[:drained]
        low, high = sewer_lel
        self.sewer = np.array([0.2 + 0.6 * u("sewer", n) for n in names])
        self.sewer[self.drained] = [low + (high - low) * u("digests", names[k]) for k in self.drained]
        self.wind, self.breath = noise.keys(seed, ["wind"], "wind"), noise.keys(seed, names, "breath")
        self.opened, self.warm = noise.keys(seed, names, "opened"), noise.keys(seed, ["warm"], "warm")
        self.heads = Heads(seed, names)
        self.gas, self.felt, self.at_ms = self.sewer.copy(), self.sewer.copy(), 0

    def air(self, ts_ms: I64) -> F64:
        """Air changes an hour float64[T, W]."""
        still = noise.diurnal(STILL_AIR, ts_ms)[:, None]
        out = self.air0 / still * np.exp(0.25 * noise.smooth(self.wind, ts_ms, 10_800.0))
        opened = noise.uniform(self.opened, ts_ms // 1_800_000) < OPENED
        return np.where(opened, OPEN_AIR, out)

    def digested(self, ts_ms: I64) -> F64:
        """Sewer gas as the %LEL it would hold at the wells' mean air, float64[T, W]: temperature and water use."""
        water = noise.diurnal(WATER, ts_ms)
        free = ((ts_ms + UTC_OFFSET_MS) // DAY_MS + 3) % 7 >= 5  # 1970-01-01 was a Thursday
        water = np.where(free, 0.75 + 0.35 * water, water)
        warm = np.exp(0.15 * noise.smooth(self.warm, ts_ms, 4 * 86_400.0)[:, 0])
        factor = (warm * (0.5 + 0.5 * water))[:, None] * np.exp(0.12 * noise.smooth(self.breath, ts_ms, 5400.0))
        return self.sewer * factor

    def go(self, ts_ms: I64, leaks: tuple[Leak, ...] = ()) -> tuple[F64, F64]:
        """(gas in the wells, readings) float64[T, W] in %LEL at evenly spaced times after the state's."""
        air, source = self.air(ts_ms), self.digested(ts_ms)
        for leak in leaks:
            since = (ts_ms[:, None] - leak.start_ms) / 1000.0 - leak.delay_s
            source = source + leak.lel * ((since >= 0.0) & (ts_ms[:, None] < leak.end_ms))
        step_s = (ts_ms[1] - ts_ms[0]) / 1000.0 if len(ts_ms) > 1 else (ts_ms[0] - self.at_ms) / 1000.0
        keep = np.exp(-air * step_s / 3600.0)
        into = source * self.air0 / air * (1.0 - keep)
        share = 1.0 - np.exp(-step_s / TAU_S)
        true, felt = np.empty_like(source), np.empty_like(source)
        gas, element = self.gas, self.felt
        for i in range(len(ts_ms)):
            gas = gas * keep[i] + into[i]
            element = element + share * (gas - element)
            true[i], felt[i] = gas, element
        self.gas, self.felt, self.at_ms = gas, element, int(ts_ms[-1])
        return true, self.heads.read(ts_ms, felt)

    def leak(self, well: int, lel: float, start_ms: int, minutes: float) -> Leak:
        """A leak in one well; through ducts it reaches neighbours later and weaker."""
        away = np.hypot(*(self.xy - self.xy[well]).T)
        share = np.where(np.arange(len(away)) == well, 1.0, 0.5 * np.exp(-away / 40.0))
        return Leak(lel * share, away / 0.25, start_ms, start_ms + round(minutes * 60_000))

    def front(self, bearing: float, speed_m_min: float, lel: float, start_ms: int, minutes: float) -> Leak:
        """Gas that moves through the soil towards `bearing` (degrees from north), weaker as it goes."""
        way = np.array([np.sin(np.radians(bearing)), np.cos(np.radians(bearing))])
        along = self.xy @ way
        along = along - along.min()
        return Leak(
            lel * np.exp(-along / 80.0), along / speed_m_min * 60.0, start_ms, start_ms + round(minutes * 60_000)
        )
