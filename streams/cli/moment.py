"""Times as options: RFC 3339 or `now`; durations such as `90s`, `10m`, `2h`, `7d`."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import Any

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Moment(click.ParamType):
    """Epoch ms; `words` are further texts with their values."""

    name = "TIME"

    def __init__(self, **words: int) -> None:
        self._words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if value in self._words:
            return self._words[value]
        if value == "now":
            return round(time.time() * 1000)
        try:
            parsed = dt.datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no RFC 3339 time, as in 2026-01-02T03:04:05Z", param, ctx)
        return round((parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)).timestamp() * 1000)


class Duration(click.ParamType):
    """Milliseconds."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", value)
        if not found:
            self.fail(f"{value!r} is no duration, as in 90s, 10m, 2h or 7d", param, ctx)
        return round(float(found[1]) * _UNITS[found[2]] * 1000)
