"""A benchmark of several stages: choosing some of them, and running them so that one that fails leaves the others."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError, UsageError

PACKAGE = "streams.cli.benches"


class DataMissing(CityopsError):
    """A stage's recordings are not on this machine; it is skipped, and that is told."""


class Stages(NamedTuple):
    """Names in their order; each is the file `<prefix><name>.py` beside this one, with `run(quick, say)`.

    >>> Stages(("storm", "open", "kills"), "alerts_").chosen("kills, storm")
    ('storm', 'kills')
    """

    names: tuple[str, ...]
    prefix: str = ""

    def chosen(self, only: str) -> tuple[str, ...]:
        """Stages named in "a,b" in their usual order; all where nothing is named. Raises UsageError."""
        names = [name.strip() for name in only.split(",") if name.strip()]
        unknown = sorted(set(names) - set(self.names))
        if unknown:
            wanted = ", ".join(self.names)
            raise UsageError(f"--only {', '.join(unknown)}: there is no such stage; want some of {wanted}")
        return tuple(s for s in self.names if s in names) if names else self.names

    def run(self, quick: bool, say: Say, stages: Sequence[str]) -> Iterator[Figure]:
        """Yield their figures. One that lacks its data is told and skipped, one that fails is told; the others run.

        Raises
        ------
        CityopsError
            at the end, naming the stages that failed or are not there.
        """
        failed: list[str] = []
        for stage in stages:
            name = f"{PACKAGE}.{self.prefix}{stage}"
            if importlib.util.find_spec(name) is None:
                say(f"stage {stage}: {name.replace('.', '/')}.py is not there; left out")
                failed.append(f"{stage} (not there)")
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
