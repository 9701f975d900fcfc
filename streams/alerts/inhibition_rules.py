"""Which open alert explains which others, as data: the rules of inhibition.toml."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from geo.ids import ASSET_TYPES
from streams.events import Text

FOLLOW = ("downstream", "upstream", "zone")
_LONGEST_S = 7 * 86_400


class InhibitionError(ValueError):
    """A table of inhibition is refused as a whole; the text names the rule, the key and the reason."""


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the table; what its keys mean is said at the top of inhibition.toml."""

    name: str
    parent: tuple[str, ...]
    child: tuple[str, ...]
    follow: str
    within_s: int
    before_s: int
    zh: str
    en: str
    parent_hard: bool = False
    parent_asset: tuple[str, ...] = ()

    @property
    def why(self) -> Text:
        return Text(self.zh, self.en)


def parse(text: str, source: str) -> tuple[Rule, ...]:
    """Rules of a TOML text.

    Raises
    ------
    InhibitionError
        bad TOML, a key that is unknown, missing or of another type, a name given twice, no kinds, an unknown way to
        follow, an unknown kind of asset, a time outside 0 to 7 days, a missing sentence.
    """
    try:
        rows = tomllib.loads(text).get("rule", [])
    except tomllib.TOMLDecodeError as error:
        raise InhibitionError(f"{source}: {error}") from None
    rules: list[Rule] = []
    for n, row in enumerate(rows, 1):
        try:
            rule = msgspec.convert(row, Rule)
        except msgspec.ValidationError as error:
            raise InhibitionError(f"{source}: rule {n}: {error}") from None
        if wrong := _wrong(rule, {r.name for r in rules}):
            raise InhibitionError(f"{source}: rule {n}: {wrong}")
        rules.append(rule)
    return tuple(rules)


def _wrong(rule: Rule, names: set[str]) -> str:
    if not rule.name or rule.name in names:
        return f"name = {rule.name!r}: give each rule a name of its own"
    if not rule.parent or not rule.child:
        return "parent and child each need at least one kind of alert"
    if rule.follow not in FOLLOW:
        return f"follow = {rule.follow!r}; want one of {', '.join(FOLLOW)}"
    known = {t.kind for t in ASSET_TYPES.values()}
    for kind in rule.parent_asset:
        if kind not in known:
            return f"parent_asset = {kind!r}; want one of {', '.join(sorted(known))}"
    for key, value in (("within_s", rule.within_s), ("before_s", rule.before_s)):
        if not 0 <= value <= _LONGEST_S:
            return f"{key} = {value}; want 0 to {_LONGEST_S} seconds"
    return "" if rule.zh and rule.en else "zh and en: the sentence that tells the officer why is missing"


@lru_cache(maxsize=1)
def default_rules() -> tuple[Rule, ...]:
    """The table that ships with the project."""
    return parse(files("streams.alerts").joinpath("inhibition.toml").read_text("utf-8"), "inhibition.toml")
