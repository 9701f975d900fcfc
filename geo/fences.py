"""Geofences: what a fence is, its JSON, and what travels with a detection that lies in it.

A fence is an area with a kind, times at which it is active, and an effect. Shapes become polygons in
`geo.fence_shapes`, which fences hold a point is answered by `geo.fence_book`, what they do to an alert by
`geo.effects`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

KINDS = ("works", "school", "hospital", "market", "hazard_zone", "water_source", "flood_plain", "custom")


class FenceError(ValueError):
    """A fence that cannot be used; the text names the fence, the field and the fix."""


class Area(Struct, frozen=True, tag_field="type", tag="area"):
    """Polygons as GeoJSON's MultiPolygon has them: polygons, rings (outer first), points lon, lat in degrees WGS-84."""

    coordinates: tuple[tuple[tuple[tuple[float, float], ...], ...], ...]


class Circle(Struct, frozen=True, tag_field="type", tag="circle"):
    """All points within `radius_m` metres of a point."""

    lon: float
    lat: float
    radius_m: float


class Corridor(Struct, frozen=True, tag_field="type", tag="corridor"):
    """All points within half of `width_m` metres of a line of points lon, lat."""

    line: tuple[tuple[float, float], ...]
    width_m: float


class UnitArea(Struct, frozen=True, tag_field="type", tag="unit"):
    """The area of an administrative unit."""

    unit: str


Shape = Area | Circle | Corridor | UnitArea


class Weekly(Struct, frozen=True, tag_field="type", tag="weekly"):
    """Each week on `days` (1 Monday … 7 Sunday), from `start` to `end` ("HH:MM" Beijing time).

    An end that is not later than the start is on the day after.
    """

    days: tuple[int, ...]
    start: str = "00:00"
    end: str = "24:00"


class Once(Struct, frozen=True, tag_field="type", tag="once"):
    """One time: epoch ms, the start included, the end not."""

    start_ms: int
    end_ms: int


class Tell(Struct, frozen=True):
    """Who is told besides: a unit's or an organisation's holders of a role."""

    role: str
    unit: str = ""
    org: str = ""


class Effect(Struct, frozen=True, kw_only=True):
    """What a fence does to alerts of places inside it while it is active.

    `severity`: steps towards I (2: from IV to II), below 0 towards IV. `suppress`: kinds of alert that are not told
    while it is active, "*" all. `params`: detector parameters by profile key ("gas.methane" -> {"limits.high_1": 5.0}).
    """

    severity: int = 0
    suppress: tuple[str, ...] = ()
    params: dict[str, dict[str, float]] = {}
    tell: tuple[Tell, ...] = ()


class Fence(Struct, frozen=True, kw_only=True, tag_field="type", tag="fence"):
    """One geofence. Without `active` it is always active between `from_ms` and `until_ms` (None: open)."""

    id: str
    name_zh: str
    name_en: str = ""
    kind: str
    shape: Shape
    active: tuple[Weekly | Once, ...] = ()
    from_ms: int | None = None
    until_ms: int | None = None
    effect: Effect = Effect()
    people: int = 0  # who are usually inside, for severity and impact
    moving: bool = False  # moving assets are watched: enter, exit, dwell, crossing
    dwell_s: float = 0.0  # a moving asset inside longer than this is told; 0: never
    note: str = ""
    removed: bool = False  # agents hear of the end as of any other change
    demo: bool = False
    version: int = 1
    by: str = ""  # who made this version
    at_ms: int = 0


class Mark(Struct, frozen=True, kw_only=True):
    """An active fence at the place of a detection, and what it does to that kind of alert."""

    fence: str
    kind: str
    name_zh: str
    name_en: str = ""
    severity: int = 0
    suppress: bool = False
    until_ms: int | None = None  # when this stops by itself
    people: int = 0
    tell: tuple[Tell, ...] = ()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Fence)


def encode(fence: Fence) -> bytes:
    """JSON of one fence, with `"type": "fence"`."""
    return _encoder.encode(fence)


def decode(value: bytes | str) -> Fence:
    """The fence of one JSON value.

    Raises:
        FenceError: not JSON, a field is missing or has the wrong type.
    """
    try:
        return _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FenceError(f"fence is not usable: {error}") from None


def from_plain(value: Any) -> Fence:
    """The fence of plain values, as `msgspec.to_builtins` gives them.

    Raises:
        FenceError: a field is missing or has the wrong type.
    """
    try:
        return msgspec.convert(value, Fence)
    except msgspec.MsgspecError as error:
        raise FenceError(f"fence is not usable: {error}") from None
