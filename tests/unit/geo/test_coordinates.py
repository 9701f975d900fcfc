"""Shifted Chinese coordinates against published pairs, CGCS2000 zones against EPSG's own transformation."""

from __future__ import annotations

import numpy as np
import pytest

from geo import china_shift, metric, projections

PLACES = np.random.default_rng(0).uniform([107.0, 25.0], [110.0, 28.0], (500, 2))


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),  # lon, lat: test values of EvilTransform (Shanghai, Shenzhen, Beijing) and of coordtransform
    [
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
        ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
    ],
)
def test_known_pairs_of_gcj02(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert china_shift.wgs84_to_gcj02(np.array([wgs84]))[0] == pytest.approx(gcj02, abs=1e-9)
    assert china_shift.gcj02_to_wgs84(np.array([gcj02]))[0] == pytest.approx(wgs84, abs=1e-9)


def test_known_pair_of_bd09() -> None:
    found = china_shift.gcj02_to_bd09(np.array([[116.404, 39.915]]))[0]  # test value of coordtransform
    assert found == pytest.approx((116.41036949371029, 39.92133699351021), abs=1e-9)


@pytest.mark.parametrize("name", ["gcj02", "bd09"])
def test_the_way_back_is_better_than_a_decimetre(name: str) -> None:
    forward = {"gcj02": china_shift.wgs84_to_gcj02, "bd09": china_shift.wgs84_to_bd09}[name]
    shifted = forward(PLACES)
    back = projections.to_wgs84(shifted, projections.named(name))
    assert np.hypot(*((back - PLACES) * metric.scale(26.5)).T).max() < 0.1
    moved = np.hypot(*((shifted - PLACES) * metric.scale(26.5)).T)
    assert moved.min() > (300 if name == "gcj02" else 900)


@pytest.mark.parametrize("epsg", ["EPSG:4513", "EPSG:4524", "EPSG:4533", "EPSG:4534", "EPSG:4545", "EPSG:4554"])
def test_zones_with_and_without_their_number(epsg: str) -> None:
    meridian, numbered = projections.zone(epsg) or (0, False)
    east = 500_000.0 + (meridian // 3 * 1e6 if numbered else 0.0)
    lon, lat = projections.to_wgs84(np.array([[east, 2_941_000.0]]), epsg)[0]
    assert lon == pytest.approx(meridian, abs=1e-9)
    assert lat == pytest.approx(26.58, abs=0.01)


def test_geographic_systems_and_web_mercator() -> None:
    place = np.array([[107.98, 26.58]])
    assert projections.to_wgs84(place, projections.named("cgcs2000")).tolist() == place.tolist()
    mercator = np.array([[12_020_278.6, 3_071_254.0]])
    assert projections.to_wgs84(mercator, "EPSG:3857")[0] == pytest.approx((107.98, 26.58), abs=0.01)


@pytest.mark.parametrize("name", ["EPSG:2436", "4512", "EPSG:4555", "xian80", "", "EPSG:"])
def test_other_systems_are_not_taken(name: str) -> None:
    with pytest.raises(projections.CrsError, match=r"is not taken; want gcj02, bd09, EPSG:4326"):
        projections.named(name)


@pytest.mark.parametrize(
    ("x", "y", "hint"),
    [
        (36_498_000.0, 2_940_000.0, "zone 36 with the zone number: --crs EPSG:4524"),
        (2_940_000.0, 36_498_000.0, "northing first: swap the columns and --crs EPSG:4524"),
        (498_000.0, 2_940_000.0, "without a zone number: for the meridian 108° E --crs EPSG:4545"),
        (12_020_000.0, 3_071_000.0, "Web Mercator: --crs EPSG:3857"),
        (107.98, 26.58, ""),
        (1e12, 1e12, ""),
    ],
)
def test_what_numbers_look_like(x: float, y: float, hint: str) -> None:
    assert projections.likely(np.array([[x, y]])).endswith(hint)
