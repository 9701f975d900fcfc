"""When a fence is active. Beijing time is UTC+8 all year (no summer time since 1991)."""

from __future__ import annotations

from collections.abc import Iterator

from geo.fences import Fence, Once, Weekly

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
_BEIJING_MS = 8 * 3_600_000


def active(fence: Fence, now_ms: int) -> bool:
    """Is it in force at this moment (epoch ms)? Starts count as in, ends as out."""
    if fence.removed or now_ms < _start(fence) or (fence.until_ms is not None and now_ms >= fence.until_ms):
        return False
    return not fence.active or any(_within(window, now_ms) for window in fence.active)


def next_change(fence: Fence, now_ms: int) -> int | None:
    """The first moment (epoch ms) after `now_ms` at which `active` answers otherwise; None: never."""
    state = active(fence, now_ms)
    rare = sorted({t for t in _rare(fence) if t > now_ms})
    for start, end in zip([now_ms, *rare], [*rare, None], strict=True):
        if active(fence, start) != state:
            return start
        far = start + WEEK_MS if end is None else min(end, start + WEEK_MS)
        for t in sorted({t for t in _weekly_edges(fence, start) if start < t <= far}):
            if active(fence, t) != state:
                return t
    return None


def _start(fence: Fence) -> float:
    return float("-inf") if fence.from_ms is None else fence.from_ms


def _rare(fence: Fence) -> Iterator[int]:
    """Moments of change that do not come again each week."""
    yield from (t for t in (fence.from_ms, fence.until_ms) if t is not None)
    for window in fence.active:
        if isinstance(window, Once):
            yield from (window.start_ms, window.end_ms)


def _weekly_edges(fence: Fence, now_ms: int) -> Iterator[int]:
    """Starts and ends of weekly windows from yesterday to a week ahead."""
    today = (now_ms + _BEIJING_MS) // DAY_MS
    for window in fence.active:
        if isinstance(window, Weekly):
            for day in range(today - 1, today + 9):
                if _weekday(day) in window.days:
                    yield from _bounds(window, day)


def _within(window: Weekly | Once, now_ms: int) -> bool:
    if isinstance(window, Once):
        return window.start_ms <= now_ms < window.end_ms
    today = (now_ms + _BEIJING_MS) // DAY_MS
    for day in (today - 1, today):
        start, end = _bounds(window, day)
        if _weekday(day) in window.days and start <= now_ms < end:
            return True
    return False


def _weekday(day: int) -> int:
    """1 Monday … 7 Sunday of a day counted from 1970-01-01, a Thursday."""
    return (day + 3) % 7 + 1


def _bounds(window: Weekly, day: int) -> tuple[int, int]:
    """Start and end (epoch ms) of the window that begins on this day."""
    start, end = _clock_ms(window.start), _clock_ms(window.end)
    midnight = day * DAY_MS - _BEIJING_MS
    return midnight + start, midnight + end + (DAY_MS if end <= start else 0)


def _clock_ms(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return (int(hours) * 60 + int(minutes)) * 60_000
