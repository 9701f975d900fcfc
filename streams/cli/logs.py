"""Alert logs as files, and reports that have their name only when they are whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import UsageError, explain

if TYPE_CHECKING:
    from simulators.plan import Plan


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


def write_whole(path: Path, text: str) -> None:
    """Raises CityopsError where it cannot be written."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, "utf-8")
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise explain(error) from None


def alerts_with(planned: Plan, profiles: Path) -> list[dict[str, Any]]:
    """Alerts of a backtest with a file of profiles over those in force."""
    from simulators import backtest
    from simulators.replay import run_settings
    from streams.cli.common import checked
    from streams.settings import Settings

    settings = run_settings(checked(Settings()), "backtest")
    return backtest.run(settings, planned.with_profiles([profiles])).alerts
