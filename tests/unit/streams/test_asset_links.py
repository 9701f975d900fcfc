"""What assets name of each other, and look-up by any code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from geo.assets import Asset, AssetError, Code, Pipe, Record, Sensor, Zone
from geo.codes import code_of
from geo.ids import ASSET_TYPES, parse_asset_id
from streams.assets.links import broken_links
from streams.registry import Registry


def asset(id_: str, *to: str, **fields: Any) -> Asset:
    parts = parse_asset_id(id_)
    links = tuple(Pipe(t) for t in to)
    return Asset(
        id=id_, domain=parts.domain, kind=ASSET_TYPES[parts.type].kind, unit_code="522601", downstream=links, **fields
    )


V1, V2, V3 = (f"522601-W-VLV-{n:06d}" for n in (1, 2, 3))
P1, P2, P3 = (f"522601-P-STN-{n:06d}" for n in (1, 2, 3))
SENSOR = Sensor(
    id="522601-W-PRS-000001", domain="water", kind="pressure", zone="522601-W-DMA01", unit_code="522601",
    codes=(Code("scada", "PT7"),),
)  # fmt: skip
ZONE = Zone(id="522601-W-DMA01", domain="water", county="522601", partition=0)


@pytest.mark.parametrize(
    ("known", "records", "told"),
    [
        ([], [asset(V1, V2), asset(V2, V1)], []),  # a ring main
        ([], [asset(V1, V2)], [(V1, "downstream", f"{V2} is neither registered")]),
        ([asset(V2)], [asset(V1, V2)], []),
        ([], [asset(V1, zone="522601-W-DMA01")], [(V1, "zone", "522601-W-DMA01 is not registered")]),
        ([ZONE], [asset(V1, zone="522601-W-DMA01")], []),
        ([], [asset(V1, parent=V2)], [(V1, "parent", f"{V2} is neither")]),
        ([asset(V2, parent=V1), asset(V1)], [asset(V1, parent=V2)], [(V1, "parent", f"{V1} > {V2} > {V1}")]),
        ([], [asset(P1, P2), asset(P2, P3), asset(P3, P2)], [(P3, "downstream", f"{P2} > {P3} > {P2}")]),
        ([asset(P2, P1), asset(P1)], [asset(P1, P2)], [(P2, "downstream", "a pipeline flows one way")]),
        ([], [asset(P1, P2, P3), asset(P2, P3), asset(P3)], []),  # two ways to one place are no circle
        ([SENSOR], [asset(V1, codes=(Code("scada", "PT7"),))], [(V1, "codes", f"is the code of {SENSOR.id}")]),
        ([SENSOR], [asset(V1, codes=(Code("other", "PT7"),))], []),
        ([], [asset(V1, codes=(Code("s", "1"),)), asset(V2, codes=(Code("s", "1"),))], [(V2, "codes", V1)]),
        ([asset(V1, codes=(Code("s", "1"),))], [asset(V1, codes=(Code("s", "1"),), people=5)], []),
        # a code that goes from one object to another in one step
        ([asset(V1, codes=(Code("s", "1"),))], [asset(V1), asset(V2, codes=(Code("s", "1"),))], []),
    ],
)
def test_links(known: Sequence[Record], records: Sequence[Record], told: list[tuple[str, str, str]]) -> None:
    found = list(broken_links(Registry(known), records))
    assert [(b.id, b.field) for b in found] == [(id_, field) for id_, field, _ in told]
    assert all(part in b.reason for b, (_, _, part) in zip(found, told, strict=True))


def test_find_by_any_code() -> None:
    registry = Registry([SENSOR, asset(V1, codes=(Code("scada", "V7"), Code("guizhou", "GZ-1")))])
    for text in (V1, code_of(V1), code_of(V1).lower().replace("-", " "), "V7", " GZ-1 ", "scada:V7"):
        found = registry.find(text)
        assert found is not None
        assert found.id == V1
    assert registry.find("PT7") == SENSOR
    assert registry.find("v8") is None
    assert registry.find(code_of(V2)) is None
    assert registry.find("gis:V7") is None
    with pytest.raises(AssetError, match="check character"):
        registry.find(V1 + "-0")


def test_a_value_of_two_systems_is_asked_for_with_its_system() -> None:
    registry = Registry([asset(V1, codes=(Code("a", "7"),)), asset(V2, codes=(Code("b", "7"),))])
    with pytest.raises(AssetError, match=f"of several objects: a:7 is {V1}, b:7 is {V2}"):
        registry.find("7")
    assert registry.find("b:7") is registry.assets[V2]


def test_codes_that_change_or_go_are_forgotten() -> None:
    registry = Registry([asset(V1, codes=(Code("a", "7"),))])
    registry.put(msgspec.structs.replace(registry.assets[V1], codes=(Code("a", "8"),)))
    assert registry.find("7") is None
    assert registry.find("8") is registry.assets[V1]
    registry.remove(V1)
    assert registry.find("8") is None
    assert (len(registry), registry.owner(Code("a", "8"))) == (0, None)
