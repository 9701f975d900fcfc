"""Units, fences and assets of places, made anew only when the registry has changed."""

from __future__ import annotations

from typing import Any

from api.context import Context
from geo.places import Places
from streams.where import Whereabouts


def whereabouts(ctx: Context) -> Whereabouts:
    """May take a second the first time: ask in a thread."""
    table = ctx.registry.table
    kept: tuple[int, Whereabouts] | Any = ctx.cache.get("where")
    if kept is None or kept[0] != table.changes:
        made = Whereabouts(Places.load(ctx.settings.cache), list(table.fences.values()), list(table.assets.values()))
        ctx.cache["where"] = kept = (table.changes, made)
    found: Whereabouts = kept[1]
    return found
