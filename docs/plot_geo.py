"""Draws docs/img/geo_map.png: the prefecture with counties, approximate townships and villages, fences and demo assets.

.venv/bin/python docs/plot_geo.py
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import shapely

from geo import metric
from geo.boundaries import Boundaries
from geo.cells import Cell, Cells
from geo.demo import demo_registry
from geo.divisions import PREFECTURE
from geo.fence_shapes import rings
from geo.fences import Fence, FenceError
from geo.metric import Floats
from geo.records import Asset, Sensor
from geo.unit_rings import unit_rings

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke

COUNTY = "522601"
FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Serif CJK SC")  # the file holds all of them
DOMAINS = {"water": "#1f77b4", "gas": "#d62728", "pipeline": "#7f5539", "traffic": "#2ca02c"}
DASH = (0, (4, 3))


def main() -> None:
    font = _font()
    mpl.rcParams["font.family"] = [font, "DejaVu Sans"] if font else ["DejaVu Sans"]
    cells, boundaries = Cells.load(), Boundaries.load()
    records = demo_registry(size="full")
    fences = list(demo_fences())
    fig, (left, right) = plt.subplots(1, 2, figsize=(15, 8), width_ratios=(1, 1.25), layout="constrained")
    for ax, scope in ((left, PREFECTURE), (right, COUNTY)):
        wide = scope == PREFECTURE
        _counties(ax, boundaries, scope)
        counties = [code for code in boundaries.by_code if scope in (PREFECTURE, code)]
        towns = [cell for county in counties for cell in cells.children(county)]
        _lines(
            ax, [village for town in towns for village in cells.children(town.code)], "#b9a88c", 0.2 if wide else 0.8
        )
        _lines(ax, towns, "#6b7f93", 0.6 if wide else 1.5)
        _fences(ax, fences)
        _registry(ax, records, wide)
        for feature in cells.geojson(scope)["features"] if font else ():
            known = feature["properties"]
            at = known["lon"], known["lat"]
            ax.annotate(
                known["name"], at, (0, 0 if wide else 7), textcoords="offset points", fontsize=9, ha="center",
                color="#1d2b38", zorder=8,
                path_effects=[withStroke(linewidth=2.5, foreground="#ffffffd0")],
            )  # fmt: skip
        _frame(ax, boundaries, scope)
    left.set_title(
        "黔东南州 Qiandongnan: 16 counties, 217 townships, 2,438 villages（乡镇、村：位置概略）", fontsize=11
    )
    right.set_title("凯里市 Kaili City: townships and villages（位置概略 approximate）", fontsize=11)
    fig.legend(handles=_legend(records, fences), loc="outside lower center", ncols=5, fontsize=9, frameon=False)
    fig.suptitle(
        "示意图 schematic map, not for navigation or legal use. Sensors, assets, fences: made-up demo.", fontsize=10
    )
    fig.savefig(Path(__file__).parent / "img" / "geo_map.png", dpi=90)


def demo_fences() -> Iterable[Fence]:
    """The demo's fences, none where this version has no list of them."""
    if importlib.util.find_spec("geo.demo_fences") is None:
        return ()
    found: Iterable[Fence] = importlib.import_module("geo.demo_fences").demo_fences()
    return found


def _font() -> str:
    for name in FONTS:
        try:
            findfont(FontProperties(family=[name]), fallback_to_default=False)
        except ValueError:
            continue
        return name
    return ""


def _counties(ax: Axes, boundaries: Boundaries, scope: str) -> None:
    for county in boundaries.counties():
        inside = scope in (PREFECTURE, county.code)
        patch = _patch(county.rings)
        patch.set(facecolor="#eef3ea" if inside else "#f7f7f5", edgecolor="#33475b", lw=1.2)
        ax.add_patch(patch)


