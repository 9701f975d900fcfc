"""What is wrong with a fence, each with a reason a person can act on; areas that cross themselves are mended."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from detectors.params import ParamError, check as check_param
from geo import fence_rules, metric
from geo.assets import Problem
from geo.divisions import Divisions
from geo.fence_shape_checks import shape_problems
from geo.fences import KINDS, Area, Fence, FenceError, Once, Weekly

MAX_CHANGE = 0.01  # of its area that a repair may change
LAST_MS = 4_102_444_800_000  # 2100-01-01: a later time says "for ever", and past year 9999 it cannot be written
MAX_PEOPLE = 10_000_000
MAX_DWELL_S = 30 * 86_400.0
MAX_TEXT, MAX_WINDOWS, MAX_TELL = 2_000, 100, 50  # a fence goes to every worker, and is looked at for every alert in it
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")


def problems(
    fence: Fence, divisions: Divisions | None = None, kinds: Collection[str] = (), profiles: Collection[str] = ()
) -> list[Problem]:
    """Everything wrong with one fence; [] when it is usable. Of a removed one only its id matters.

    `kinds`: all kinds of alert, `profiles`: all profile keys; empty: names are not looked up.
    """
    out = []
    if not _ID.fullmatch(fence.id):
        out.append(Problem("id", f"is {fence.id!r}; want 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"))
    if fence.removed:
        return out
    if not fence.name_zh.strip():
        out.append(Problem("name_zh", "is empty; officers read it in their alerts"))
    if fence.kind not in KINDS:
        out.append(Problem("kind", f"is {fence.kind!r}; want one of {', '.join(KINDS)}"))
    table = divisions or Divisions.load()
    out += unworkable(fence, table)
    out += [*_end(fence), *_effect(fence, kinds), *_params(fence, profiles), *_tell(fence, table)]
    if fence.dwell_s > 0 and not fence.moving:
        out.append(Problem("dwell_s", "is only told of moving assets; set moving to true, or leave it out"))
    if fence.version < 1:
        out.append(Problem("version", f"is {fence.version}; want 1 or more"))
    return out


def unworkable(fence: Fence, divisions: Divisions | None = None) -> list[Problem]:
    """What a worker cannot work with: shapes, times and sizes. Of a removed fence nothing."""
    if fence.removed:
        return []
    out = [*shape_problems(fence.shape, divisions or Divisions.load()), *_times(fence), *_sizes(fence)]
    if not 0 <= fence.people <= MAX_PEOPLE:
        out.append(Problem("people", f"is {fence.people}; want 0 to {MAX_PEOPLE:,}"))
    if not (math.isfinite(fence.dwell_s) and 0 <= fence.dwell_s <= MAX_DWELL_S):
        out.append(Problem("dwell_s", f"is {fence.dwell_s:g}; want seconds, at most {MAX_DWELL_S:,.0f}; 0 for never"))
    return out


def remarks(fence: Fence) -> list[Problem]:
    """What is no error and worth saying: kinds of `suppress` that are told all the same, and when."""
    rules = fence_rules.load()
    out = []
    for kind in fence.effect.suppress:
        rule = rules.never(kind, True)
        if rule is not None:
            when = "where a hard limit is crossed" if rule.hard else "always"
            out.append(Problem("effect.suppress", f"{kind} is told all the same {when}: {rule.en}"))
        elif kind == "*":
            out.append(Problem("effect.suppress", "* never covers hard limits, nor an instrument over its range"))
    return out


def ends(fence: Fence) -> bool:
    """Is there a time after which it is never active again?"""
    return fence.until_ms is not None or (bool(fence.active) and all(isinstance(w, Once) for w in fence.active))


def repaired(fence: Fence) -> tuple[Fence, str]:
    """The fence with a valid area, and what was done ("" where nothing was).

    Raises:
        FenceError: the repair would change the area by more than 1 %.
    """
    if not isinstance(fence.shape, Area):
        return fence, ""
    import shapely  # here, so that workers that only look points up do not pay for it

    if any(not polygon or any(not _drawn(ring) for ring in polygon) for polygon in fence.shape.coordinates):
        return fence, ""  # nothing to mend: `problems` tells what is wrong with it
    parts = [shapely.Polygon(polygon[0], polygon[1:]) for polygon in fence.shape.coordinates]
    whole = shapely.MultiPolygon(parts)
    if whole.is_valid:
        return fence, ""
    where = _place(shapely.is_valid_reason(whole))
    mended = shapely.union_all([shapely.make_valid(part) for part in parts])
    before = sum(_size(p.exterior) - sum(_size(hole) for hole in p.interiors) for p in parts)
    after = sum(_size(p.exterior) - sum(_size(hole) for hole in p.interiors) for p in _polygons(mended))
    change = abs(after - before) / before if before > 0 else math.inf
    if change > MAX_CHANGE:
        told = f"by {change:.0%}" if change < 10 else "altogether"
        raise FenceError(
            f"fence {fence.id}: shape: its outline crosses or overlaps itself{where}, and mending that would change "
            f"its area {told}; draw it again without crossings"
        )
    rings = tuple(tuple(_points(r) for r in (p.exterior, *p.interiors)) for p in _polygons(mended))
    text = f"its outline crossed or overlapped itself{where}; it was mended, the area changed by {change:.2%}"
    return msgspec.structs.replace(fence, shape=Area(rings)), text


def _times(fence: Fence) -> Iterator[Problem]:
    start, end = fence.from_ms, fence.until_ms
    if start is not None and end is not None and start >= end:
        yield Problem("until_ms", f"is {end}, not after from_ms {start}")
    for name, ms in (("from_ms", start), ("until_ms", end)):
        if ms is not None and not 0 <= ms <= LAST_MS:
            yield Problem(name, f"is {ms}; want a time from 1970 to 2100, or leave it out for no such time")
    for n, window in enumerate(fence.active, 1):
        where = f"active, window {n}"
        if isinstance(window, Once):
            if not (0 <= window.start_ms <= LAST_MS and 0 <= window.end_ms <= LAST_MS):
                yield Problem(
                    where, f"start_ms {window.start_ms}, end_ms {window.end_ms}; want times from 1970 to 2100"
                )
            if window.end_ms <= window.start_ms:
                yield Problem(where, f"end_ms {window.end_ms} is not after start_ms {window.start_ms}")
        else:
            yield from _weekly(where, window)


def _weekly(where: str, window: Weekly) -> Iterator[Problem]:
    if not window.days or any(not 1 <= day <= 7 for day in window.days):
        yield Problem(where, f"days are {list(window.days)}; want numbers from 1 (Monday) to 7 (Sunday)")
    for name, text in (("start", window.start), ("end", window.end)):
        if not _TIME.fullmatch(text) or (name == "start" and text == "24:00"):
            yield Problem(where, f"{name} is {text!r}; want HH:MM in Beijing time, e.g. 07:30")


def _sizes(fence: Fence) -> Iterator[Problem]:
    for name, n, most in (
        ("name_zh", len(fence.name_zh), MAX_TEXT), ("name_en", len(fence.name_en), MAX_TEXT),
        ("note", len(fence.note), MAX_TEXT), ("active", len(fence.active), MAX_WINDOWS),
        ("effect.tell", len(fence.effect.tell), MAX_TELL),
    ):  # fmt: skip
        if n > most:
            yield Problem(name, f"is {n:,} long; at most {most:,} are taken")
    if any("\ud800" <= c <= "\udfff" for c in f"{fence.name_zh}{fence.name_en}{fence.note}"):
        yield Problem("name_zh", "or another text has half a character (a lone surrogate), which no file can hold")


def _end(fence: Fence) -> Iterator[Problem]:
    why = ""
    if fence.kind == "works":
        why = "planned works end"
    elif fence.effect.suppress:
        why = "it suppresses alerts"
    elif fence.effect.severity < 0:
        why = "it lowers severities"
    if why and not ends(fence):
        yield Problem("until_ms", f"a fence with no end: {why}, so give until_ms, or only windows of type once")


def _effect(fence: Fence, kinds: Collection[str]) -> Iterator[Problem]:
    if not -3 <= fence.effect.severity <= 3:
        yield Problem("effect.severity", f"is {fence.effect.severity}; want steps from -3 to 3, above 0 towards I")
    for kind in fence.effect.suppress:
        if kind != "*" and kinds and kind not in kinds:
            yield Problem(
                "effect.suppress", f"there is no kind of alert {kind!r}; there are {', '.join(sorted(kinds))}"
            )


def _params(fence: Fence, profiles: Collection[str]) -> Iterator[Problem]:
    most = fence_rules.load().tightened_only
    for profile, values in fence.effect.params.items():
        if profiles and profile not in profiles:
            yield Problem("effect.params", f"there is no profile {profile!r}; there are {', '.join(sorted(profiles))}")
        for name, value in values.items():
            try:
                number = check_param(name, value)
            except ParamError as error:
                yield Problem("effect.params", f"{profile}: {name}: {error}")
                continue
            bound = most.get(profile, {}).get(name, math.inf)
            if number > bound:
                reason = f"is {number:g}, above {bound:g}: a fence may tighten this limit, never widen it"
                yield Problem("effect.params", f"{profile}: {name}: {reason}")


def _tell(fence: Fence, table: Divisions) -> Iterator[Problem]:
    for n, tell in enumerate(fence.effect.tell, 1):
        where = f"effect.tell, entry {n}"
        if not tell.role:
            yield Problem(where, "role is empty; say which holders are told, e.g. duty_officer")
        if not (tell.unit or tell.org):
            yield Problem(where, "names neither a unit nor an organisation; give one")
        if tell.unit and tell.unit not in table:
            yield Problem(where, f"there is no unit {tell.unit}; give its 6-, 9- or 12-digit code")


def _drawn(ring: Sequence[tuple[float, float]]) -> bool:
    """Is it a ring that can be tested for crossings: three or more points, all finite?"""
    return len(set(ring)) >= 3 and all(math.isfinite(x) and math.isfinite(y) for x, y in ring)


def _place(reason: str) -> str:
    """Where, out of GEOS's reason "Self-intersection[107.9 26.5]"."""
    match = re.search(r"\[(-?[0-9.e+-]+) (-?[0-9.e+-]+)\]", reason)
    return f" at {float(match[1]):.6f} {float(match[2]):.6f}" if match else ""


def _polygons(shape: Any) -> list[Any]:
    """The parts with an area; points and lines that a repair leaves over go."""
    return [part for part in getattr(shape, "geoms", [shape]) if part.geom_type == "Polygon"]


def _points(ring: Any) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in ring.coords)


def _size(ring: Any) -> float:
    """Area of a ring in square metres by the shoelace formula, near enough to compare two of one place."""
    x0, y0 = ring.coords[0]
    east, north = metric.scale(y0)
    ends = pairwise((x - x0, y - y0) for x, y in ring.coords)
    doubled: float = sum(ax * by - bx * ay for (ax, ay), (bx, by) in ends)
    return abs(doubled) * east * north / 2
