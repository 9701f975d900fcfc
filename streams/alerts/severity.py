"""Severity is decided in one place, by data: the matrix in severity.toml and nothing else.

Kind, magnitude, duration, place and people give I to IV with the sentence that says why. Statistics of one sensor are
at most III: a matrix that gives I or II without a hard limit, a second sensor or a person is refused when it is read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from msgspec import Struct

from streams.events import SEVERITIES, Detection, Text

HELD = Text("；限值解除前等级不降", "; the severity holds until the limit is left")


class SeverityError(ValueError):
    """A severity matrix is refused as a whole; the text names the rule, the key and the reason."""


class Rule(Struct, frozen=True, kw_only=True):
    """One row: all conditions must hold. `level`, `magnitude`, `witnesses`, `duration_s`, `people` are least values."""

    severity: str
    why: Text
    kinds: tuple[str, ...] = ("*",)
    cls: str = ""
    level: int = 0
    hard: bool | None = None
    magnitude: float = 0.0
    witnesses: int = 1
    duration_s: float = 0.0
    place: tuple[str, ...] = ()  # one of these: kinds of the fences around, or tags of the detection
    tags: tuple[str, ...] = ()  # and one of these tags of the detection
    people: int = 0
    person: bool = False  # a person has confirmed it
    latch: bool = False  # said in `why`; an episode keeps its worst severity until it is cleared

    def fits(self, d: Detection, place: Collection[str] = (), people: int = 0, person: bool = False) -> bool:
        return (
            ("*" in self.kinds or d.kind in self.kinds)
            and (not self.cls or d.cls == self.cls)
            and d.level >= self.level
            and (self.hard is None or d.hard == self.hard)
            and d.magnitude >= self.magnitude
            and d.witnesses >= self.witnesses
            and d.ts_ms - d.onset_ms >= self.duration_s * 1000.0
            and (not self.place or any(tag in place or tag in d.tags for tag in self.place))
            and (not self.tags or any(tag in d.tags for tag in self.tags))
            and people >= self.people
            and (not self.person or person)
        )

    @property
    def grounded(self) -> bool:
        """More than the statistics of one sensor stand behind it."""
        return self.hard is True or self.witnesses >= 2 or self.person


_TYPES: dict[str, type | tuple[type, ...]] = {
    "kind": list, "class": str, "level": int, "hard": bool, "magnitude": (int, float), "witnesses": int,
    "duration_s": (int, float), "place": list, "tags": list, "people": int, "person": bool, "latch": bool,
    "severity": str, "zh": str, "en": str,
}  # fmt: skip


def parse(text: str, source: str) -> tuple[Rule, ...]:
    """Rules of a TOML text.

    Raises
    ------
    SeverityError
        bad TOML, an unknown key, a value of another type, a severity that is none of I–IV, a missing sentence, I or II
        from the statistics of one sensor, or no rule for everything else.
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
    for key, value in row.items():
        if key not in _TYPES:
            raise SeverityError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(_TYPES))}")
        want = _TYPES[key]
        if not isinstance(value, want) or (isinstance(value, bool) and want is not bool):
            name = want.__name__ if isinstance(want, type) else "number"
            raise SeverityError(f"{where}: {key} = {value!r}; want a value of type {name}")
    if row.get("severity") not in SEVERITIES:
        raise SeverityError(f"{where}: severity = {row.get('severity')!r}; want one of {', '.join(SEVERITIES)}")
    for key in ("zh", "en"):
        if not row.get(key):
            raise SeverityError(f"{where}: {key} is missing: the sentence that tells the officer why")
    latch = row.get("latch", False)
    rule = Rule(
        severity=row["severity"],
        why=Text(row["zh"] + HELD.zh, row["en"] + HELD.en) if latch else Text(row["zh"], row["en"]),
        kinds=tuple(row.get("kind", ["*"])),
        cls=row.get("class", ""),
        level=row.get("level", 0),
        hard=row.get("hard"),
        magnitude=float(row.get("magnitude", 0.0)),
        witnesses=row.get("witnesses", 1),
        duration_s=float(row.get("duration_s", 0.0)),
        place=tuple(row.get("place", ())),
        tags=tuple(row.get("tags", ())),
        people=row.get("people", 0),
        person=row.get("person", False),
        latch=latch,
    )
    if rule.severity in ("I", "II") and not rule.grounded:
        raise SeverityError(
            f"{where}: severity = {rule.severity!r} needs a hard limit, a second sensor or a person: "
            "add hard = true, witnesses = 2 or person = true, or make it III"
        )
    return rule


@lru_cache(maxsize=1)
def default_rules() -> tuple[Rule, ...]:
    """The matrix that ships with the project."""
    return parse(files("streams.alerts").joinpath("severity.toml").read_text("utf-8"), "severity.toml")


def decide(
    d: Detection, rules: Sequence[Rule], place: Collection[str] = (), people: int = 0, person: bool = False
) -> tuple[str, Text]:
    """(severity, why) of a detection: the first rule that fits.

    `place`: kinds of the fences that hold it, beside its own tags; `people`: how many are near; `person`: somebody has
    confirmed it.
    """
    rule = next(r for r in rules if r.fits(d, place, people, person))
    return rule.severity, rule.why


def worse(a: str, b: str) -> bool:
    """True if severity `a` is more severe than `b` (I is the worst).

    >>> worse("I", "III")
    True
    """
    return SEVERITIES.index(a) < SEVERITIES.index(b)
