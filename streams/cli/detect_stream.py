"""`cityops detect-stream`: scores for a CSV stream, row by row, for evaluating on outside benchmarks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import click
import numpy as np
import numpy.typing as npt

from streams.errors import UsageError

Score = Callable[[npt.NDArray[np.datetime64], npt.NDArray[np.float64]], npt.NDArray[np.float64]]
DEFAULT = "default"
_EMPTY = {"", "nan", "na", "null", "none"}
_MS = 1e11  # epoch numbers from here on are milliseconds: as seconds it would be the year 5138


@click.command()
@click.option("--profile", metavar="P", default=DEFAULT, show_default=True, help="A profile's key, or `default`.")
def command(profile: str) -> None:
    """Read `timestamp,value[,…]` on stdin, write `timestamp,score` on stdout, each line at once.

    \b
    Timestamps: RFC 3339, `YYYY-MM-DD HH:MM:SS` (UTC) or epoch seconds or milliseconds; a header line may stand first.
    Scores are in [0, 1], an alarm from 0.5 on. An empty value is a gap: score 0.
    `default` is the frozen configuration for unknown signals; a profile's key (`water.pressure`) runs that kind of
    sensor's detectors as in operation (one value a row).
    """
    make = scorer(profile)
    out = sys.stdout
    f: Score | None = None
    width = 0
    for number, text, stamp, values in rows(sys.stdin):
        if f is None:
            width, f = len(values), make(len(values))
            out.write("timestamp,score\n")
        if len(values) != width:
            raise UsageError(f"line {number}: {len(values)} values where the first row has {width}")
        score = f(np.array([stamp], dtype="datetime64[ns]"), np.array([values]))[0]
        out.write(f"{text},{score:.6g}\n")
        out.flush()


def scorer(profile: str) -> Callable[[int], Score]:
    """What makes the score function of a number of channels. Raises UsageError for an unknown profile."""
    if profile == DEFAULT:
        from detectors.evaluate import make

        return make
    from detectors.catalog import Catalog

    profiles = Catalog.default().profiles
    if profile not in profiles:
        raise UsageError(f"there is no profile {profile!r}: want {DEFAULT}, {', '.join(sorted(profiles))}")
    from detectors.evaluate_profile import of

    def one(channels: int) -> Score:
        if channels != 1:
            raise UsageError(f"profile {profile} watches one value a row, not {channels}: use --profile {DEFAULT}")
        return of(profiles[profile])

    return one


def rows(lines: Iterator[str]) -> Iterator[tuple[int, str, np.datetime64, list[float]]]:
    """Line number, timestamp as written, its time and the row's values; a header line first and empty ones are skipped.

    Raises UsageError, with the line's number, for a line that is no row.
    """
    begun = False
    for number, line in enumerate(lines, 1):
        line = line.strip().lstrip("\ufeff")
        if not line:
            continue
        text, *cells = [cell.strip().strip('"') for cell in line.split(",")]
        try:
            stamp = instant(text)
        except ValueError:
            if not begun and not any(map(_is_number, cells)):
                begun = True  # a header
                continue
            raise UsageError(
                f"line {number}: {text!r} is no time: want RFC 3339, 'YYYY-MM-DD HH:MM:SS' or epoch seconds"
            ) from None
        begun = True
        if not cells:
            raise UsageError(f"line {number}: no value behind the timestamp: want timestamp,value")
        yield number, text, stamp, [_value(number, cell) for cell in cells]


def instant(text: str) -> np.datetime64:
    """A time of any accepted form; without an offset it is UTC.

    >>> str(instant("2015-09-01 13:45:00")), bool(instant("2015-09-01T21:45:00+08:00") == instant("1441115100"))
    ('2015-09-01T13:45:00.000000000', True)
    """
    if _is_number(text):
        number = float(text)
        ms = number if abs(number) >= _MS else number * 1000
        if not abs(ms) < 9e15:
            raise ValueError(text)
        found: np.datetime64 = np.datetime64(round(ms * 1000), "us").astype("datetime64[ns]")
        return found
    when = datetime.fromisoformat(text)
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    utc: np.datetime64 = np.datetime64(when.astimezone(UTC).replace(tzinfo=None), "us").astype("datetime64[ns]")
    return utc


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _value(number: int, cell: str) -> float:
    if cell.lower() in _EMPTY:
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        raise UsageError(f"line {number}: {cell!r} is no number") from None
