"""Fences as people and other programs write them: the JSON of the API and of files, and GeoJSON features.

Times are RFC 3339 here and epoch ms inside; weekly hours are Beijing time. In GeoJSON the shape is the geometry: a
polygon, a point with `radius_m`, a line with `width_m`, or none with `unit`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from msgspec import Struct, field

from geo.fences import Area, Circle, Corridor, Effect, Fence, FenceError, Once, Shape, UnitArea, Weekly
from geo.moments import rfc3339_or_none


class _Name(Struct, forbid_unknown_fields=True):
    zh: str
    en: str = ""


class _Time(Struct, forbid_unknown_fields=True):
    """Weekly with `days`, one time with `from` and `until`."""

    days: tuple[int, ...] | None = None
    start: str = "00:00"
    end: str = "24:00"
    from_: dt.datetime | None = field(default=None, name="from")
    until: dt.datetime | None = None


class _Written(Struct, forbid_unknown_fields=True, kw_only=True):
    id: str
    name: _Name
    kind: str
    shape: Shape
    active: tuple[_Time, ...] = ()
    from_: dt.datetime | None = field(default=None, name="from")
    until: dt.datetime | None = None
    effect: Effect = Effect()
    people: int = 0
    moving: bool = False
    dwell_s: float = 0.0
    note: str = ""
    version: int = 0  # that the writer saw; 0: none
    by: str = ""  # these four are told, and ignored when written
    at: str | None = None
    removed: bool = False
    demo: bool = False


def public(fence: Fence) -> dict[str, Any]:
    """A fence as the API shows it; `parse` reads it again."""
    return {
        "id": fence.id,
        "name": {"zh": fence.name_zh, "en": fence.name_en},
        "kind": fence.kind,
        "shape": msgspec.to_builtins(fence.shape),
        "active": [_public_time(t) for t in fence.active],
        "from": rfc3339_or_none(fence.from_ms),
        "until": rfc3339_or_none(fence.until_ms),
        "effect": msgspec.to_builtins(fence.effect),
        "people": fence.people,
        "moving": fence.moving,
        "dwell_s": fence.dwell_s,
        "note": fence.note,
        "version": fence.version,
        "by": fence.by,
        "at": rfc3339_or_none(fence.at_ms or None),
        "removed": fence.removed,
        "demo": fence.demo,
    }


def parse(plain: Any) -> Fence:
    """The fence of the plain values of `public`'s JSON; its `version` is the one that the writer saw.

    Raises:
        FenceError: a field is missing, unknown, of the wrong type, or a time without its zone.
    """
    who = str(plain.get("id", "?"))[:80] if isinstance(plain, dict) else "?"
    try:
        w = msgspec.convert(plain, _Written)
    except msgspec.ValidationError as error:
        raise FenceError(f"fence {who}: {_place(str(error))}") from None
    return Fence(
        id=w.id, name_zh=w.name.zh, name_en=w.name.en, kind=w.kind, shape=w.shape,
        active=tuple(_time(who, k, t) for k, t in enumerate(w.active)),
        from_ms=_ms(who, "from", w.from_), until_ms=_ms(who, "until", w.until), effect=w.effect, people=w.people,
        moving=w.moving, dwell_s=w.dwell_s, note=w.note, version=w.version, demo=w.demo,
    )  # fmt: skip


def feature(fence: Fence, polygons: list[list[list[tuple[float, float]]]]) -> dict[str, Any]:
    """A GeoJSON feature that maps can draw: the shape as polygons, everything else as properties."""
    return {
        "type": "Feature",
        "id": fence.id,
        "geometry": {"type": "MultiPolygon", "coordinates": polygons},
        "properties": public(fence),
    }


def from_feature(plain: Any) -> Fence:
    """The fence of a GeoJSON feature: one of ours, or a drawn one with the fields of a fence as properties.

    Raises:
        FenceError: no feature, or no shape can be made of geometry and properties.
    """
    if not isinstance(plain, dict) or plain.get("type") != "Feature" or not isinstance(plain.get("properties"), dict):
        raise FenceError("want a GeoJSON feature with properties")
    fields = dict(plain["properties"])
    fields.setdefault("id", plain.get("id"))
    for lang in ("zh", "en"):
        if f"name_{lang}" in fields:
            known = fields.get("name")  # a text of a drawing program's own gives way
            fields["name"] = {**(known if isinstance(known, dict) else {}), lang: fields.pop(f"name_{lang}")}
    if "shape" not in fields:
        fields["shape"] = _shape(str(fields["id"]), plain.get("geometry"), fields)
    return parse(fields)


def _shape(who: str, geometry: Any, fields: dict[str, Any]) -> dict[str, Any]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    at = _flat(geometry.get("coordinates")) if kind else None
    if kind is None and "unit" in fields:
        return {"type": "unit", "unit": fields.pop("unit")}
    if kind in ("Polygon", "MultiPolygon"):
        return {"type": "area", "coordinates": [at] if kind == "Polygon" else at}
    if kind == "Point" and "radius_m" in fields and isinstance(at, list) and len(at) >= 2:
        return {"type": "circle", "lon": at[0], "lat": at[1], "radius_m": fields.pop("radius_m")}
    if kind == "LineString" and "width_m" in fields:
        return {"type": "corridor", "line": at, "width_m": fields.pop("width_m")}
    need = {"Point": "property radius_m (metres)", "LineString": "property width_m (metres)"}.get(
        str(kind), "a polygon, a point with radius_m, a line with width_m, or no geometry and the property unit"
    )
    raise FenceError(f"fence {who}: geometry {kind}: want {need}")


def _flat(at: Any) -> Any:
    """Coordinates without the heights that GIS programs add."""
    if not isinstance(at, list):
        return at
    if len(at) == 3 and all(isinstance(v, int | float) for v in at):
        return at[:2]
    return [_flat(item) for item in at]


def _time(who: str, k: int, t: _Time) -> Weekly | Once:
    where = f"active[{k}]"
    if t.days is not None and t.from_ is None and t.until is None:
        return Weekly(t.days, t.start, t.end)
    start, end = _ms(who, f"{where}.from", t.from_), _ms(who, f"{where}.until", t.until)
    if t.days is not None or start is None or end is None:
        raise FenceError(f"fence {who}: {where}: want either days with start and end, or from and until")
    return Once(start, end)


def _ms(who: str, where: str, when: dt.datetime | None) -> int | None:
    if when is None:
        return None
    if when.tzinfo is None:
        raise FenceError(f"fence {who}: {where}: a time needs its zone, e.g. 2026-12-01T08:00:00+08:00")
    return round(when.timestamp() * 1000)


def _public_time(t: Weekly | Once) -> dict[str, Any]:
    if isinstance(t, Weekly):
        return {"days": list(t.days), "start": t.start, "end": t.end}
    return {"from": rfc3339_or_none(t.start_ms), "until": rfc3339_or_none(t.end_ms)}


def _place(message: str) -> str:
    """`Expected `int`, got `str` - at `$.people`` -> `people: expected int, got str`."""
    what, _, where = message.partition(" - at ")
    path = where.strip("`").removeprefix("$").lstrip(".")
    what = what.replace("`", "")
    return f"{path}: {what[:1].lower()}{what[1:]}" if path else f"{what[:1].lower()}{what[1:]}"


__all__ = ["Area", "Circle", "Corridor", "UnitArea", "feature", "from_feature", "parse", "public"]
