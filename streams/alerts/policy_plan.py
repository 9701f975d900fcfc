"""The next version of a policy: what was written over what is there. A writer names the version that it saw."""

from __future__ import annotations

from msgspec.structs import replace

from streams.alerts.policy import Policy


class StaleError(ValueError):
    """Somebody else has changed the policy since the writer saw it; the text says what to do."""


def made(written: Policy, old: Policy | None, by: str, at_ms: int, force: bool = False) -> Policy:
    """What to write; `old` itself where nothing differs. `force`: whatever version the writer saw.

    Raises
    ------
    StaleError
        `written` has another version than the newest one, or 0 where there was none of its own.
    """
    seen = {0} if old is None else {old.version} | ({0} if old.removed else set())
    if not force and written.version not in seen:
        now = "there is none of its own" if old is None or old.removed else f"it is {old.version} by now"
        raise StaleError(f"version: is {written.version}, but {now}: look at it again, then write {max(seen)}")
    new = replace(written, version=old.version + 1 if old else 1, by=by, at_ms=at_ms, removed=False)
    if old is not None and replace(new, version=old.version, by=old.by, at_ms=old.at_ms) == old:
        return old
    return new


def ended(old: Policy, by: str, at_ms: int) -> Policy:
    """The version with which a policy ends: the one above is in force."""
    return replace(old, removed=True, version=old.version + 1, by=by, at_ms=at_ms)
