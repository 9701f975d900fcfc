"""Alerts made by hand: where a person had it from, which kinds there are, and the Detection of a report. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from detectors.kinds import DOMAIN_KINDS
from detectors.texts import Both, Kind
from geo.assets import Asset, Sensor
from geo.fences import Mark
from streams.events import Detection, Evidence, Text, stable_id

SOURCES: Mapping[str, Text] = {
    "phone": Text("电话", "telephone"),
    "12345": Text("12345 热线", "12345 hotline"),
    "patrol": Text("巡查", "patrol"),
    "video": Text("视频", "video"),
}
OTHER = Kind("other", "hazard", Both("其他险情", "Other trouble"))  # where no detector's kind says it


class Spot(NamedTuple):
    """Where it is. `unit`: the deepest code known, of a county or below; lon, lat: WGS-84 degrees."""

    unit: str
    lon: float | None
    lat: float | None
    approximate: bool
    asset: Asset | Sensor | None = None


def kinds(domain: str) -> dict[str, Kind]:
    """What a person can report of a domain: the detectors' hazards and `other`.

    >>> "traffic_incident" in kinds("traffic"), "dropout" in kinds("water")
    (True, False)
    """
    return {k.kind: k for k in (*DOMAIN_KINDS.get(domain, ()), OTHER) if k.cls == "hazard"}


def report_id(by: str, key: str) -> str:
    """Id of the alert of a report: the same person and key give the same."""
    return stable_id("", "report", by, key)


def detection(
    id_: str, spot: Spot, domain: str, kind: str, severity: str, source: str, text: str, by: str,
    onset_ms: int, now_ms: int, fences: tuple[Mark, ...] = (),
) -> Detection:  # fmt: skip
    """The report as a Detection: no sensor is in it, so only people end its alert. Raises KeyError for another kind
    or source."""
    asset, title, where_from = spot.asset, kinds(domain)[kind].title, SOURCES[source]
    found = Detection(
        id=id_,
        alert=id_,
        state="raise",
        domain=domain,
        kind=kind,
        sensor="",
        asset=asset.id if asset else id_,
        county=spot.unit[:6],
        unit=spot.unit,
        lon=spot.lon,
        lat=spot.lat,
        approximate=spot.approximate,
        ts_ms=now_ms,
        onset_ms=onset_ms,
        fences=fences,
        title=Text(*title),
        reason=Text(f"{where_from.zh}：{text}", f"{where_from.en}: {text}"),
        evidence=Evidence(detector="person"),
        source=source,
        severity=severity,
        by=by,
    )
    if asset is None:
        return found
    return replace(
        found,
        zone=asset.zone,
        owner_org=asset.owner_org,
        operator_org=asset.operator_org,
        regulator=asset.regulator,
        name=Text(asset.name_zh, asset.name_en),
    )
