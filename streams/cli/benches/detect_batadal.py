"""The default multivariate detector on the development data of BATADAL: hourly SCADA of the C-Town network.

The clean year is streamed first, then half a year with attacks, through one scorer; the threshold is the frozen 0.5.
`cold`: without the clean year. `dev_s_q…`: the threshold is that quantile of the clean year's scores (after the same
hours; 100 is their largest) instead. `clean_alarm_share`: how much of the clean year (after its first 1,000 hours) is
alarm.

The file flags 219 hours of five attacks and leaves the rest open (-999). The organisers made seven, whose times were
published afterwards (Taormina et al. 2018): 492 hours with all flagged ones. They are the truth of `.batadal_dev_s`.
`.batadal_flagged_s` takes the flags as they are; hours of attacks that are not flagged count neither way there.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.evaluate import THRESHOLD, make
from detectors.scoring.batadal import BatadalScore, score_batadal
from streams.cli.benches.detect import data
from streams.cli.benches.figure import Figure, Say

STAGE = "batadal"
CLEAN, ATTACKED = "batadal_dev/BATADAL_dataset03.csv.gz", "batadal_dev/BATADAL_dataset04.csv.gz"
PUBLISHED = (
    ("2016-09-13T23", "2016-09-16T00"),
    ("2016-09-26T11", "2016-09-27T10"),
    ("2016-10-09T09", "2016-10-11T20"),
    ("2016-10-29T19", "2016-11-02T16"),
    ("2016-11-26T17", "2016-11-29T04"),
    ("2016-12-06T07", "2016-12-10T04"),
    ("2016-12-14T15", "2016-12-19T04"),
)  # first and last hour
SETTLED = 1000
QUANTILES = {"q98": 0.98, "q99": 0.99, "q995": 0.995, "q999": 0.999, "q100": 1.0}


class Scada(NamedTuple):
    """stamps datetime64[ns][T], values float64[T, C], flag int64[T] (1 attack, 0 clean, -999 open), names."""

    stamps: NDArray[np.datetime64]
    values: NDArray[np.float64]
    flag: NDArray[np.int64]
    names: list[str]


def scada(name: str) -> Scada:
    """Raises DataMissing where the file is not there."""
    with gzip.open(data(name), "rt", encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file, skipinitialspace=True))
    days = [r[0].split() for r in rows]
    stamps = [f"20{d[6:8]}-{d[3:5]}-{d[0:2]}T{h}" for d, h in days]
    values = np.array([[float(x) for x in r[1:-1]] for r in rows])
    flag = np.array([int(float(r[-1])) for r in rows])
    return Scada(
        np.array(stamps, "datetime64[h]").astype("datetime64[ns]"), values, flag, [c.strip() for c in head[1:-1]]
    )


def published(stamps: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Truth bool[T] by the organisers' table."""
    out = np.zeros(len(stamps), bool)
    for a, b in PUBLISHED:
        out |= (stamps >= np.datetime64(a)) & (stamps <= np.datetime64(b))
    return out


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `detect.batadal_*` figures; quick and long are the same, it takes a second."""
    clean, attacked = scada(CLEAN), scada(ATTACKED)
    truth, flagged = published(attacked.stamps), attacked.flag == 1
    f = make(clean.values.shape[1])
    calm = f(clean.stamps, clean.values)
    scores = f(attacked.stamps, attacked.values)
    alarm = scores >= THRESHOLD
    yield from _figures("detect.batadal_dev_", score_batadal(alarm, truth), True)
    yield from _figures("detect.batadal_flagged_", score_batadal(alarm, flagged, flagged | ~truth), False)
    share = float((calm[SETTLED:] >= THRESHOLD).mean())
    yield Figure("detect.batadal_clean_alarm_share", share, "", "", len(calm) - SETTLED)
    for name, quantile in QUANTILES.items():
        at = score_batadal(scores >= np.quantile(calm[SETTLED:], quantile), truth)
        detail = {"tpr": round(at.tpr, 4), "tnr": round(at.tnr, 4)}
        yield Figure(f"detect.batadal_dev_s_{name}", at.s, "", ">= 0.9", at.attacks, detail)
    cold = make(clean.values.shape[1])(attacked.stamps, attacked.values) >= THRESHOLD
    yield from _figures("detect.batadal_cold_", score_batadal(cold, truth), False)


def _figures(prefix: str, s: BatadalScore, goal: bool) -> Iterator[Figure]:
    detail = {"s_ttd": round(s.s_ttd, 4), "detected": s.detected, "rows_to_detection": list(s.rows_to_detection)}
    yield Figure(prefix + "s", s.s, "", ">= 0.9" if goal else "", s.attacks, detail)
    yield Figure(prefix + "tpr", s.tpr, "", "", s.attacks)
    yield Figure(prefix + "tnr", s.tnr, "", "", s.attacks)
