"""Where is it, whose is it, what is near: units of all levels, fences and assets of a place, in one answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from geo.assets import Asset
from geo.divisions import LEVELS, Divisions
from geo.fences import Fence
from geo.impact import Surroundings
from geo.places import Places
from streams import fence_shapes

RADIUS_M = 500.0  # assets this near are told
MOST = 20  # assets, the nearest


class Whereabouts:
    """Places with the fences and assets there are now; made once, asked often."""

    def __init__(self, places: Places, fences: Iterable[Fence] = (), assets: Iterable[Asset] = ()) -> None:
        self.places = places
        self.book = fence_shapes.Outlines(fences)
        self.surroundings = Surroundings(assets)

    def answer(
        self, lon: float, lat: float, kind: str = "", severity: str = "III", hard: bool = False,
        now_ms: int | None = None, radius_m: float = RADIUS_M, seen: Callable[[str], bool] = lambda unit: True,
    ) -> dict[str, Any]:  # fmt: skip
        """`unit` (the deepest, None outside) with a member a level, `fences` that hold the place with what they would
        do to an alert of `kind` ("": only which), and the `assets` within `radius_m`, the nearest first, of units that
        may be `seen`."""
        now = int(time.time() * 1000) if now_ms is None else now_ms
        found = self.places.where(lon, lat)
        levels: dict[str, Any] = dict.fromkeys(LEVELS)
        if found.unit is not None:
            table = Divisions.load()
            for level, code in table.path(found.unit).items():
                levels[level] = _unit(table, code, found.is_approximate(level)) if code else None
        near = [(a, metres) for a, metres in self.surroundings.near(lon, lat, radius_m) if seen(a.unit_code)]
        return {
            "unit": found.unit,
            "approximate": found.approximate,
            **levels,
            **fence_shapes.verdict(self.book, lon, lat, kind, severity, hard, now),
            "assets": [_asset(asset, metres) for asset, metres in near[:MOST]],
            "assets_total": len(near),
            "radius_m": radius_m,
        }


def _unit(table: Divisions, code: str, approximate: bool) -> dict[str, Any]:
    unit = table.get(code)
    return {
        "code": unit.code, "name": unit.name, "short": unit.short, "name_en": unit.name_en, "level": unit.level,
        "approximate": approximate,
    }  # fmt: skip


def _asset(asset: Asset, metres: float) -> dict[str, Any]:
    return {
        "id": asset.id, "kind": asset.kind, "domain": asset.domain, "distance_m": round(metres, 1),
        "people": asset.people, "name": {"zh": asset.name_zh, "en": asset.name_en}, "owner_org": asset.owner_org,
    }  # fmt: skip
