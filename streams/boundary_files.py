"""Features of a GeoJSON, GeoPackage or Shapefile: codes and names as text, and the file's coordinate system."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from geo import projections
from geo.boundary_codes import CODE_FIELDS, NAME_FIELDS, pick
from geo.boundary_import import Feature
from geo.divisions import Divisions
from geo.units import UnitError
from streams.errors import UsageError
from streams.geo_files import check_size
from streams.settings import Settings

SUFFIXES = (".geojson", ".json", ".gpkg", ".shp")


class Options(NamedTuple):
    """What a user says of the file; "" is: see for yourself."""

    code_field: str = ""
    name_field: str = ""
    crs: str = ""
    layer: str = ""
    encoding: str = ""


class File(NamedTuple):
    features: list[Feature]
    crs: str  # as `geo.projections.named` gives it


def read(path: Path, options: Options, settings: Settings) -> File:
    """All features of the file.

    Raises:
        UsageError: too large (said before it is read), no such kind of file, damaged, no layer or field of that name, a
            coordinate system that is missing, unknown or not the one that was declared.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: want a GeoJSON (.geojson, .json), GeoPackage (.gpkg) or Shapefile (.shp)")
    check_size(settings, path, *_beside(path))
    import pyogrio

    try:
        layer = _layer(path, options.layer)
        encoding = options.encoding or None
        frame = pyogrio.read_dataframe(path, layer=layer, encoding=encoding)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {_first_line(error)}") from None
    except (UnicodeDecodeError, LookupError) as error:
        raise UsageError(
            f"{path}: its text is not {options.encoding or 'UTF-8'} ({error}); try --encoding gb18030"
        ) from None
    if "geometry" not in frame:
        raise UsageError(f"{path}: has no geometry; want a layer of polygons")
    fields = [str(name) for name in frame.columns if name != "geometry"]
    try:
        code = pick(fields, options.code_field, CODE_FIELDS)
        name = pick(fields, options.name_field, NAME_FIELDS)
    except UnitError as error:
        raise UsageError(f"{path}: {error}") from None
    if not code and not name:
        raise UsageError(
            f"{path}: no field holds a code or a name; say --code-field, one of {', '.join(fields) or 'none'}"
        )
    crs = _crs(path, frame.crs, options.crs)
    if not code and not options.encoding and _garbled(frame[name]):
        raise UsageError(f"{path}: its names are in an encoding that the file does not say; try --encoding gb18030")
    features = [
        Feature(f"{path}, feature {number}", _text(row, code), _text(row, name), row["geometry"])
        for number, row in enumerate(frame.to_dict("records"), 1)
    ]
    return File(features, crs)


def write(path: Path, features: list[dict[str, Any]], divisions: Divisions) -> None:
    """Write GeoJSON features of units (`geo.drawing.feature`) as the file's suffix says, texts in UTF-8, WGS-84.

    Raises:
        UsageError: another suffix, or the file cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: want a GeoJSON (.geojson, .json), GeoPackage (.gpkg) or Shapefile (.shp)")
    import geopandas
    import pyogrio

    rows = [_row(feature, divisions) for feature in features]
    frame = geopandas.GeoDataFrame.from_features(rows, crs="EPSG:4326")
    text = {"encoding": "UTF-8"} if path.suffix.lower() == ".shp" else {}
    try:
        pyogrio.write_dataframe(frame, path, **text)
    except pyogrio.errors.DataSourceError as error:
        raise UsageError(f"{path}: cannot be written: {_first_line(error)}") from None


def _row(feature: dict[str, Any], divisions: Divisions) -> dict[str, Any]:
    """A feature with short field names, as a Shapefile's have at most ten letters."""
    known = feature["properties"]
    unit = divisions.get(known["code"])
    shown = {
        "code": unit.code, "name": unit.name, "full_name": divisions.full_name(unit.code), "name_en": unit.name_en,
        "level": unit.level, "source": known["source"], "as_of": unit.as_of, "approx": int(known["approximate"]),
    }  # fmt: skip
    return {"type": "Feature", "properties": shown, "geometry": feature["geometry"]}


def _beside(path: Path) -> list[Path]:
    """The other files of a Shapefile."""
    tails = (".dbf", ".shx") if path.suffix.lower() == ".shp" else ()
    return [found for tail in tails if (found := path.with_suffix(tail)).exists()]


def _layer(path: Path, wanted: str) -> str:
    import pyogrio

    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    if wanted and wanted not in names:
        raise UsageError(f"{path}: has no layer {wanted!r}; there are {', '.join(names)}")
    if not wanted and len(names) > 1:
        raise UsageError(f"{path}: has {len(names)} layers ({', '.join(names)}); say which with --layer")
    if not names:
        raise UsageError(f"{path}: has no layers")
    return wanted or names[0]


def _crs(path: Path, found: Any, declared: str) -> str:
    """The coordinate system to read the file with: GCJ-02 and BD-09 are never in a file, so what is declared wins."""
    try:
        said = projections.named(declared) if declared else ""
    except projections.CrsError as error:
        raise UsageError(f"--crs: {error}") from None
    if said in projections.SHIFTED:
        if found is not None and not found.is_geographic:
            raise UsageError(f"{path}: --crs {declared} speaks of degrees, but the file says {found.name}")
        return said
    if found is None:
        if said:
            return said
        raise UsageError(
            f"{path}: does not say its coordinate system{' (there is no .prj beside it)' * (path.suffix == '.shp')}; "
            f"declare it with --crs: {projections.WANT}"
        )
    number = found.to_epsg(min_confidence=25)
    own = f"EPSG:{number}" if number else str(found.name)
    if said in projections.GEOGRAPHIC and own in projections.GEOGRAPHIC:
        return said
    if said and said != own:
        raise UsageError(f"{path}: says {own} ({found.name}), but --crs says {said}; leave --crs out or mend the file")
    try:
        return said or projections.named(own)
    except projections.CrsError as error:
        raise UsageError(f"{path}: {error}; convert it, for example with ogr2ogr -t_srs EPSG:4490") from None


def _text(row: dict[str, Any], field: str) -> str:
    value = row.get(field) if field else None
    if value is None or value != value:  # NaN is how a table has an empty number
        return ""
    return str(value).strip()


def _garbled(names: Any) -> bool:
    """Chinese names that were read as Latin letters: what GDAL takes where a Shapefile has no .cpg."""
    text = "".join(str(name) for name in names if name is not None)
    return not any(ch > "\u2e7f" for ch in text) and any("\x80" <= ch <= "\xff" for ch in text)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