def _lines(ax: Axes, cells: Iterable[Cell], colour: str, width: float) -> None:
    """Borders of cells, each once: dashes of two neighbours would fill each other's gaps."""
    rings = [shapely.LinearRing(ring) for cell in cells for ring in cell.rings if len(ring)]
    borders = shapely.line_merge(shapely.union_all(rings))
    lines = [shapely.get_coordinates(part) for part in shapely.get_parts(borders)]
    ax.add_collection(LineCollection(lines, colors=colour, linewidths=width, linestyles=[DASH], zorder=2))


def _registry(ax: Axes, records: Iterable[object], wide: bool) -> None:
    """Sensors as points, assets as pipes and as small squares."""
    for record in records:
        if isinstance(record, Asset) and record.line:
            ax.plot(*np.array(record.line).T, color=DOMAINS.get(record.domain, "#555555"), lw=0.7, zorder=4)
    sensors = [r for r in records if isinstance(r, Sensor) and r.lon is not None]
    for domain, colour in DOMAINS.items():
        at = np.array([(s.lon, s.lat) for s in sensors if s.domain == domain]).reshape(-1, 2)
        ax.scatter(*at.T, s=3 if wide else 14, color=colour, lw=0.3, edgecolor="white", zorder=5)
    other = [(r.lon, r.lat) for r in records if isinstance(r, Asset) and not r.line and r.domain not in DOMAINS]
    ax.scatter(*np.array(other).reshape(-1, 2).T, s=2 if wide else 12, marker="s", color="#555555", zorder=5)


def _fences(ax: Axes, fences: Iterable[Fence]) -> None:
    polygons = list(_polygons(fences))
    patches = [_patch(polygon) for polygon in polygons]
    middles = np.array([polygon[0].mean(axis=0) for polygon in polygons]).reshape(-1, 2)
    ax.scatter(*middles.T, s=16, marker="D", facecolor="#ff9d42", edgecolor="#7a3d00", lw=0.5, zorder=7)
    ax.add_collection(
        PatchCollection(
            patches, facecolor="#ff9d4240", edgecolor="#d9730d", linewidths=1.4, zorder=4, match_original=False
        )
    )


def _polygons(fences: Iterable[Fence]) -> Iterator[list[Floats]]:
    for fence in fences:
        try:
            yield from rings(fence.shape, unit_rings)
        except FenceError:
            continue


def _patch(polygon: Iterable[Floats]) -> PathPatch:
    return PathPatch(Outline.make_compound_path(*(Outline(ring, closed=True) for ring in polygon)))


def _frame(ax: Axes, boundaries: Boundaries, scope: str) -> None:
    boxes = np.array([boundaries.box(c) for c in boundaries.by_code if scope in (PREFECTURE, c)])
    (west, south), (east, north) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    gap = 0.02 * (north - south)
    ax.set(xlim=(west - gap, east + gap), ylim=(south - gap, north + gap))
    x, y = metric.scale((south + north) / 2)
    ax.set_aspect(y / x)
    ax.tick_params(labelsize=8)


def _legend(records: Iterable[object], fences: list[Fence]) -> list[Any]:
    marks: list[Any] = [
        Line2D([], [], color="#33475b", lw=1.2, label="county 县（市）: polygon"),
        Line2D([], [], color="#6b7f93", lw=1.5, ls=DASH, label="township 乡镇: approximate"),
        Line2D([], [], color="#b9a88c", lw=1.0, ls=DASH, label="village 村: approximate"),
        *(Line2D([], [], color=c, marker="o", ls="", ms=5, label=f"{d} sensors (demo)") for d, c in DOMAINS.items()),
    ]
    if any(isinstance(record, Asset) for record in records):
        marks.append(Line2D([], [], color="#555555", marker="s", lw=0.7, ms=4, label="assets (demo)"))
    if fences:
        marks.append(Line2D([], [], color="#d9730d", marker="D", ms=4, lw=1.4, label=f"{len(fences)} fences (demo)"))
    return marks


if __name__ == "__main__":
    main()
