"""Quality sensors of one station as a group detector: any batches give the same findings; the sentence names who."""

from __future__ import annotations

import numpy as np

from detectors.group import Finding, Member
from detectors.station import Station, stations

KINDS = ("chlorine", "redox", "ph", "turbidity", "flow")
MEMBERS = [Member(f"S{k}", kind, 60.0, lon=108.0, lat=26.5) for k, kind in enumerate(KINDS)]
START = 1_700_000_040_000


def rows(n: int) -> np.ndarray:
    rng = np.random.default_rng(2)
    common = rng.normal(0, 1, n)
    own = rng.normal(0, 1, (n, 5))
    base = np.array([0.5, 700, 7.8, 0.2, 900.0])
    out = base + own * np.array([0.004, 2.0, 0.02, 0.01, 30.0])
    out[:, 0] += 0.01 * common
    out[:, 1] += 6.0 * common
    out[900:930, 0] += 0.08
    return out


def play(batch: int, split: bool = False) -> list[Finding]:
    values = rows(1100)
    n, c = values.shape
    ts = START + np.repeat(np.arange(n), c) * 60_000
    member = np.tile(np.arange(c, dtype=np.int32), n)
    (g,) = stations("Z", MEMBERS)
    out: list[Finding] = []
    for a in range(0, len(ts), 100):
        for b in range(a, a + 100, batch):
            part = slice(b, min(b + batch, a + 100))
            g.add(member[part], ts[part], values.ravel()[part])
        out += g.advance(int(ts[min(a + 99, len(ts) - 1)]))
        if split:
            other = Station("108.0000_26.5000", MEMBERS, range(5))
            other.load(g.dump())
            g = other
    return out


def test_raised_once_cleared_once_and_told_who() -> None:
    found = play(100)
    assert [f.state for f in found] == ["raise", "update", "clear"]  # an update after 30 min, while it is held
    first = found[0]
    assert first.kind == "quality_anomaly"
    assert first.sensors[0] == "S0"
    assert "S4" not in first.sensors  # flow only explains
    assert first.reason.zh.startswith("多参数联合异常：余氯")
    assert first.reason.en.startswith("unusual together: chlorine")
    assert 0 <= (first.ts_ms - START) / 60_000 - 900 <= 10
    assert first.value > first.high > first.expected
    assert first.score >= first.threshold


def test_batches_and_snapshots_do_not_matter() -> None:
    assert play(100) == play(7) == play(33, split=True)


def test_too_few_channels_are_no_station() -> None:
    assert stations("Z", MEMBERS[:2]) == []
    assert stations("Z", [m._replace(lon=108.0 + i) for i, m in enumerate(MEMBERS)]) == []
