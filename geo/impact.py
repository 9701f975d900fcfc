"""Whom an alert touches: units, facilities, heads, customers. How far a kind reaches is data, `data/impact.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import msgspec

from geo.ids import FACILITIES
from geo.near import NearIndex
from geo.network import Network, Walk
from geo.records import Asset

TABLE = Path(__file__).parent / "data" / "impact.toml"
LISTED = 20  # facilities, units and ids named at most; sums and totals are of all
FOLLOW = ("", "downstream")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far alerts of these kinds reach; no kinds: of all others."""

    kinds: tuple[str, ...]
    radius_m: float
    follow: str
    why_zh: str
    why_en: str


class Facility(msgspec.Struct, frozen=True):
    """One facility or network object with people; `way`: near, or downstream."""

    id: str
    kind: str
    name_zh: str
    name_en: str
    distance_m: float
    people: int
    way: str


class Impact(msgspec.Struct, frozen=True):
    """JSON-ready, at most about 6 KB: lists are cut at `LISTED`, totals count all; `cut`: the network goes on."""

    kind: str
    radius_m: float
    follow: str
    why: dict[str, str]
    units: tuple[str, ...] = ()
    units_total: int = 0
    facilities: tuple[Facility, ...] = ()
    facilities_total: int = 0
    downstream: tuple[str, ...] = ()
    downstream_total: int = 0
    people: int = 0
    customers: int = 0
    cut: bool = False


class Surroundings:
    """Places and network of the registry's assets together; `put` and `remove` as the registry changes."""

    def __init__(self, assets: Iterable[Asset] = ()) -> None:
        self._near = NearIndex()
        self._network = Network()
        self._assets: dict[str, Asset] = {}
        for asset in assets:
            self.put(asset)

    def put(self, asset: Asset) -> bool:
        """Add or change one asset (a retired one goes); True where that changed anything."""
        if asset.retired:
            return self.remove(asset.id)
        if self._assets.get(asset.id) == asset:
            return False
        self._assets[asset.id] = asset
        self._near.put(asset)
        self._network.put(asset)
        return True

    def remove(self, id_: str) -> bool:
        """Forget one asset; False where it was not there."""
        self._near.remove(id_)
        self._network.remove(id_)
        return self._assets.pop(id_, None) is not None

    def get(self, id_: str) -> Asset | None:
        return self._assets.get(id_)

    def __len__(self) -> int:
        return len(self._assets)

    def near(self, lon: float, lat: float, radius_m: float) -> list[tuple[Asset, float]]:
        """See `NearIndex.near`."""
        return self._near.near(lon, lat, radius_m)

    def downstream(self, id_: str) -> Walk:
        """See `Network.downstream`."""
        return self._network.downstream(id_)

    def upstream(self, id_: str) -> Walk:
        """See `Network.upstream`."""
        return self._network.upstream(id_)

    def linked(self, id_: str) -> bool:
        """True where the network knows this asset: something goes to it or comes from it."""
        return self._network.knows(id_)

    def impact(self, lon: float | None, lat: float | None, kind: str, asset_id: str = "") -> Impact:
        """What an alert of this kind at this place, on this asset, touches. Without a place: only downstream."""
        rule = rule_for(kind)
        near = self.near(lon, lat, rule.radius_m) if lon is not None and lat is not None and rule.radius_m > 0 else []
        walk = self._network.downstream(asset_id) if rule.follow and asset_id else None
        below = [(self._assets[r.id], r.metres) for r in walk.reached if r.id in self._assets] if walk else []
        own = self._assets.get(asset_id)
        facilities = {a.id: _facility(a, m, "downstream") for a, m in below if a.kind in FACILITIES}
        facilities.update({a.id: _facility(a, m, "near") for a, m in near if a.kind in FACILITIES})
        supplied = [a for a, _ in below] + ([own] if own is not None and rule.follow else [])
        units = sorted({a.unit_code for a in _all(own, near, below)})
        ordered = sorted(facilities.values(), key=lambda f: (-f.people, f.distance_m, f.id))
        return Impact(
            kind=kind,
            radius_m=rule.radius_m,
            follow=rule.follow,
            why={"zh": rule.why_zh, "en": rule.why_en},
            units=tuple(units[:LISTED]),
            units_total=len(units),
            facilities=tuple(ordered[:LISTED]),
            facilities_total=len(ordered),
            downstream=tuple(a.id for a, _ in below[:LISTED]),
            downstream_total=len(below),
            people=sum(f.people for f in ordered),
            customers=sum(a.customers for a in supplied),
            cut=walk.cut if walk else False,
        )


def rule_for(kind: str) -> Rule:
    """The rule of a kind of alert."""
    named, rest = _rules()
    return named.get(kind, rest)


@cache
def _rules() -> tuple[dict[str, Rule], Rule]:
    return read_rules(TABLE.read_text("utf-8"), str(TABLE))


def read_rules(text: str, source: str) -> tuple[dict[str, Rule], Rule]:
    """Rules by kind, and the rule for the rest, of a table in TOML.

    Raises:
        ValueError: the table cannot be used; the text names the rule and the fix.
    """
    try:
        rules = msgspec.convert(tomllib.loads(text).get("rule", []), list[Rule])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{source}: {error}") from None
    named: dict[str, Rule] = {}
    for n, rule in enumerate(rules, 1):
        if rule.follow not in FOLLOW or not 0 <= rule.radius_m <= 10_000:
            raise ValueError(f'{source}, rule {n}: want follow "" or "downstream", radius_m from 0 to 10000')
        if not (rule.why_zh and rule.why_en):
            raise ValueError(f"{source}, rule {n}: give why_zh and why_en")
        for kind in rule.kinds:
            if kind in named:
                raise ValueError(f"{source}, rule {n}: kind {kind} has a rule already")
            named[kind] = rule
    if not rules or rules[-1].kinds:
        raise ValueError(f"{source}: the last rule has no kinds: it is for all others")
    return named, rules[-1]


def _facility(asset: Asset, metres: float, way: str) -> Facility:
    return Facility(asset.id, asset.kind, asset.name_zh, asset.name_en, round(metres, 1), asset.people, way)


def _all(own: Asset | None, *found: list[tuple[Asset, float]]) -> Iterator[Asset]:
    if own is not None:
        yield own
    for pairs in found:
        yield from (asset for asset, _ in pairs)
