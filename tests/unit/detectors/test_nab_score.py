"""The benchmark's published score: what it pays and charges, checked by hand-made detectors."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.scoring import nab

ROWS = 4000
WINDOWS = [[(2000, 2399)], [(1500, 1699), (3000, 3199)], []]


def silent() -> list[nab.Floats]:
    return [np.zeros(ROWS) for _ in WINDOWS]


def perfect() -> list[nab.Floats]:
    scores = silent()
    for values, windows in zip(scores, WINDOWS, strict=True):
        for begin, _ in windows:
            values[begin] = 1.0
    return scores


@pytest.mark.parametrize("profile", list(nab.PROFILES))
def test_perfect_is_100_and_silence_is_0(profile: str) -> None:
    assert nab.best(perfect(), WINDOWS, profile).score == pytest.approx(100.0)
    assert nab.at(perfect(), WINDOWS, 0.5, profile).score == pytest.approx(100.0)
    assert nab.best(silent(), WINDOWS, profile).score == 0.0
    assert nab.at(silent(), WINDOWS, 0.5, profile).score == 0.0


def test_random_scores_are_near_the_published_eleven() -> None:
    """58 files of 6,300 rows with two windows of 5 % each, as the benchmark's corpus is made."""
    rng = np.random.default_rng(1)
    windows = [[(int(a), int(a) + 314), (int(b) + 2500, int(b) + 2814)] for a, b in rng.integers(1000, 3000, (58, 2))]
    scores = [rng.random(6300) for _ in windows]
    assert 5.0 < nab.best(scores, windows).score < 17.0


def test_a_missed_window_costs_the_weight_of_a_false_negative() -> None:
    scores = perfect()
    scores[0][:] = 0.0
    for profile, pay in nab.PROFILES.items():
        lost = 100.0 * (pay.tp + pay.fn) / (3 * (pay.tp + pay.fn))
        assert nab.at(scores, WINDOWS, 0.5, profile).score == pytest.approx(100.0 - lost)


@pytest.mark.parametrize(("row", "weight"), [(1000, -1.0), (3999, -1.0), (2400, -0.006), (2798, -0.987)])
def test_a_false_row_costs_by_its_distance_behind_a_window(row: int, weight: float) -> None:
    scores = perfect()
    scores[0][row] = 1.0
    lost = 100.0 - nab.at(scores, WINDOWS, 0.5).score
    assert lost == pytest.approx(-weight * 0.11 * 100.0 / 6.0, rel=0.05)
    assert 100.0 - nab.at(scores, WINDOWS, 0.5, "reward_low_FP").score == pytest.approx(2 * lost)


def test_only_the_best_row_of_a_window_counts_and_early_is_best() -> None:
    def score(*rows: int) -> float:
        scores = perfect()
        scores[0][2000] = 0.0
        scores[0][list(rows)] = 1.0
        return nab.at(scores, WINDOWS, 0.5).score

    assert score(2100) > score(2200) > score(2399)
    assert score(2100, 2200, 2399) == pytest.approx(score(2100))


def test_rows_of_the_probation_are_not_judged() -> None:
    scores = perfect()
    for values in scores:
        values[: nab.probation(ROWS)] = 1.0
    assert nab.at(scores, WINDOWS, 0.5).score == pytest.approx(100.0)


def test_best_is_the_best_threshold() -> None:
    rng = np.random.default_rng(3)
    scores = [np.round(rng.random(ROWS), 2) for _ in WINDOWS]  # with ties
    best = nab.best(scores, WINDOWS)
    tried = [nab.at(scores, WINDOWS, t).score for t in np.unique(np.concatenate(scores))]
    assert best.score == pytest.approx(max([*tried, 0.0]))
    assert nab.at(scores, WINDOWS, best.threshold) == best


def test_window_rows() -> None:
    stamps = np.datetime64("2015-01-01", "ns") + np.arange(10) * np.timedelta64(300, "s")
    assert nab.window_rows(stamps, [("2015-01-01 00:10:00.000000", "2015-01-01 00:20:00")]) == [(2, 4)]
    with pytest.raises(ValueError, match="holds no row"):
        nab.window_rows(stamps, [("2016-01-01", "2016-01-02")])


def test_no_windows_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no label window"):
        nab.best([np.zeros(10)], [[]])
