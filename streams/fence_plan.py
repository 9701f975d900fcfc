"""New, changed and removed fences: checked one by one, taken all or none. Pure.

A fence comes with the version that its writer saw (0: none was seen). Where somebody else has changed it since, it is
refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec.structs import replace

from detectors.kinds import KINDS
from geo.divisions import Divisions
from geo.fence_checks import problems, repaired
from geo.fences import Fence, FenceError

STALE = "version"  # the field of a problem that a newer version made


class BadFence(msgspec.Struct, frozen=True):
    """One thing to mend: where it was written, the fence's id, the field, the reason."""

    where: str
    fence: str
    field: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}fence {self.fence}: {self.field}: {self.reason}"


class FencePlan(msgspec.Struct):
    """What writing would do. With any `problems` nothing of it may be done."""

    added: list[Fence] = msgspec.field(default_factory=list)
    changed: list[Fence] = msgspec.field(default_factory=list)
    unchanged: int = 0
    notes: list[str] = msgspec.field(default_factory=list)  # what was mended
    problems: list[BadFence] = msgspec.field(default_factory=list)

    @property
    def fences(self) -> list[Fence]:
        return [*self.added, *self.changed]


def plan(
    written: Iterable[tuple[str, Fence]], known: Mapping[str, Fence], by: str, at_ms: int, force: bool = False
) -> FencePlan:
    """Check (where, fence) against what is there; `force`: whatever version the writer saw."""
    from detectors.catalog import Catalog  # here: it brings numba, which the API does without until then

    out, seen = FencePlan(), dict[str, str]()
    for where, fence in written:
        try:
            mended, note = repaired(fence)
        except FenceError as error:
            out.problems.append(BadFence(where, fence.id, "shape", str(error)))
            continue
        faults = [
            BadFence(where, fence.id, p.field, p.reason)
            for p in problems(replace(mended, version=1), Divisions.load(), KINDS, Catalog.default().profiles)
        ]
        faults += [BadFence(where, fence.id, "effect.params", reason) for reason in _hiding(mended)]
        if fence.id in seen:
            faults.append(BadFence(where, fence.id, "id", f"is also at {seen[fence.id] or 'another place'}"))
        seen.setdefault(fence.id, where)
        old = known.get(fence.id)
        same = old is not None and not old.removed and _as(mended, old) == old
        if not force and not same and (stale := _stale(fence, old)):
            faults.append(BadFence(where, fence.id, STALE, stale))
        if faults:
            out.problems += faults
            continue
        out.notes += [f"{where}: fence {fence.id}: {note}" if where else f"fence {fence.id}: {note}"] if note else []
        _sort_in(mended, old, by, at_ms, out)
    return out


def removal(id_: str, version: int | None, known: Mapping[str, Fence], by: str, at_ms: int) -> Fence | BadFence:
    """The record that ends a fence; `version`: the one that was seen, None: whatever it is."""
    old = known.get(id_)
    if old is None or old.removed:
        return BadFence("", id_, "id", "there is no such fence")
    if version is not None and version != old.version:
        return BadFence("", id_, STALE, f"is {old.version} by now, you saw {version}: look at it again")
    return replace(old, removed=True, version=old.version + 1, by=by, at_ms=at_ms)


def _hiding(fence: Fence) -> Iterator[str]:
    """Parameters that would keep a hard limit of the profile from being told."""
    from detectors.catalog import Catalog
    from detectors.override import stricter

    profiles = Catalog.default().profiles
    for key, values in fence.effect.params.items():
        profile = profiles.get(key)
        taken = stricter(profile, values) if profile else values
        for name, value in values.items():
            if taken.get(name, math.nan) != value and not math.isnan(value):
                yield f"{key}: {name} is {value:g}: a fence may tighten what leads to a hard limit, never widen it"


def _stale(fence: Fence, old: Fence | None) -> str:
    if old is None or old.removed:
        return f"is {fence.version}, but there is no such fence; leave it out" if fence.version else ""
    if fence.version == old.version:
        return ""
    return f"is {old.version} by now, you saw {fence.version or 'none'}: look at it again, or overwrite it"


def _as(fence: Fence, old: Fence) -> Fence:
    """The fence with the version, maker and time of another."""
    return replace(fence, version=old.version, by=old.by, at_ms=old.at_ms)


def _sort_in(fence: Fence, old: Fence | None, by: str, at_ms: int, out: FencePlan) -> None:
    if old is None:
        out.added.append(replace(fence, version=1, by=by, at_ms=at_ms))
    elif _as(fence, old) == old:
        out.unchanged += 1
    else:
        new = replace(fence, version=old.version + 1, by=by, at_ms=at_ms)
        (out.added if old.removed else out.changed).append(new)
