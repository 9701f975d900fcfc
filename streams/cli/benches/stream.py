"""The stages of `cityops bench stream`, one file each, in the order in which a reading meets them."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Sequence

from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError, UsageError

STAGES = ("kernel", "packer", "http", "mqtt", "end_to_end", "latency", "restart")
PACKAGE = "streams.cli.benches"


def chosen(only: str) -> tuple[str, ...]:
    """Stages named in "a,b" in their usual order; all where nothing is named.

    >>> chosen("restart, kernel")
    ('kernel', 'restart')
    """
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = sorted(set(names) - set(STAGES))
    if unknown:
        raise UsageError(f"--only {', '.join(unknown)}: there is no such stage; want some of {', '.join(STAGES)}")
    return tuple(s for s in STAGES if s in names) if names else STAGES


def run(quick: bool, say: Say, stages: Sequence[str] = STAGES) -> Iterator[Figure]:
    """Yield the `stream.*` figures. A stage that fails is told and the others still run.

    Raises
    ------
    CityopsError
        at the end, naming the stages that failed or are not there.
    """
    failed: list[str] = []
    for stage in stages:
        name = f"{PACKAGE}.{stage}"
        if importlib.util.find_spec(name) is None:
            say(f"stage {stage}: {name.replace('.', '/')}.py is not there; left out")
            failed.append(f"{stage} (not there)")
            continue
        say(f"stage {stage}…")
        try:
            yield from importlib.import_module(name).run(quick, say)
        except CityopsError as error:
            say(f"stage {stage} failed: {error}")
            failed.append(stage)
    if failed:
        raise CityopsError(f"stages without figures: {', '.join(failed)}")
