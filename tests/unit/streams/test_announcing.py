"""What the packer tells fits into messages that a broker takes."""

from __future__ import annotations

from geo.assets import Asset
from geo.fences import Area, Fence
from streams import codec, config
from streams.columns import EMPTY
from streams.intake.announcing import Announcer
from streams.registry_table import Registry

TAKEN = 1_000_000  # by a broker that nobody told otherwise


def test_fences_and_pipes_of_many_points_are_told_in_parts() -> None:
    registry = Registry()
    line = tuple((107.9 + n / 1e5 + 1 / 3e6, 26.5 + n / 1e5 + 1 / 3e6) for n in range(2_000))
    for k in range(40):
        registry.put(
            Asset(id=f"522601-W-PIP-{k:06d}", domain="water", kind="pipe", unit_code="522601", lon=107.9, lat=26.5,
                  line=line)
        )  # fmt: skip
        registry.fences[f"F{k}"] = Fence(id=f"F{k}", name_zh="围栏", kind="custom", shape=Area(((line * 2,),)))
    announcer = Announcer(registry, common=True)
    fences = [codec.pack(EMPTY, "x", 0, part, None, 0) for part in announcer.common()]
    assets = announcer.assets()
    assert all(len(value) < TAKEN for value in fences)
    assert all(len(config.encode(config.Config(assets=part))) < TAKEN for part in assets)
    assert [a for part in assets for a in part] == list(registry.assets.values())
    told = [r["id"] for value in fences for r in codec.unpack(value, trusted=True).cfg]
    assert told == list(registry.fences)
