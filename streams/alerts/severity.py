"""Severity is decided in one place, by data: the matrix in severity.toml and nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from msgspec import Struct

from streams.events import SEVERITIES, Detection, Text


class SeverityError(ValueError):
    """A severity matrix is refused as a whole; the text names the rule, the key and the reason."""


class Rule(Struct, frozen=True, kw_only=True):
    """One row: all conditions must hold. `level` and `magnitude` are least values."""

    severity: str
    why: Text
    kinds: tuple[str, ...] = ("*",)
    cls: str = ""
    level: int = 0
    hard: bool | None = None
    magnitude: float = 0.0

    def fits(self, d: Detection) -> bool:
        return (
            ("*" in self.kinds or d.kind in self.kinds)
            and (not self.cls or d.cls == self.cls)
            and d.level >= self.level
            and (self.hard is None or d.hard == self.hard)
            and d.magnitude >= self.magnitude
        )


_KEYS = {"kind", "class", "level", "hard", "magnitude", "severity", "zh", "en"}


def parse(text: str, source: str) -> tuple[Rule, ...]:
    """Rules of a TOML text.

    Raises
    ------
    SeverityError
        bad TOML, an unknown key, a severity that is none of I–IV, a missing sentence, or no rule for everything else.
    """
    try:
        rows = tomllib.loads(text).get("rule", [])
    except tomllib.TOMLDecodeError as e:
        raise SeverityError(f"{source}: {e}") from None
    rules = [_rule(row, f"{source}: rule {i}") for i, row in enumerate(rows, 1)]
    if not rules or rules[-1] != Rule(severity=rules[-1].severity, why=rules[-1].why):
        raise SeverityError(f"{source}: the last rule must fit everything (kind = ['*'] and no other condition)")
    return tuple(rules)


def _rule(row: dict[str, Any], where: str) -> Rule:
    for key in row:
        if key not in _KEYS:
            raise SeverityError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(_KEYS))}")
    if row.get("severity") not in SEVERITIES:
        raise SeverityError(f"{where}: severity = {row.get('severity')!r}; want one of {', '.join(SEVERITIES)}")
    for key in ("zh", "en"):
        if not row.get(key):
            raise SeverityError(f"{where}: {key} is missing: the sentence that tells the officer why")
    return Rule(
        severity=row["severity"],
        why=Text(row["zh"], row["en"]),
        kinds=tuple(row.get("kind", ["*"])),
        cls=row.get("class", ""),
        level=row.get("level", 0),
        hard=row.get("hard"),
        magnitude=float(row.get("magnitude", 0.0)),
    )


@lru_cache(maxsize=1)
def default_rules() -> tuple[Rule, ...]:
    """The matrix that ships with the project."""
    return parse(files("streams.alerts").joinpath("severity.toml").read_text("utf-8"), "severity.toml")


def decide(d: Detection, rules: Sequence[Rule]) -> tuple[str, Text]:
    """(severity, why) of a detection: the first rule that fits."""
    rule = next(r for r in rules if r.fits(d))
    return rule.severity, rule.why


def worse(a: str, b: str) -> bool:
    """True if severity `a` is more severe than `b` (I is the worst).

    >>> worse("I", "III")
    True
    """
    return SEVERITIES.index(a) < SEVERITIES.index(b)
