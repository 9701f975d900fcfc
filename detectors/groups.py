"""Which detectors watch several sensors of a zone together: one explicit table, by domain."""

from __future__ import annotations

from collections.abc import Mapping

from detectors import gas_groups, pipeline_groups, traffic_groups, water_groups
from detectors.group import GroupFactory

GROUPS: Mapping[str, GroupFactory] = {
    "water": water_groups.groups,
    "gas": gas_groups.groups,
    "pipeline": pipeline_groups.groups,
    "traffic": traffic_groups.groups,
}
