"""Reading a file of assets: GeoJSON, CSV, GeoPackage or EPANET `.inp` → rows; what is wrong with the file itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from streams.assets import epanet
from streams.assets.crs import SAME, shifted
from streams.assets.rows import COLUMNS, EXPORTED, Row
from streams.errors import UsageError, explain

MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 200_000


class Reading(msgspec.Struct, kw_only=True):
    """How a file is to be read. `ignore`: columns that are left out; `system`: names an EPANET model in `codes`."""

    encoding: str = "utf-8"
    crs: str = ""
    ignore: tuple[str, ...] = ()
    system: str = ""
    layer: str | None = None
    place: tuple[float, ...] = ()  # EPANET: lon, lat of the middle of the drawing, and metres a unit


def read(path: Path, how: Reading) -> list[Row]:
    """All rows of a file.

    Raises:
        UsageError: too large, of no known kind, of another encoding, or not what its name says.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path}: want a file named {', '.join('*' + name for name in _READERS)}")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise explain(error) from None
    if size > MAX_BYTES:
        raise UsageError(
            f"{path}: {size >> 20} MB are too much, at most {MAX_BYTES >> 20} MB are read; split it by county"
        )
    rows = reader(path, how)
    if not rows:
        raise UsageError(f"{path}: there is nothing in it")
    if len(rows) > MAX_ROWS:
        raise UsageError(f"{path}: {len(rows)} objects are too many, at most {MAX_ROWS} are read; split it by county")
    return rows


