"""Incidents: what is refused, their strength over time, and the truth file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulators.incidents import Incident, append_truth, envelope, read_truth, touching, truth


def make(**changed: Any) -> Incident:
    usual: dict[str, Any] = {
        "kind": "leak", "domain": "gas", "zone": "z", "sensors": ("a", "b"), "start_ms": 10_000, "end_ms": 30_000,
        "size": 12.5,
    }  # fmt: skip
    return Incident(**{**usual, **changed})


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"end_ms": 10_000}, "ends before it starts"),
        ({"size": -1.0}, "negative"),
        ({"sensors": ()}, "no sensor"),
        ({"kind": "burst"}, "no incident 'burst' in domain 'gas'"),
        ({"domain": "power"}, "no incident 'leak' in domain 'power'"),
    ],
)
def test_refused(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        make(**changed)


def test_strength_rises_falls_and_is_zero_outside() -> None:
    ts = np.arange(0, 120_000, 1000, dtype=np.int64)
    e = envelope(ts, make(), rise_s=3.0, fall_s=2.0)
    assert (e[:11] == 0).all()
    assert (np.diff(e[10:31]) > 0).all()
    assert (np.diff(e[30:60]) < 0).all()
    assert e[30] == pytest.approx(1 - np.exp(-20 / 3))
    late = envelope(ts, make(), 3.0, 2.0, delay_s=5.0)
    assert np.allclose(late[5:], e[:-5])


def test_only_those_whose_effect_can_lie_in_the_span() -> None:
    ts = np.array([40_000, 50_000], np.int64)
    assert touching([make()], "z", ts) == [make()]
    assert touching([make()], "y", ts) == []
    assert touching([make(start_ms=60_000, end_ms=70_000)], "z", ts) == []
    assert touching([make()], "z", ts + 3_600_000) == []
    assert touching([make(kind="dropout", size=0.0)], "z", ts) == []


def test_truth_file_gives_the_incidents_back(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "truth.jsonl"
    line = append_truth(file, make(), seed=3)
    append_truth(file, make(kind="flatline", size=0.0))
    assert read_truth(file) == [make(), make(kind="flatline", size=0.0)]
    said = json.loads(line)
    assert (said["class"], said["size_unit"], said["seed"]) == ("hazard", "m3/h of methane into the manhole", 3)
    assert truth(make(kind="flatline", size=0.0))["class"] == "equipment"
    assert read_truth(tmp_path / "none.jsonl") == []
