"""The rules of `data/fence_rules.toml`: what fences may never do, and what they do by themselves."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import msgspec

FILE = Path(__file__).parent / "data" / "fence_rules.toml"


class Never(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Kinds that no fence suppresses or lowers; with `hard` only where a hard limit was crossed."""

    kind: tuple[str, ...]
    zh: str
    en: str
    hard: bool = False

    def fits(self, kind: str, hard: bool) -> bool:
        return (hard or not self.hard) and _any(kind, self.kind)


class Raised(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fences of one kind raise these kinds of alert by at least so many steps."""

    fence: str
    kind: tuple[str, ...]
    severity: int
    zh: str
    en: str

    def fits(self, fence: str, kind: str) -> bool:
        return fence == self.fence and _any(kind, self.kind)


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All rules. `tightened_only`: by profile and parameter the value that a fence may not exceed."""

    never_suppressed: tuple[Never, ...]
    raised: tuple[Raised, ...]
    tightened_only: Mapping[str, Mapping[str, float]] = {}

    def never(self, kind: str, hard: bool) -> Never | None:
        """The rule that keeps this alert from being suppressed, None where a fence may.

        >>> load().never("gas_concentration", True).hard, load().never("gas_concentration", False)
        (True, None)
        """
        return next((rule for rule in self.never_suppressed if rule.fits(kind, hard)), None)

    def raises(self, fence: str, kind: str) -> Raised | None:
        """The rule by which fences of kind `fence` raise this kind of alert.

        >>> load().raises("works", "gas_anomaly").severity, load().raises("school", "gas_anomaly")
        (1, None)
        """
        return next((rule for rule in self.raised if rule.fits(fence, kind)), None)


@cache
def load() -> Rules:
    """The rules that ship with the project, read once a process."""
    return msgspec.convert(tomllib.loads(FILE.read_text("utf-8")), Rules)


def _any(kind: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(kind, pattern) for pattern in patterns)