def text_of(path: Path, encoding: str) -> str:
    """The file as text; says which encoding it seems to have where it is not the one that was named."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise explain(error) from None
    try:
        return data.decode("utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding)
    except LookupError:
        raise UsageError(f"--encoding {encoding!r}: no such encoding; want utf-8, gb18030 or utf-16") from None
    except UnicodeDecodeError as error:
        guess = _other_encoding(data, encoding)
        fix = f"it reads as {guess}: repeat with --encoding {guess}" if guess else "save it as UTF-8"
        raise UsageError(f"{path}: not {encoding.upper()} (byte {error.start}); {fix}") from None


def _other_encoding(data: bytes, tried: str) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    for name in ("gb18030", "utf-8"):
        if name != tried.lower():
            try:
                data.decode(name)
            except UnicodeDecodeError:
                continue
            return name
    return ""


def _csv(path: Path, how: Reading) -> list[Row]:
    reader = csv.DictReader(io.StringIO(text_of(path, how.encoding), newline=""), restkey="")
    rows: list[Row] = []
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        _known(names, f"{path}, line 1", how)
        for row in reader:
            if "" in row:
                raise UsageError(f"{path}, line {reader.line_num}: more cells than columns; quote cells with commas")
            rows.append(Row(f"line {reader.line_num}", _kept(row, how)))
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}") from None
    return rows


def _known(names: list[str], where: str, how: Reading) -> None:
    unknown = [n for n in names if n and n not in (*COLUMNS, *EXPORTED) and n not in how.ignore]
    if unknown:
        ignoring = " ".join(f"--ignore {name}" for name in unknown[:4])
        raise UsageError(
            f"{where}: unknown column {unknown[0][:40]!r}; the columns are {', '.join(COLUMNS)}; "
            f"to leave it out: {ignoring}"
        )


def _kept(values: Mapping[str, Any], how: Reading) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name and name not in how.ignore}


class _Feature(msgspec.Struct):
    type: str = ""
    geometry: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    id: Any = None


class _Collection(msgspec.Struct):
    type: str = ""
    features: list[_Feature] | None = None
    crs: Any = None


def _geojson(path: Path, how: Reading) -> list[Row]:
    try:
        data = msgspec.json.decode(text_of(path, how.encoding), type=_Collection)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: not GeoJSON: {error}") from None
    if data.type != "FeatureCollection" or data.features is None:
        raise UsageError(f"{path}: want a FeatureCollection, not {data.type or 'an object without type'!r}")
    if data.crs is not None:
        _same_crs(_crs_name(data.crs), path, how)
    rows = []
    for n, feature in enumerate(data.features, 1):
        properties = dict(feature.properties or {})
        _known(list(properties), f"{path}, feature {n}", how)
        if isinstance(feature.id, str) and not properties.get("id"):
            properties["id"] = feature.id
        rows.append(_row(n, properties, feature.geometry, how))
    return rows


def _crs_name(crs: Any) -> str:
    name = crs.get("properties", {}).get("name", "") if isinstance(crs, dict) else ""
    return str(name).upper().replace("URN:OGC:DEF:CRS:", "").replace("::", ":").replace("OGC:1.3:", "")


def _same_crs(name: str, path: Path, how: Reading) -> None:
    """A file that names its coordinate system must be read with that one."""
    if (name in SAME and (not how.crs or shifted(how.crs))) or name == how.crs.strip().upper():
        return
    fix = f"repeat with --crs {name}" if name.startswith("EPSG:") else "convert it to WGS-84 first"
    if name in SAME:
        fix = "leave --crs out"
    raise UsageError(f"{path}: its coordinates are {name[:60] or 'of an unnamed system'}; {fix}")


def _row(n: int, values: dict[str, Any], geometry: Mapping[str, Any] | None, how: Reading) -> Row:
    """A feature with the one point or line of its geometry, or with what is wrong with that."""
    place, kept = f"feature {n}", _kept(values, how)
    if geometry is None:
        return Row(place, kept)
    kind, at = geometry.get("type"), geometry.get("coordinates")
    if isinstance(at, list | tuple) and len(at) == 1 and kind in ("MultiPoint", "MultiLineString"):
        kind, at = str(kind).removeprefix("Multi"), at[0]
    if kind not in ("Point", "LineString"):
        return Row(place, kept, fault=f"is a {kind}; want one Point or LineString (of an area: its centre)")
    try:
        points = tuple((float(p[0]), float(p[1])) for p in ([at] if kind == "Point" else at or []) if p)
    except (TypeError, ValueError, IndexError):
        return Row(place, kept, fault=f"coordinates {str(at)[:40]} are not numbers; want [lon, lat]")
    if kind == "LineString" and len(points) == 1:
        return Row(place, kept, fault="is a line of one point; want two or more")
    return Row(place, kept, points or None)


def _geopackage(path: Path, how: Reading) -> list[Row]:
    import geopandas

    try:
        if how.layer is None and len(layers := geopandas.list_layers(path)) > 1:
            raise UsageError(f"{path}: has layers {', '.join(layers['name'])}; name one with --layer")
        frame = geopandas.read_file(path, layer=how.layer)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{path}: not a GeoPackage that can be read: {' '.join(str(error).split())[:200]}") from None
    names = [name for name in frame.columns if name != frame.active_geometry_name]
    _known(names, str(path), how)
    code = frame.crs.to_authority() if frame.crs is not None else None
    if frame.crs is not None:
        _same_crs(":".join(code) if code else frame.crs.name, path, how)
    rows = []
    for n, (values, shape) in enumerate(zip(frame[names].to_dict("records"), frame.geometry, strict=True), 1):
        geometry = None if shape is None or shape.is_empty else shape.__geo_interface__
        rows.append(_row(n, values, geometry, how))
    return rows


def _inp(path: Path, how: Reading) -> list[Row]:
    try:
        return list(epanet.rows(text_of(path, how.encoding), how.system or path.stem, how.place, bool(how.crs)))
    except epanet.InpError as error:
        raise UsageError(f"{path}{error}") from None


_READERS: Mapping[str, Callable[[Path, Reading], list[Row]]] = {
    ".csv": _csv,
    ".geojson": _geojson,
    ".json": _geojson,
    ".gpkg": _geopackage,
    ".inp": _inp,
}
