"""The scorers against answers known beforehand: perfect, silent, always on, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.scoring.batadal import score_batadal
from detectors.scoring.events import runs, score_events

TRUTH = np.zeros(1000, bool)
TRUTH[100:120] = TRUTH[400:500] = True
MINUTES = np.arange(1000, dtype=np.int64) * 60_000_000_000


def test_batadal_perfect_silent_and_always_on() -> None:
    assert score_batadal(TRUTH, TRUTH).s == 1.0
    silent = score_batadal(np.zeros(1000, bool), TRUTH)
    assert (silent.s_ttd, silent.tpr, silent.tnr, silent.s, silent.detected) == (0.0, 0.0, 1.0, 0.25, 0)
    always = score_batadal(np.ones(1000, bool), TRUTH)
    assert (always.s, always.tpr, always.tnr, always.detected) == (0.75, 1.0, 0.0, 2)


def test_batadal_by_hand() -> None:
    alarm = np.zeros(1000, bool)
    alarm[110:120] = True  # half of the first attack, seen after half of it
    alarm[450:460] = True  # a tenth of the second, seen after half of it
    alarm[600:688] = True  # 88 of 880 calm rows
    got = score_batadal(alarm, TRUTH)
    assert got.s_ttd == pytest.approx(0.5)
    assert got.tpr == pytest.approx(20 / 120)
    assert got.tnr == pytest.approx(0.9)
    assert got.s == pytest.approx(0.25 + 0.25 * (20 / 120 + 0.9))
    assert got.rows_to_detection == (10, 50)
    half = score_batadal(alarm, TRUTH, use=np.arange(1000) < 600)
    assert half.tnr == 1.0
    assert half.s_ttd == got.s_ttd


def test_batadal_wants_attacks_and_calm() -> None:
    with pytest.raises(ValueError, match="at least one attack"):
        score_batadal(TRUTH, np.zeros(1000, bool))
    with pytest.raises(ValueError, match="rows"):
        score_batadal(TRUTH[1:], TRUTH)


@pytest.mark.parametrize(
    ("rows", "found", "false_runs"),
    [
        ([], 0, 0),
        ([(119, 121)], 1, 0),  # the last row of an event is enough, and ringing after it is not false
        ([(120, 140)], 0, 1),  # the row after the event is too late
        ([(90, 101), (105, 106), (450, 451)], 2, 0),
        ([(200, 201), (230, 231), (300, 301)], 0, 2),  # 29 min apart: one; 69 min: another
        ([(200, 201), (232, 233)], 0, 2),  # 31 min
        ([(85, 90), (100, 101)], 1, 1),  # false although an event's alarm is near
        ([(0, 1000)], 2, 0),
    ],
)
def test_events_table(rows: list[tuple[int, int]], found: int, false_runs: int) -> None:
    alarm = np.zeros(1000, bool)
    for a, b in rows:
        alarm[a:b] = True
    got = score_events(MINUTES, alarm, TRUTH)
    assert (got.events, got.found, got.false_runs) == (2, found, false_runs)
    assert got.recall == found / 2
    assert got.false_per_week == pytest.approx(false_runs / (999 / 10080))
    assert len(got.missed) == 2 - found


def test_delay_and_runs() -> None:
    alarm = np.zeros(1000, bool)
    alarm[107:110] = alarm[400:410] = True
    assert score_events(MINUTES, alarm, TRUTH).delay_s == (420.0, 0.0)
    assert runs(TRUTH) == [(100, 120), (400, 500)]
    assert runs(np.ones(3, bool)) == [(0, 3)]
    assert runs(np.zeros(0, bool)) == []
    with pytest.raises(ValueError, match="lengths"):
        score_events(MINUTES[1:], alarm, TRUTH)
