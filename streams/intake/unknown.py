"""Sensors that send but are not registered, out of the refused messages, and what to register them with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from geo import metric
from geo.assets import DOMAIN_LETTER, AssetError, parse_sensor_id
from streams import codec, topics
from streams.intake.rejects import Rejected
from streams.registry_table import Registry

REASON = "is not registered"  # of `streams.intake.checks`
FIRST_ZONE = {"water": "DMA01", "gas": "GRD01", "pipeline": "LIN01", "traffic": "COR01"}


class Unknown(msgspec.Struct):
    """One sensor id with the readings that were refused; times are those of the readings, epoch ms."""

    sensor: str
    domain: str
    count: int = 0
    first_ms: int = 0
    last_ms: int = 0
    value: float | None = None  # a sample: the newest reading, and its place where it sent one
    lon: float | None = None
    lat: float | None = None


def unknown(items: Iterable[Rejected], registry: Registry, prefix: str = "") -> tuple[list[Unknown], int]:
    """Sensors that are still unknown, most readings first, and how many messages were cut too short to be read."""
    found: dict[tuple[str, str], Unknown] = {}
    short = 0
    for item in items:
        if REASON not in item.reason:
            continue
        if item.full_size:
            short += 1
            continue
        _gather(item, registry, _domain(item.source, prefix), found)
    return sorted(found.values(), key=lambda u: (-u.count, u.sensor)), short


def _gather(item: Rejected, registry: Registry, domain: str, found: dict[tuple[str, str], Unknown]) -> None:
    decoded = codec.decode([item.value])
    wanted = set(item.rows)
    cols = decoded.cols
    for k, row in enumerate(decoded.row.tolist()):
        name = cols.sensors[cols.idx[k]]
        if name in registry.sensors or (wanted and row not in wanted):
            continue
        one = found.setdefault((domain, name), Unknown(name, domain))
        ts = int(cols.ts_ms[k])
        one.count += 1
        one.first_ms = min(one.first_ms or ts, ts)
        if ts >= one.last_ms:
            one.last_ms, one.value = ts, float(cols.value[k])
            if cols.lon is not None and cols.lat is not None and cols.lon[k] == cols.lon[k]:
                one.lon, one.lat = float(cols.lon[k]), float(cols.lat[k])


def _domain(source: str, prefix: str) -> str:
    for domain in topics.DOMAINS:
        if source in (prefix + topics.raw(domain), prefix + topics.packed(domain)):
            return domain
    return ""


def suggested(one: Unknown, registry: Registry) -> Mapping[str, str]:
    """Columns to register it with: its place or county, and the zone of its nearest registered neighbour.

    Raises:
        AssetError: the id is none of ours; it needs another one.
    """
    parts = parse_sensor_id(one.sensor)
    row: dict[str, Any] = {"zone": _zone(one, registry)}
    if one.lon is not None and one.lat is not None:
        row |= {"lon": f"{one.lon:.6f}", "lat": f"{one.lat:.6f}"}
    else:
        row["unit_code"] = parts.county
    return row


def _zone(one: Unknown, registry: Registry) -> str:
    """The zone of the nearest sensor of the county and domain; of equals, or without a place, the first."""
    start = one.sensor[:9]
    near = [(_away(one, s.lon, s.lat), s.zone) for s in registry.sensors.values() if s.zone.startswith(start)]
    zones = [(0.0, zone) for zone in registry.zones if zone.startswith(start)]
    domain = parse_sensor_id(one.sensor).domain
    return min(near or zones, default=(0.0, start + FIRST_ZONE.get(domain, "ZON01")))[1]


def _away(one: Unknown, lon: float | None, lat: float | None) -> float:
    if one.lon is None or one.lat is None or lon is None or lat is None:
        return 0.0
    return metric.distance_m(one.lon, one.lat, lon, lat)


def command(one: Unknown, prefix: str = "") -> str:
    """The one command that registers it, or what to do where its id is none of ours."""
    extra = f" --prefix {prefix}" if prefix else ""
    try:
        parse_sensor_id(one.sensor)
    except AssetError:
        letter = DOMAIN_LETTER.get(one.domain, "W")
        return (
            f"cityops sensors add 522601-{letter}-… --zone …; then cityops rejects replay --reason registered "
            f"--sensor '{one.sensor[:64]}=522601-{letter}-…'{extra}"
        )
    return f"cityops sensors add {one.sensor} --from-unknown{extra}"
