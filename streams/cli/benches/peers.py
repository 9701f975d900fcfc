"""The same readings and the same rule for everybody: a hard limit with on-delay and off-delay.

Each contender takes messages of 1,000 rows as bytes and gives alerts {(sensor, "raise" | "clear", ts_ms)}. Ours takes
the packed form as the detect worker does, the others JSON arrays decoded by orjson. All keep a moving mean and a
deviation of each sensor, as our kernel does for the evidence of an alert. What they prepare (sensors, empty state,
dataflow) is not timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from detectors.catalog import Catalog
from detectors.params import DEFAULTS
from geo.assets import Sensor
from streams import codec
from streams.columns import Columns
from streams.errors import CityopsError
from streams.kernel import Kernel

LIMIT, ON, OFF = 5.0, 3, 3  # alert at the 3rd reading >= LIMIT, clear at the 3rd below
GAIN = 0.05  # of the moving mean
ROWS = 1_000
BEGIN_MS = 1_763_884_800_000
Alert = tuple[str, str, int]
Go = Callable[[], set[Alert]]
Contender = Callable[[], Go]  # prepares empty state; what it returns is timed


@dataclass(frozen=True)
class Readings:
    """The same messages in both forms."""

    names: list[str]
    packed: list[bytes]
    json: list[bytes]

    @property
    def rows(self) -> int:
        return len(self.packed) * ROWS


def readings(messages: int, seed: int = 7) -> Readings:
    """1,000 sensors, one reading each a second; every 100th is now and then above the limit, for 1 to 6 seconds."""
    orjson = need("orjson")
    rng = np.random.default_rng(seed)
    names = [f"522601-G-CH4-{k:06d}" for k in range(ROWS)]
    idx = np.arange(ROWS, dtype=np.int32)
    packed, texts = [], []
    for second in range(messages):
        ts = BEGIN_MS + second * 1000
        value = np.round(2.0 + 0.3 * rng.standard_normal(ROWS), 3)
        sick = (idx % 100 == 3) & ((second + idx) % 60 < 1 + idx // 100 % 6) & (second > 5)
        value[sick] += 8.0
        packed.append(codec.pack(Columns(names, idx, np.full(ROWS, ts, np.int64), value)))
        rows = [{"sensor": n, "ts": ts, "value": v} for n, v in zip(names, value.tolist(), strict=True)]
        texts.append(orjson.dumps(rows))
    return Readings(names, packed, texts)


def need(name: str) -> Any:
    """A package that only benchmarks use; raises CityopsError where it is not installed."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise CityopsError(
            f"the Python package {name.partition('.')[0]} is not installed: pip install 'cityops[dev]'"
        ) from None


def ours(data: Readings) -> Contender:
    """The kernel with only that limit switched on (its learning stays: it is the expected value that is told)."""
    base = Catalog.default().get("gas.methane")
    params = {
        **DEFAULTS, "limits.high_1": LIMIT, "limits.hysteresis": 0.0, "adaptive.up": 0.0, "adaptive.down": 0.0,
        "delay.on_n": float(ON), "delay.on_s": 0.0, "delay.off_n": float(OFF), "delay.off_s": 0.0,
        "dropout.intervals": 0.0,
    }  # fmt: skip
    catalog = Catalog({base.key: replace(base, params=params)})

    def prepare() -> Go:
        kernel = Kernel("gas", run="bench", blind_ms=None, catalog=catalog)
        kernel.configure(
            Sensor(id=n, domain="gas", kind="methane", zone="522601-G-BEN01", unit_code="522601", interval_s=1.0)
            for n in data.names
        )

        def go() -> set[Alert]:
            out = []
            for value in data.packed:
                out += kernel.process(codec.unpack(value, trusted=True).cols)
            return {(d.sensor, d.state, d.ts_ms) for d in out if d.state != "update"}

        return go

    return prepare


class Delay:
    """On-delay and off-delay of one sensor, as plain Python: True raise, False clear, None nothing."""

    __slots__ = ("active", "n")

    def __init__(self) -> None:
        self.active, self.n = False, 0

    def step(self, above: bool) -> bool | None:
        if above == self.active:
            self.n = 0
            return None
        self.n += 1
        if self.n < (OFF if self.active else ON):
            return None
        self.active, self.n = above, 0
        return above


def orjson_loop(data: Readings) -> Contender:
    """A dict of sensors and a loop over decoded JSON: what one writes first."""
    loads = need("orjson").loads

    def go() -> set[Alert]:
        state: dict[str, tuple[Delay, list[float]]] = {}
        out: set[Alert] = set()
        for body in data.json:
            for row in loads(body):
                name, value = row["sensor"], row["value"]
                found = state.get(name)
                if found is None:
                    found = state[name] = (Delay(), [value, 0.0])
                delay, mean = found
                off = value - mean[0]
                mean[0] += GAIN * off
                mean[1] += GAIN * (abs(off) - mean[1])
                turn = delay.step(value >= LIMIT)
                if turn is not None:
                    out.add((name, "raise" if turn else "clear", row["ts"]))
        return out

    return lambda: go


def river_loop(data: Readings) -> Contender:
    """River's exponentially weighted mean and variance a sensor; it has no on-delay, so that is the plain one."""
    loads, stats = need("orjson").loads, need("river.stats")

    def go() -> set[Alert]:
        state: dict[str, Any] = {}
        out: set[Alert] = set()
        for body in data.json:
            for row in loads(body):
                name, value = row["sensor"], row["value"]
                found = state.get(name)
                if found is None:
                    found = state[name] = (Delay(), stats.EWMean(GAIN), stats.EWVar(GAIN))
                delay, mean, var = found
                mean.update(value)
                var.update(value)
                turn = delay.step(value >= LIMIT)
                if turn is not None:
                    out.add((name, "raise" if turn else "clear", row["ts"]))
        return out

    return lambda: go
