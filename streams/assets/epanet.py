"""A water network as EPANET writes it (`.inp`, EPANET 2.2 user manual, appendix C) → rows. Pure.

Read are the sections that say what is where: JUNCTIONS, RESERVOIRS, TANKS, PIPES, PUMPS, VALVES, COORDINATES, VERTICES
and the flow units of OPTIONS, which say whether lengths are metres or feet. Each object is known by a code of the
model's name, `node/J1` or `link/P1`: EPANET lets a node and a link have the same id.

A model has no direction of flow before it is computed. Links point away from the source (reservoir, else tank) that is
nearer along the pipes; without a source they point as drawn.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from geo import metric
from streams.assets.rows import Point, Row

FOOT_M, INCH_MM = 0.3048, 25.4
FEET = ("CFS", "GPM", "MGD", "IMGD", "AFD")
METRES = ("LPS", "LPM", "MLD", "CMH", "CMD", "CMS")
_NODES = {"JUNCTIONS": "JUN", "RESERVOIRS": "SRC", "TANKS": "TNK"}
_LINKS = {"PIPES": "PIP", "PUMPS": "PMP", "VALVES": "VLV"}
_NAMES = {"JUN": "节点", "SRC": "水源", "TNK": "水池", "PIP": "管段", "PMP": "水泵", "VLV": "阀门"}


class InpError(ValueError):
    """A model that cannot be read; the text begins with ", line n" or ":" and follows the file's name."""


class _Link(NamedTuple):
    line: int
    type: str
    id: str
    ends: tuple[str, str]
    length_m: float
    diameter_mm: float


class _Model(NamedTuple):
    nodes: dict[str, tuple[int, str]]  # id -> line, type
    links: list[_Link]
    at: dict[str, Point]
    vertices: dict[str, list[Point]]


def rows(text: str, system: str, place: Sequence[float] = (), has_crs: bool = False) -> Iterator[Row]:
    """Rows of all nodes and links. `place`: lon, lat for the middle of the drawing and metres for one of its units.

    Raises:
        InpError: a line that cannot be read, or coordinates that nothing says where they lie.
    """
    model = _parse(text)
    if not model.at:
        raise InpError(": has no [COORDINATES]; draw the network in EPANET first, or import it as CSV")
    to_lonlat = _placing(model, place, has_crs)
    down = _directed(model)
    for id_, (line, kind) in model.nodes.items():
        shape = (to_lonlat(model.at[id_]),) if id_ in model.at else None
        yield _row(line, kind, f"node/{id_}", id_, system, shape, [f"link/{n}" for n in down.get(id_, ())], {})
    for link in model.links:
        start, end = _ends(link, down)
        points = [p for p in (model.at.get(start), *_bends(model, link, start), model.at.get(end)) if p is not None]
        shape = tuple(to_lonlat(p) for p in points) if len(points) > 1 else None
        if shape and link.type != "PIP":
            shape = (_half(shape[0], shape[-1]),)
        sizes = {"length_m": round(link.length_m, 2), "diameter_mm": round(link.diameter_mm, 1)}
        yield _row(link.line, link.type, f"link/{link.id}", link.id, system, shape, [f"node/{end}"], sizes)


def _row(
    line: int, kind: str, value: str, id_: str, system: str, shape: tuple[Point, ...] | None, to: list[str],
    sizes: Mapping[str, float],
) -> Row:  # fmt: skip
    links = [{"to": f"{system}:{t}", **sizes} for t in to]
    values: dict[str, Any] = {
        "type": kind, "domain": "water", "name_zh": f"{_NAMES[kind]} {id_}",
        "codes": [{"system": system, "value": value}], "downstream": links, **sizes,
    }  # fmt: skip
    return Row(f"line {line}", values, shape)


