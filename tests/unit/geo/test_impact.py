"""Near, downstream, and whom an alert touches."""

from __future__ import annotations

import math
import time
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors import equipment
from detectors.kinds import DOMAIN_KINDS
from geo import metric
from geo.assets import Asset, Pipe
from geo.ids import ASSET_TYPES, parse_asset_id
from geo.impact import LISTED, Surroundings, read_rules, rule_for
from geo.near import NearIndex
from geo.network import Network, Reach

PLACE = (107.98, 26.58)


def asset(id_: str, lon: float | None = None, lat: float | None = None, *to: Pipe, **fields: Any) -> Asset:
    parts = parse_asset_id(id_)
    kind = ASSET_TYPES[parts.type].kind
    base = {"unit_code": "522601", **fields}
    return Asset(id=id_, domain=parts.domain, kind=kind, lon=lon, lat=lat, downstream=to, **base)


def well(n: int, *to: tuple[int, float], **fields: Any) -> Asset:
    return asset(f"522601-W-WEL-{n:06d}", *PLACE, *(Pipe(f"522601-W-WEL-{t:06d}", m) for t, m in to), **fields)


def name(n: int) -> str:
    return f"522601-W-WEL-{n:06d}"


def school(n: int, east_m: float, north_m: float, **fields: Any) -> Asset:
    return asset(f"522601-U-SCH-{n:06d}", *metric.shift(*PLACE, east_m, north_m), **fields)


def test_near_is_what_a_plain_search_finds() -> None:
    rng = np.random.default_rng(5)
    points = [school(k, *rng.uniform(-3_000, 3_000, 2)) for k in range(600)]
    lines = []
    for k in range(60):
        start = metric.shift(*PLACE, *rng.uniform(-3_000, 3_000, 2))
        line = (
            start,
            metric.shift(*start, *rng.uniform(-900, 900, 2)),
            metric.shift(*start, *rng.uniform(-900, 900, 2)),
        )
        lines.append(asset(f"522601-W-PIP-{k:06d}", *start, line=line))
    index = NearIndex([*points, *lines])
    for _ in range(25):
        at = metric.shift(*PLACE, *rng.uniform(-3_000, 3_000, 2))
        radius = rng.uniform(10, 1_500)
        found = index.near(*at, radius)
        plain = [a for a in (*points, *lines) if _metres(a, *at) <= radius]
        assert {a.id for a, _ in found} == {a.id for a in plain}
        assert [m for _, m in found] == sorted(m for _, m in found)
        for a, m in found:
            assert m == pytest.approx(_metres(a, *at), abs=2.0)


def _metres(a: Asset, lon: float, lat: float) -> float:
    """Distance by the shortest of many points: the plain twin of the segment's formula."""
    if not a.line:
        assert a.lon is not None
        assert a.lat is not None
        return float(np.hypot(*metric.to_metres(np.array([[a.lon, a.lat]]), lon, lat)[0]))
    xy = metric.to_metres(np.array(a.line), lon, lat)
    t = np.linspace(0, 1, 401)[:, None]
    return min(float(np.hypot(*(p + t * (q - p)).T).min()) for p, q in pairwise(xy))


def test_put_moves_replaces_and_removes() -> None:
    index = NearIndex()
    assert index.put(school(1, 0, 0))
    assert not index.put(school(1, 0, 0))
    assert index.put(school(1, 5_000, 0))
    assert index.near(*PLACE, 100) == []
    assert len(index.near(*metric.shift(*PLACE, 5_000, 0), 1)) == 1
    assert index.put(school(1, 0, 0, retired=True))
    assert len(index) == 0
    assert not index.put(asset("522601-U-VEH-000001"))  # no place of its own
    assert not index.remove("522601-U-SCH-000009")


def test_walks_go_by_metres_through_rings_and_end_at_the_limit() -> None:
    ring = [well(1, (2, 10.0), (3, 50.0)), well(2, (3, 10.0)), well(3, (1, 5.0), (4, 0.0)), well(4)]
    net = Network(ring)
    assert net.downstream(name(1)).reached == [Reach(name(2), 10.0), Reach(name(3), 20.0), Reach(name(4), 20.0)]
    assert net.upstream(name(4)).reached == [Reach(name(3), 0.0), Reach(name(2), 10.0), Reach(name(1), 20.0)]
    assert net.downstream(name(1), max_m=15.0).reached == [Reach(name(2), 10.0)]
    assert net.downstream(name(1), limit=2) == ([Reach(name(2), 10.0), Reach(name(3), 20.0)], True)
    assert net.downstream("nothing") == ([], False)
    net.put(well(1))
    assert net.downstream(name(1)).reached == []
    assert net.upstream(name(2)).reached == []
    net.remove(name(3))
    assert net.upstream(name(4)).reached == []


