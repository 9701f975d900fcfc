"""How long it takes to say where a point is, what holds it and what is near: the demo's assets, 2,000 fences."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from geo.assets import Asset
from geo.demo import demo_registry
from geo.fences import Fence
from geo.places import Places
from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError
from streams.where import Whereabouts

ASKED = 300
POINT = (107.98, 26.58)


def run(quick: bool, say: Say, fences: Sequence[Fence]) -> Iterator[Figure]:
    """Yield `geo.where_ms`: the median of answers about points near assets. Raises CityopsError for an empty answer."""
    say("geo: where is it, whose is it, what is near…")
    assets = [r for r in demo_registry(size="full") if isinstance(r, Asset)]
    whereabouts = Whereabouts(Places.load(), fences, assets)
    if whereabouts.answer(*POINT)["village"] is None:
        raise CityopsError(f"geo.where_ms: no village is told of {POINT}")
    rng = np.random.default_rng(7)
    placed = [a for a in assets if a.lon is not None and a.lat is not None]
    took, near = [], 0
    for k in rng.integers(0, len(placed), 30 if quick else ASKED).tolist():
        lon, lat = float(placed[k].lon or 0.0), float(placed[k].lat or 0.0)
        begin = time.perf_counter()
        answer = whereabouts.answer(lon, lat, kind="gas_concentration")
        took.append((time.perf_counter() - begin) * 1000)
        near += answer["assets_total"]
    if not near:
        raise CityopsError("geo.where_ms: no assets are told of places that have some")
    detail = {"assets": len(assets), "fences": len(fences), "p99_ms": round(float(np.quantile(took, 0.99)), 2)}
    yield Figure("geo.where_ms", float(np.median(took)), "ms", "<= 50", len(took), detail)
