"""Whose an asset or sensor is."""

from __future__ import annotations

from geo.assets import Asset, Sensor


def owners(record: Asset | Sensor) -> tuple[str, ...]:
    """Its organisations: owner 权属单位, operator, supervising department 主管部门; those that are known."""
    named = (record.owner_org, record.operator_org, record.regulator)
    return tuple(dict.fromkeys(org for org in named if org))