def test_impact_counts_facilities_near_and_what_hangs_on_the_asset() -> None:
    around = Surroundings(
        [
            well(1, (2, 100.0), customers=3),
            well(2, customers=40, unit_code="522601002"),
            asset("522601-W-VLV-000001", *PLACE, Pipe("522601-U-HOS-000001", 30.0)),
            msgspec.structs.replace(well(3, customers=1_000), retired=True),
            school(1, 40, 0, people=800, unit_code="522601001"),
            school(2, 300, 0, people=900),
            asset("522601-U-HOS-000001", *metric.shift(*PLACE, 900, 0), people=200),
        ]
    )
    burst = around.impact(*PLACE, "burst_suspected", name(1))
    assert [(f.id, f.distance_m, f.way) for f in burst.facilities] == [("522601-U-SCH-000001", 40.0, "near")]
    assert (burst.people, burst.customers, burst.downstream, burst.cut) == (800, 43, (name(2),), False)
    assert burst.units == ("522601", "522601001", "522601002")
    assert around.impact(*PLACE, "congestion").people == 1_700
    quality = around.impact(*PLACE, "chlorine_low", "522601-W-VLV-000001")
    assert [(f.id, f.way) for f in quality.facilities] == [("522601-U-HOS-000001", "downstream")]
    fault = around.impact(*PLACE, "dropout", name(1))
    assert (fault.people, fault.customers, fault.downstream_total) == (0, 0, 0)
    assert around.impact(None, None, "gas_spread").facilities == ()
    assert around.impact(*PLACE, "new_kind").why["en"].startswith("a kind that is not listed")
    assert around.remove("522601-U-SCH-000001")
    assert not around.remove("522601-U-SCH-000001")
    assert around.impact(*PLACE, "burst_suspected", name(1)).people == 0


def test_an_impact_is_small_and_json_whatever_the_city() -> None:
    long = {"name_zh": "学" * 50, "name_en": "school " * 10}
    around = Surroundings(
        [*(school(k, k % 90, 0, people=k, **long) for k in range(500)), *(well(k, (k + 1, 1.0)) for k in range(700))]
    )
    found = around.impact(*PLACE, "burst_suspected", name(0))
    assert (len(found.facilities), found.facilities_total, found.cut) == (LISTED, 500, True)
    assert found.facilities[0].people == 499
    assert found.people == sum(range(500))
    assert len(msgspec.json.encode(found)) < 10_000


def test_every_kind_of_alert_has_a_rule_of_its_own() -> None:
    rest = rule_for("")
    kinds = [kind.kind for kinds in (*DOMAIN_KINDS.values(), equipment.KINDS) for kind in kinds]
    assert [kind for kind in kinds if rule_for(kind) is rest] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rule = 3", "Expected `array`"),
        ('[[rule]]\nkinds=["a"]', "missing required field"),
        ('[[rule]]\nkinds=["a"]\nradius_m=1\nfollow=""\nwhy_zh="a"\nwhy_en="a"', "the last rule has no kinds"),
        ('[[rule]]\nkinds=[]\nradius_m=-1\nfollow=""\nwhy_zh="a"\nwhy_en="a"', "rule 1: want follow"),
        ('[[rule]]\nkinds=["a","a"]\nradius_m=1\nfollow=""\nwhy_zh="a"\nwhy_en="a"', "has a rule already"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_rules(text, "x.toml")


def test_near_is_quick_among_5000() -> None:
    """The bound is wide; `docs/geo.md` has the figure measured."""
    rng = np.random.default_rng(1)
    index = NearIndex(school(k, *rng.uniform(-20_000, 20_000, 2)) for k in range(5_000))
    places = [metric.shift(*PLACE, *rng.uniform(-20_000, 20_000, 2)) for _ in range(300)]
    best = math.inf
    for _ in range(3):
        begin = time.perf_counter()
        for place in places:
            index.near(*place, 500.0)
        best = min(best, (time.perf_counter() - begin) / len(places))
    assert best < 0.001
