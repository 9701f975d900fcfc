"""Input of the chaos runs: the same readings and commands every time, in one order a partition, whatever the pace.

Gas wells with seeded episodes of gas and of silence. As in a replay all come through one raw partition, so that each
partition's order is given by the input alone and the outcome can be compared byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from geo.assets import Sensor, Zone
from streams import codec, topics
from streams.columns import Columns

T0 = 1_763_884_800_000
PARTITIONS = 4
EPISODES_A_STEP = 0.8
COMMANDS = 200
SILENT = 0.15  # share of the episodes that are silence
RAW = 1  # the raw partition


@dataclass(frozen=True)
class Load:
    """`wells` × `steps` readings, a step a second of event time."""

    wells: int
    steps: int
    seed: int = 7
    records: list[Zone | Sensor] = field(default_factory=list, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.records.extend(registry(self.wells + len(topics.COUNTIES)))

    @property
    def names(self) -> list[str]:
        return [r.id for r in self.records if isinstance(r, Sensor)]

    @property
    def end_ms(self) -> int:
        """Event time of the last message."""
        return T0 + 1000 * (self.steps + 5)

    def messages(self) -> Iterator[bytes]:
        """A packed message a step."""
        for cols in readings(self.names[: self.wells], self.steps, self.seed):
            yield codec.pack(cols)

    def last(self) -> bytes:
        """All wells once more, and an alarm of a well a county that was silent so far: what comes after all else."""
        names = self.names
        n, ends = self.wells, len(names) - self.wells
        idx = np.concatenate([np.arange(n), np.tile(np.arange(n, n + ends), 5)]).astype(np.int32)
        late = np.repeat(np.arange(5), ends) * 1000
        ts = self.end_ms + np.concatenate([np.zeros(n, np.int64), late])
        values = np.concatenate([np.ones(n), np.full(5 * ends, 99.0)])
        order = np.argsort(ts, kind="stable")
        return codec.pack(Columns(names, idx[order], ts[order].astype(np.int64), values[order]))


def zone_partition(zone: int) -> int:
    """The county's: an alerts partition hears of one detect partition alone.

    Storms, causes and deadlines depend on what came before. Only the order of one sender is given by the input; that of
    several is another one each time, and with it the alerts.
    """
    return zone % PARTITIONS


def registry(n: int) -> list[Zone | Sensor]:
    """One gas zone a county and n wells spread over them."""
    counties = topics.COUNTIES
    zones = [
        Zone(id=f"{c}-G-ZON01", domain="gas", county=c, partition=zone_partition(k)) for k, c in enumerate(counties)
    ]
    wells = [
        Sensor(
            id=f"{counties[k % 16]}-G-CH4-{k:06d}", domain="gas", kind="methane", zone=zones[k % 16].id,
            unit_code=counties[k % 16], interval_s=1.0,
        )
        for k in range(n)
    ]  # fmt: skip
    return [*zones, *wells]


def readings(wells: list[str], steps: int, seed: int) -> Iterator[Columns]:
    """`steps` seconds of n wells: background, and seeded episodes at 15, 30 or 60 %LEL that begin and end."""
    rng = np.random.default_rng(seed)
    n = len(wells)
    level = np.zeros(n)
    until = np.zeros(n, np.int64)
    idx = np.arange(n, dtype=np.int32)
    for t in range(steps):
        level[until <= t] = 0.0
        begin = (rng.random(n) < EPISODES_A_STEP / n) & (until + 45 <= t)
        level[begin] = rng.choice([15.0, 30.0, 60.0], int(begin.sum()))
        level[begin & (rng.random(n) < SILENT)] = np.nan
        until[begin] = t + rng.integers(20, 90, int(begin.sum()))
        values = np.round(1.0 + 0.2 * rng.standard_normal(n) + level, 3)
        spoke = idx[np.isfinite(values)]
        yield Columns(wells, spoke, np.full(len(spoke), T0 + t * 1000, np.int64), values[spoke])
