"""The stages of `cityops bench detect`, one file each (`detect_<stage>.py`): how good and quick the detectors are."""

from __future__ import annotations

import os
from pathlib import Path

from streams.cli.benches.stages import DataMissing, Stages

STAGES = ("kernel", "nab", "water_recording", "batadal", "water", "gas", "pipeline", "traffic")
chosen, run = Stages(STAGES, "detect_").chosen, Stages(STAGES, "detect_").run


def data(name: str) -> Path:
    """A file or folder of the test data: below CITYOPS_TEST_DATA, else below ../shared/data of the repository.

    Raises:
        DataMissing: it is not there.
    """
    root = os.environ.get("CITYOPS_TEST_DATA")
    base = Path(root) if root else Path(__file__).parents[4] / "shared" / "data"
    path = base / name
    if not path.exists():
        raise DataMissing(f"{path} is not there: set CITYOPS_TEST_DATA to the folder that holds {name}")
    return path
