"""Assets and sensors as GeoJSON features: what is exported can be imported again. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from geo.assets import Asset, Sensor
from geo.codes import code_of

MEDIA_TYPE = "application/geo+json"


def public(record: Asset | Sensor) -> dict[str, Any]:
    """The record as JSON values, with its unified code."""
    out = {**msgspec.to_builtins(record), "code": code_of(record.id)}
    if isinstance(record, Sensor):
        out["asset"] = record.asset or record.id
    return out


def feature(record: Asset | Sensor) -> dict[str, Any]:
    """A GeoJSON feature: a line where there is one, else the place, else no geometry."""
    return {"type": "Feature", "id": record.id, "geometry": _geometry(record), "properties": public(record)}


def exported(asset: Asset) -> dict[str, Any]:
    """The feature as `cityops assets export` writes it: properties are the columns of the import."""
    values = public(asset)
    for name in ("lon", "lat", "line"):
        values.pop(name)
    return {**feature(asset), "properties": {**values, "type": asset.id.split("-")[2]}}


def _geometry(record: Asset | Sensor) -> dict[str, Any] | None:
    if isinstance(record, Asset) and record.line:
        return {"type": "LineString", "coordinates": [list(point) for point in record.line]}
    if record.lon is None or record.lat is None:
        return None
    return {"type": "Point", "coordinates": [record.lon, record.lat]}
