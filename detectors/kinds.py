"""Every kind of trouble that a detection can be of, with its texts. Nothing here is compiled: the API has it too."""

from __future__ import annotations

from collections.abc import Mapping

from detectors import equipment, gas, movement, pipeline, traffic, water
from detectors.texts import Kind

DOMAIN_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "water": water.KINDS,
    "gas": gas.KINDS,
    "pipeline": pipeline.KINDS,
    "traffic": traffic.KINDS,
}
KINDS: Mapping[str, Kind] = {
    k.kind: k for kinds in (*DOMAIN_KINDS.values(), equipment.KINDS, movement.KINDS) for k in kinds
}
