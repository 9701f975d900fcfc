"""The contract of every group detector, through the kernel, on simulated incidents of the demo's zones.

Any cut of the readings between ticks and any snapshot give the same detections.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from detectors.groups import GROUPS
from geo.assets import Sensor
from geo.demo import demo_registry
from simulators.city import City
from simulators.incidents import Incident
from streams.columns import Columns
from streams.kernel import Kernel

T0 = 1_763_884_800_000
TICK_S = 10
LASTS_S = 2400
BEGIN_S = 1500
INCIDENTS = {
    "water": ("burst", "pressure", 60.0),
    "gas": ("leak", "methane", 20.0),
    "pipeline": ("leak", "pressure", 40.0),
    "traffic": ("blocked_lane", "occupancy", 0.9),
}


@cache
def scene(domain: str) -> tuple[tuple[Sensor, ...], tuple[Columns, ...]]:
    """Sensors of one zone and its readings, a piece a tick."""
    mine = [r for r in demo_registry() if isinstance(r, Sensor) and r.domain == domain]
    zone = min(s.zone for s in mine)
    sensors = [s for s in mine if s.zone == zone]
    kind, of, size = INCIDENTS[domain]
    at = [s for s in sensors if s.kind == of]
    incident = Incident(
        kind=kind, domain=domain, zone=zone, sensors=(at[len(at) // 2].id,), start_ms=T0 + 1000 * BEGIN_S,
        end_ms=T0 + 1000 * (LASTS_S - 300), size=size,
    )  # fmt: skip
    city = City(sensors, seed=11)
    pieces = []
    for second in range(0, LASTS_S, TICK_S):
        batches = list(city.batches(np.arange(T0 + 1000 * second, T0 + 1000 * (second + TICK_S), 1000), [incident]))
        (one,) = batches
        pieces.append(one.cols)
    return tuple(sensors), tuple(pieces)


def play(domain: str, cut: int, every: int = 0) -> list[str]:
    """Ids of all detections, in order a tick; `cut` rows a batch, a snapshot and restore each `every` ticks."""
    sensors, pieces = scene(domain)
    kernel = Kernel(domain, blind_ms=None)
    kernel.configure(sensors)
    out: list[str] = []
    for n, cols in enumerate(pieces):
        found = []
        for first in range(0, len(cols), cut):
            keep = np.zeros(len(cols), bool)
            keep[first : first + cut] = True
            found += kernel.process(cols.take(keep))
        if every and n % every == every // 2:
            data = kernel.snapshot()
            kernel = Kernel(domain, blind_ms=None)
            assert kernel.restore(data) == []
            assert kernel.snapshot() == data
        found += kernel.tick(int(cols.ts_ms[-1]))
        out += [f"{d.id} {d.evidence.detector} {d.reason.zh}" for d in found]
    return out


def test_every_domain_with_group_detectors_is_here() -> None:
    assert set(INCIDENTS) == set(GROUPS)


@pytest.mark.parametrize("domain", INCIDENTS)
def test_cuts_and_snapshots_change_nothing(domain: str) -> None:
    whole = play(domain, 10_000)
    assert whole
    assert play(domain, 7) == whole
    assert play(domain, 10_000, every=13) == whole


def test_a_leak_of_the_demo_is_found_by_its_line() -> None:
    assert any("pipeline_leak/" in said for said in play("pipeline", 10_000))
