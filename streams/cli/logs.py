"""Alert logs as files, and reports that have their name only when they are whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import UsageError, explain

if TYPE_CHECKING:
    from simulators.plan import Plan

IN_FORCE = Path("in-force")


def alerts_of(path: Path) -> list[dict[str, Any]]:
    """Last states of the alerts of a log (`cityops backtest --log`). Raises UsageError with the line."""
    from simulators.outcome import Outcome
    from simulators.truth import lines

    outcome = Outcome()
    for n, row in lines(path):
        try:
            outcome.add(row)
        except (KeyError, TypeError):
            raise UsageError(
                f"{path.name}: line {n} is no record of an alert log; `cityops backtest --log` makes one"
            ) from None
    return outcome.alerts()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside it to write, which gets its name when the block is done. Raises CityopsError where it cannot."""
    part = path.with_name(path.name + ".part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise explain(error) from None
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Raises CityopsError where it cannot be written."""
    with whole(path) as part:
        part.write_text(text, "utf-8")


def alerts_with(planned: Plan, profiles: Path) -> list[dict[str, Any]]:
    """Alerts of a backtest with a file of profiles over those in force (`IN_FORCE`: with those alone)."""
    from simulators import backtest
    from simulators.replay import run_settings
    from streams.cli.bar import Bar
    from streams.cli.common import checked
    from streams.settings import Settings

    settings = run_settings(checked(Settings()), "backtest")
    bar = Bar(planned.survey.readings)
    try:
        own = [] if profiles == IN_FORCE else [profiles]
        return backtest.run(settings, planned.with_profiles(own), None, bar.show).alerts
    finally:
        bar.end()
