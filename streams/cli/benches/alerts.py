"""The stages of `cityops bench alerts`, one file each (`alerts_<stage>.py`): from a detection to a person who acts."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence

from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError, UsageError

STAGES = ("storm", "sustained", "open", "kills")
PACKAGE = "streams.cli.benches"


def chosen(only: str) -> tuple[str, ...]:
    """Stages named in "a,b" in their usual order; all where nothing is named.

    >>> chosen("kills, storm")
    ('storm', 'kills')
    """
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = sorted(set(names) - set(STAGES))
    if unknown:
        raise UsageError(f"--only {', '.join(unknown)}: there is no such stage; want some of {', '.join(STAGES)}")
    return tuple(s for s in STAGES if s in names) if names else STAGES


def run(quick: bool, say: Say, stages: Sequence[str] = STAGES) -> Iterator[Figure]:
    """Yield the `alerts.*` figures. A stage that fails is told and the others still run.

    Raises
    ------
    CityopsError
        at the end, naming the stages that failed.
    """
    failed: list[str] = []
    for stage in stages:
        say(f"stage {stage}…")
        try:
            yield from importlib.import_module(f"{PACKAGE}.alerts_{stage}").run(quick, say)
        except CityopsError as error:
            say(f"stage {stage} failed: {error}")
            failed.append(stage)
    if failed:
        raise CityopsError(f"stages without figures: {', '.join(failed)}")
