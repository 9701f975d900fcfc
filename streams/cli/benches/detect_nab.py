"""The default scorer on the development groups of the Numenta Anomaly Benchmark and two more recordings of its kind.

The figures are those of the frozen configuration at its own threshold of 0.5; beside them stands what the benchmark
publishes, the score at the best threshold for these files.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator

import numpy as np

from detectors.evaluate import THRESHOLD, make
from detectors.scoring import nab
from streams.cli.benches import detect_nab_lookalikes as lookalikes
from streams.cli.benches.detect import data
from streams.cli.benches.detect_nab_file import File
from streams.cli.benches.detect_nab_folds import CONFIGS, folds
from streams.cli.benches.figure import Figure, Say

STAGE = "nab"
NAMES = {"standard": "standard", "reward_low_FP": "low_fp", "reward_low_FN": "low_fn"}
EXTRA = "realTraffic"  # two of its files, which lie with the recordings
QUICK = ("realAdExchange", "artificialWithAnomaly", "artificialNoAnomaly", EXTRA)


def files(groups: tuple[str, ...] = ()) -> list[File]:
    """The labelled recordings of the groups, all where none is named.

    Raises:
        DataMissing: the data folder is not there.
    """
    out = []
    for labels, folder, group in (
        ("nab_dev/windows.json", "nab_dev", ""),
        ("recordings/traffic_windows.json", "recordings", EXTRA),
    ):
        for name, spans in json.loads(data(labels).read_text("utf-8")).items():
            of, _, short = name.rpartition("/")
            if groups and (group or of) not in groups:
                continue
            with data(f"{folder}/{name}").open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file))[1:]
            stamps = np.array([r[0] for r in rows], dtype="datetime64[ns]")
            values = np.array([float(r[1]) for r in rows])
            out.append(File(group or of, short, stamps, values, nab.window_rows(stamps, spans)))
    return out


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the `detect.nab_dev_*` figures; quick leaves out the group with the longest files."""
    found = files(QUICK if quick else ())
    scores = []
    for file in found:
        say(f"nab: {file.group}/{file.name}")
        scores.append(make(1)(file.timestamps, file.values))
    windows = [file.windows for file in found]
    for profile, name in NAMES.items():
        outcome, top = nab.at(scores, windows, THRESHOLD, profile), nab.best(scores, windows, profile)
        detail = {
            "found": outcome.found,
            "false_rows": outcome.false_rows,
            "best_threshold": top.threshold,
            "best_score": top.score,
            "quick": quick,
        }
        goal = ">= 70" if name == "standard" and not quick else ""
        yield Figure(f"detect.nab_dev_{name}", outcome.score, "points", goal, outcome.windows, detail)
    if quick:
        return
    say("nab: look-alikes of other groups")
    made = lookalikes.files()
    alike = [make(1)(file.timestamps, file.values) for file in made]
    for group in lookalikes.GROUPS:
        mine = [k for k, file in enumerate(made) if file.group == group]
        at = nab.at([alike[k] for k in mine], [made[k].windows for k in mine], THRESHOLD)
        detail = {"found": at.found, "false_rows": at.false_rows}
        yield Figure(f"detect.nab_{group}", at.score, "points", "", at.windows, detail)
    say(f"nab: {CONFIGS} random configurations, each group scored by the best of the others")
    streams = [(file.timestamps.astype(np.int64), file.values) for file in found]
    cross = folds([file.group for file in found], streams, windows)
    more = {
        "by_group": cross.by_group,
        "median_of_draws": cross.median,
        "configurations": cross.configs,
    }
    yield Figure("detect.nab_dev_left_out", cross.left_out, "points", "", sum(map(len, windows)), more)
