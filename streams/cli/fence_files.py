"""Files of fences: GeoJSON (a feature or a collection) or the JSON of the API (one, a list, or a line each)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geo.fence_wire import from_feature, parse
from geo.fences import Fence, FenceError
from streams.errors import UsageError, explain

MAX_MB = 50


def read(path: Path) -> tuple[list[tuple[str, Fence]], list[str]]:
    """((where, fence) in the order of the file, what cannot be read as a fence).

    Raises:
        UsageError: the file is no JSON, too large, or not UTF-8; the text names file, line and fix.
    """
    fences, problems = [], []
    for where, plain, is_feature in _items(path):
        try:
            fences.append((f"{path}, {where}", from_feature(plain) if is_feature else parse(plain)))
        except FenceError as error:
            problems.append(f"{path}, {where}: {error}")
    return fences, problems


def _items(path: Path) -> Iterator[tuple[str, Any, bool]]:
    text = _text(path)
    try:
        whole = json.loads(text)
    except RecursionError:
        raise UsageError(f"{path}: its lists lie too deep in one another to be fences") from None
    except ValueError as error:
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2:
            raise UsageError(f"{path}: is not JSON: {error}") from None
        for n, line in lines:
            try:
                yield f"line {n}", json.loads(line), False
            except ValueError as bad:
                raise UsageError(f"{path}, line {n}: is not JSON: {bad}") from None
        return
    kind = whole.get("type") if isinstance(whole, dict) else None
    if kind == "FeatureCollection":
        _wgs84(path, whole)
        if not isinstance(whole.get("features"), list):
            raise UsageError(f"{path}: a FeatureCollection needs the list `features`")
        yield from ((f"feature {n}", item, True) for n, item in enumerate(whole["features"], 1))
    elif kind == "Feature":
        yield "feature 1", whole, True
    else:
        items = whole if isinstance(whole, list) else [whole]
        yield from ((f"item {n}", item, False) for n, item in enumerate(items, 1))


def _wgs84(path: Path, whole: dict[str, Any]) -> None:
    """GeoJSON is WGS-84 (RFC 7946); an old file may say otherwise."""
    named = whole.get("crs")
    fields = named.get("properties") if isinstance(named, dict) else None
    name = str(fields.get("name", "")) if isinstance(fields, dict) else ""
    if name and not any(ok in name for ok in ("CRS84", "4326", "4490")):
        raise UsageError(f"{path}: crs {name}: fences are WGS-84 lon, lat; export the file in EPSG:4326")


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_MB * 2**20:
            raise UsageError(f"{path}: {size / 2**20:.0f} MB; at most {MAX_MB} MB are read, split the file")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise explain(error) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
