"""The default multivariate detector on 97 days of a plant's outflow with labelled events.

Figures of the frozen default configuration at its threshold of 0.5, over the whole recording and over its last 40 %
(`.late_…`, from 2016-09-30 on). Beside them (`.unnamed_…`) what stands when no names of channels are given and all of
them are evidence. The long form adds `.left_out_…`: parts of the time counted with parameters chosen on the others.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.evaluate import THRESHOLD, make
from detectors.scoring.events import EventScore, score_events
from streams.cli.benches.detect import data
from streams.cli.benches.detect_water_folds import CONFIGS, folds
from streams.cli.benches.figure import Figure, Say

STAGE = "water_recording"
FILE = "recordings/water_quality_2016_2017.csv.gz"
NAMES = ("Tp", "Cl", "pH", "Redox", "Leit", "Trueb", "Cl_2", "Fm", "Fm_2")
CHUNK = 1440


class Recording(NamedTuple):
    """ts_ns int64[T], values float64[T, 9], events bool[T]."""

    ts_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    truth: NDArray[np.bool_]


def recording() -> Recording:
    """Raises DataMissing where the recording is not there."""
    with gzip.open(data(FILE), "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    stamps = np.array([r["Time"] for r in rows], dtype="datetime64[ns]").astype(np.int64)
    values = np.array([[float(r[n]) if r[n] else np.nan for n in NAMES] for r in rows])
    return Recording(stamps, values, np.array([r["EVENT"] == "True" for r in rows]))


def scores(rec: Recording, named: bool) -> NDArray[np.float64]:
    """Scores float64[T], a day at a time."""
    f = make(len(NAMES), **({"names": list(NAMES)} if named else {}))
    stamps = rec.ts_ns.view("datetime64[ns]")
    parts = [f(stamps[i : i + CHUNK], rec.values[i : i + CHUNK]) for i in range(0, len(stamps), CHUNK)]
    return np.concatenate(parts)


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `detect.water_*` figures; quick leaves out the cross-validation, which takes a minute."""
    rec = recording()
    late = int(0.6 * len(rec.ts_ns))
    for named in (True, False):
        alarm = scores(rec, named) >= THRESHOLD
        prefix = "detect.water_" if named else "detect.water_unnamed_"
        yield from _figures(prefix, score_events(rec.ts_ns, alarm, rec.truth), True)
        part = score_events(rec.ts_ns[late:], alarm[late:], rec.truth[late:])
        yield from _figures(prefix + "late_", part, False)
        if not quick:
            say(f"water recording: {CONFIGS} random configurations, each part of the time by the best of the others")
            held = folds(rec.ts_ns, rec.values, rec.truth, NAMES if named else None)
            detail = held._asdict()
            yield Figure(prefix + "left_out_recall", held.recall, "", ">= 0.8", sum(held.events), detail)
            yield Figure(
                prefix + "left_out_false_per_week", held.false_per_week, "1/week", "<= 1", sum(held.false_runs)
            )


def _figures(prefix: str, s: EventScore, goal: bool) -> Iterator[Figure]:
    detail = {
        "events": s.events,
        "found": s.found,
        "false_runs": s.false_runs,
        "weeks": round(s.weeks, 2),
        "delay_s_median": float(np.median(s.delay_s)) if s.delay_s else None,
    }
    yield Figure(prefix + "event_recall", s.recall, "", ">= 0.8" if goal else "", s.events, detail)
    yield Figure(prefix + "false_per_week", s.false_per_week, "1/week", "<= 1" if goal else "", s.false_runs)
