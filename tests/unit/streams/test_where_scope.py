"""Assets near a place are told to those who may see them."""

from __future__ import annotations

from geo.assets import Asset
from geo.places import Places
from streams.where import Whereabouts


def test_assets_of_other_units_are_not_told() -> None:
    own, other = (
        Asset(id=f"{county}-W-VLV-000001", domain="water", kind="valve", unit_code=county, lon=107.98, lat=26.58)
        for county in ("522601", "522622")
    )
    here = Whereabouts(Places.load(), assets=[own, other])
    assert here.answer(107.98, 26.58)["assets_total"] == 2
    seen = here.answer(107.98, 26.58, seen=lambda unit: unit.startswith("522601"))
    assert ([a["id"] for a in seen["assets"]], seen["assets_total"]) == ([own.id], 1)
