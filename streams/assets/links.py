"""What assets name of each other and of the rest of the registry: it must be there, once, and not go in circles. Pure.

A chain of `parent`s never ends at its beginning. Along `downstream` a ring is normal in water and gas (ring mains) and
on roads, but not on a long-distance pipeline, which flows one way.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from geo.assets import Asset, Code, Record, Sensor, Zone

if TYPE_CHECKING:
    from streams.registry_table import Registry

ONE_WAY = ("pipeline",)


class Broken(NamedTuple):
    """A record that may not be written: its id, the field and what to mend."""

    id: str
    field: str
    reason: str


def broken_links(known: Registry, records: Iterable[Record]) -> Iterator[Broken]:
    """Everything in `records` that does not fit the registry with these records in it."""
    listed = list(records)
    new = {r.id: r for r in listed if isinstance(r, Asset)}
    assets: Mapping[str, Asset] = ChainMap(new, known.assets)
    zones = {*known.zones, *(r.id for r in listed if isinstance(r, Zone))}
    yield from _codes(known, listed)
    for asset in new.values():
        if asset.zone and asset.zone not in zones:
            yield Broken(asset.id, "zone", f"{asset.zone} is not registered: a zone comes with its first sensor")
        if asset.parent and asset.parent not in assets:
            yield Broken(asset.id, "parent", f"{asset.parent} is neither registered nor among these records")
        for link in asset.downstream:
            if link.to not in assets:
                yield Broken(asset.id, "downstream", f"{link.to} is neither registered nor among these records")
        if loop := _parents(asset, assets):
            yield Broken(asset.id, "parent", f"goes in a circle: {' > '.join(loop)}; an asset is no part of itself")
    yield from _rings(new, assets)


def _codes(known: Registry, listed: list[Record]) -> Iterator[Broken]:
    """A code of another system that two objects would have."""
    replaced = {r.id for r in listed}
    seen: dict[Code, str] = {}
    for record in listed:
        if not isinstance(record, Sensor | Asset):
            continue
        for code in record.codes:
            owner = known.owner(code)
            first = seen.setdefault(code, record.id)
            if first == record.id and owner is not None and owner not in replaced:
                first = owner
            if first != record.id:
                yield Broken(
                    record.id, "codes", f"{code.system}={code.value} is the code of {first}; one code names one object"
                )


def _parents(asset: Asset, assets: Mapping[str, Asset]) -> list[str]:
    """The circle of parents that begins at this asset, [] where there is none."""
    chain = [asset.id]
    at = asset
    while at.parent and at.parent in assets:
        chain.append(at.parent)
        if at.parent == asset.id:
            return chain
        if at.parent in chain[:-1]:
            return []  # a circle further up: told there
        at = assets[at.parent]
    return []


def _rings(new: Mapping[str, Asset], assets: Mapping[str, Asset]) -> Iterator[Broken]:
    """One way only: the first circle among the new assets of each one-way domain, found by depth-first search."""
    done: set[str] = set()
    for start in new.values():
        if start.domain not in ONE_WAY or start.id in done:
            continue
        path: dict[str, Iterator[str]] = {start.id: _next(start, assets)}
        while path:
            at = next(reversed(path))
            to = next(path[at], None)
            if to is None:
                path.pop(at)
                done.add(at)
            elif to in path:
                circle = [*list(path)[list(path).index(to) :], to]
                yield Broken(at, "downstream", f"goes in a circle: {_few(circle)}; a {start.domain} flows one way")
                return
            elif to not in done:
                path[to] = _next(assets[to], assets)


def _next(asset: Asset, assets: Mapping[str, Asset]) -> Iterator[str]:
    return iter([link.to for link in asset.downstream if link.to in assets and assets[link.to].domain == asset.domain])


def _few(circle: list[str]) -> str:
    return " > ".join(circle if len(circle) <= 6 else [*circle[:3], "…", *circle[-2:]])