def _parse(text: str) -> _Model:
    model = _Model({}, [], {}, {})
    long, wide = FOOT_M, INCH_MM  # EPANET's own default is gallons a minute, feet and inches
    section = ""
    raw: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(";")[0].split()
        if not words:
            continue
        if words[0].startswith("["):
            section = words[0].strip("[]").upper()
            continue
        if section == "OPTIONS" and words[0].upper() == "UNITS" and len(words) > 1:
            units = words[1].upper()
            if units not in (*FEET, *METRES):
                raise InpError(f", line {number}: units {words[1]!r}; want one of {', '.join((*FEET, *METRES))}")
            long, wide = (FOOT_M, INCH_MM) if units in FEET else (1.0, 1.0)
        elif section in (*_NODES, *_LINKS, "COORDINATES", "VERTICES"):
            raw.append((number, section, words))
    for number, section, words in raw:
        try:
            _take(model, number, section, words, long, wide)
        except InpError:
            raise
        except (ValueError, IndexError):
            raise InpError(f", line {number}: [{section}] {' '.join(words)[:60]!r} cannot be read") from None
    if not model.nodes:
        raise InpError(": has no [JUNCTIONS]; is it an EPANET input file?")
    for link in model.links:
        for end in link.ends:
            if end not in model.nodes:
                raise InpError(f", line {link.line}: link {link.id} ends at node {end}, which is in no section")
    return model


def _take(model: _Model, number: int, section: str, words: list[str], long: float, wide: float) -> None:
    id_ = words[0]
    if section in _NODES:
        if id_ in model.nodes:
            raise InpError(f", line {number}: node {id_} is also on line {model.nodes[id_][0]}")
        model.nodes[id_] = number, _NODES[section]
    elif section == "COORDINATES":
        model.at[id_] = float(words[1]), float(words[2])
    elif section == "VERTICES":
        model.vertices.setdefault(id_, []).append((float(words[1]), float(words[2])))
    else:
        length = float(words[3]) * long if section == "PIPES" else 0.0
        size = {"PIPES": 4, "VALVES": 3}.get(section)
        diameter = float(words[size]) * wide if size else 0.0
        model.links.append(_Link(number, _LINKS[section], id_, (words[1], words[2]), length, diameter))


def _placing(model: _Model, place: Sequence[float], has_crs: bool) -> Any:
    """Drawing units → lon, lat (or as they are, to be converted later)."""
    if not place:
        x, y = next(iter(model.at.values()))
        if not has_crs and not (73 <= x <= 136 and 3 <= y <= 54):
            raise InpError(
                f": its coordinates ({x:g}, {y:g}) are a drawing's; say where it lies with --crs EPSG:n, or with "
                "--place LON,LAT,METRES (middle, and metres for one unit)"
            )
        return lambda point: point
    lon, lat, unit_m = (*place, 1.0)[:3]
    xs, ys = [p[0] for p in model.at.values()], [p[1] for p in model.at.values()]
    x0, y0 = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2

    def convert(point: Point) -> Point:
        at = metric.shift(lon, lat, (point[0] - x0) * unit_m, (point[1] - y0) * unit_m)
        return round(at[0], 7), round(at[1], 7)

    return convert


def _directed(model: _Model) -> dict[str, list[str]]:
    """Node → links that leave it: away from the sources (Dijkstra over pipe lengths), as drawn without sources."""
    sides: dict[str, list[_Link]] = {}
    for link in model.links:
        for end in link.ends:
            sides.setdefault(end, []).append(link)
    kinds = {kind for _, kind in model.nodes.values()}
    source = "SRC" if "SRC" in kinds else "TNK"
    away: dict[str, float] = {}
    queue = [(0.0, id_) for id_, (_, kind) in model.nodes.items() if kind == source]
    heapq.heapify(queue)
    while queue:
        metres, at = heapq.heappop(queue)
        if at in away:
            continue
        away[at] = metres
        for link in sides.get(at, ()):
            to = link.ends[1] if link.ends[0] == at else link.ends[0]
            if to not in away:
                heapq.heappush(queue, (metres + link.length_m, to))
    down: dict[str, list[str]] = {}
    order = {id_: n for n, id_ in enumerate(model.nodes)}
    for link in model.links:
        a, b = link.ends
        first = a
        if a in away and b in away and link.type == "PIP" and (away[b], order[b]) < (away[a], order[a]):
            first = b
        down.setdefault(first, []).append(link.id)
    return down


def _ends(link: _Link, down: Mapping[str, list[str]]) -> tuple[str, str]:
    a, b = link.ends
    return (a, b) if link.id in down.get(a, ()) else (b, a)


def _bends(model: _Model, link: _Link, start: str) -> list[Point]:
    bends = model.vertices.get(link.id, [])
    return bends if start == link.ends[0] else bends[::-1]


def _half(a: Point, b: Point) -> Point:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
