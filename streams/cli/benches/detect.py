"""The stages of `cityops bench detect`, one file each (`detect_<stage>.py`): how good and quick the detectors are."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError, UsageError

STAGES = ("kernel", "nab", "water_recording", "batadal", "water", "gas", "pipeline", "traffic")
PACKAGE = "streams.cli.benches"


class DataMissing(CityopsError):
    """A stage's recordings are not on this machine; it is skipped, and that is told."""


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


def chosen(only: str) -> tuple[str, ...]:
    """Stages named in "a,b" in their usual order; all where nothing is named.

    >>> chosen("gas, nab")
    ('nab', 'gas')
    """
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = sorted(set(names) - set(STAGES))
    if unknown:
        raise UsageError(f"--only {', '.join(unknown)}: there is no such stage; want some of {', '.join(STAGES)}")
    return tuple(s for s in STAGES if s in names) if names else STAGES


def run(quick: bool, say: Say, stages: Sequence[str] = STAGES) -> Iterator[Figure]:
    """Yield the `detect.*` figures. A stage that is not there or lacks its data is told and skipped; one that fails is
    told and the others still run.

    Raises:
        CityopsError: at the end, naming the stages that failed.
    """
    failed: list[str] = []
    for stage in stages:
        name = f"{PACKAGE}.detect_{stage}"
        if importlib.util.find_spec(name) is None:
            say(f"stage {stage}: SKIPPED, {name.replace('.', '/')}.py is not there")
            continue
        say(f"stage {stage}…")
        try:
            yield from importlib.import_module(name).run(quick, say)
        except DataMissing as error:
            say(f"stage {stage}: SKIPPED, {error}")
        except CityopsError as error:
            say(f"stage {stage} failed: {error}")
            failed.append(stage)
    if failed:
        raise CityopsError(f"stages without figures: {', '.join(failed)}")
