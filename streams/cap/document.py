"""The CAP 1.2 document of an alert: element order and cardinalities as in the standard's schema. Pure.

Coordinates are WGS-84 "lat,lon"; a circle's radius is in kilometres. Times have a numeric offset, as the standard asks.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from geo.moments import BEIJING
from streams.cap import words
from streams.cap.messages import Message, is_public, messages, references

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"
SENDER = "cityops.522600"  # no blank, comma, < or &
LANGUAGES = (("zh", "zh-CN"), ("en", "en-US"))
LEVELS = ("prefecture", "county", "township", "village")
NEAR_KM, ABOUT_KM = 0.1, 0.5  # of an exact and of an approximate place
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold

Ring = Sequence[Sequence[float]]


def document(
    alert: Mapping[str, Any], timeline: Sequence[Mapping[str, Any]], names: Sequence[str], county: Sequence[Ring] = ()
) -> bytes:
    """The message in force of a public Alert.

    `names` of its units from the prefecture down; `county`: outer rings of lon, lat, for an alert without a place.
    """
    made = messages(alert, timeline)
    now, public = made[-1], is_public(alert)
    root = ET.Element("alert", xmlns=NAMESPACE)
    _add(root, "identifier", now.identifier)
    _add(root, "sender", SENDER)
    _add(root, "sent", local(now.sent))
    _add(root, "status", words.STATUS[alert["mode"]].value)
    _add(root, "msgType", now.type)
    if alert.get("source", "sensor") != "sensor" and not public:
        _add(root, "source", alert["source"])
    _add(root, "scope", "Public" if public else "Restricted")
    if not public:
        _add(root, "restriction", words.RESTRICTION)
    note = {"exercise": words.EXERCISE_NOTE, "test": words.TEST_NOTE}.get(alert["mode"]) or (
        "" if public else _note(now)
    )
    if note:
        _add(root, "note", note)
    if earlier := references(made):
        _add(root, "references", " ".join(f"{SENDER},{m.identifier},{local(m.sent)}" for m in earlier))
    if alert.get("parent") and not public:
        _add(root, "incidents", alert["parent"])
    for key, language in LANGUAGES:
        _info(root, alert, now, key, language, names, county)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _note(now: Message) -> str:
    return f"{now.reason.get('zh', '')} {now.reason.get('en', '')}".strip() if now.type == "Cancel" else ""


def _info(
    root: ET.Element, alert: Mapping[str, Any], now: Message, key: str, language: str,
    names: Sequence[str], county: Sequence[Ring],
) -> None:  # fmt: skip
    public = is_public(alert)
    warning = alert["warnings"][-1] if public else None
    info = ET.SubElement(root, "info")
    _add(info, "language", language)
    for category in words.CATEGORY.get(alert["domain"], words.OTHER):
        _add(info, "category", category)
    _add(info, "event", alert["title"][key] or alert["kind"])
    _add(info, "responseType", words.response(alert, public).value)
    _add(info, "urgency", words.urgency(alert).value)
    _add(info, "severity", words.SEVERITY[warning["level"] if warning else alert["severity"]].value)
    _add(info, "certainty", words.certainty(alert).value)
    code = ET.SubElement(info, "eventCode")
    _pair(code, "cityops.kind", alert["kind"])
    _add(info, "effective", local(now.sent))
    _add(info, "onset", local(alert["first_seen"]))
    _add(info, "senderName", "黔东南州城市运行管理平台" if key == "zh" else "Qiandongnan city operations")
    _add(info, "headline", f"{alert['title'][key]} {names[-1] if names else ''}".strip())
    if warning:
        _add(info, "description", warning["text"])
    else:
        _add(info, "description", now.reason.get(key) or alert["reason"][key])
        for name, value in _parameters(alert, key):
            _pair(ET.SubElement(info, "parameter"), name, value)
    _area(info, alert, names, county)


def _parameters(alert: Mapping[str, Any], key: str) -> list[tuple[str, str]]:
    """What a partner's system needs beside the standard's elements; never in a Public message."""
    given = {
        "cityops.severity": alert["severity"],
        "cityops.severityWhy": (alert.get("severity_why") or {}).get(key),
        "cityops.condition": alert["condition"],
        "cityops.handling": alert["handling"],
        "cityops.ownerOrg": alert.get("owner_org"),
    }
    return [(name, str(value)) for name, value in given.items() if value]


def _area(info: ET.Element, alert: Mapping[str, Any], names: Sequence[str], county: Sequence[Ring]) -> None:
    area = ET.SubElement(info, "area")
    _add(area, "areaDesc", "".join(names) or alert["unit"]["code"])
    lon, lat = alert.get("lon"), alert.get("lat")
    if lon is None or lat is None:
        for ring in county:
            _add(area, "polygon", polygon(ring))
    else:
        metres = (alert.get("impact") or {}).get("radius_m")
        km = metres / 1000 if metres else ABOUT_KM if alert.get("approximate") else NEAR_KM
        _add(area, "circle", f"{lat:.6f},{lon:.6f} {km:g}")
    path = alert["path"]
    for level, system in (("county", "GB/T 2260"), ("township", "GB/T 10114"), ("village", "CN-STATS-12")):
        if path.get(level):
            _pair(ET.SubElement(area, "geocode"), system, path[level])


def polygon(ring: Ring) -> str:
    """ "lat,lon lat,lon …", closed, from lon, lat.

    >>> polygon([(108.0, 26.0), (108.1, 26.0), (108.1, 26.1)])
    '26.00000,108.00000 26.00000,108.10000 26.10000,108.10000 26.00000,108.00000'
    """
    points = [f"{p[1]:.5f},{p[0]:.5f}" for p in ring]
    return " ".join(points if points[0] == points[-1] else [*points, points[0]])


def local(time: str) -> str:
    """A public time as CAP wants it: whole seconds, numeric offset.

    >>> local("2025-11-23T08:00:00.123Z")
    '2025-11-23T16:00:00+08:00'
    """
    return dt.datetime.fromisoformat(time).astimezone(BEIJING).isoformat(timespec="seconds")


def fit(text: str) -> str:
    """The text without what XML 1.0 cannot hold."""
    return _UNFIT.sub("", text)


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = fit(text)


def _pair(parent: ET.Element, name: str, value: str) -> None:
    _add(parent, "valueName", name)
    _add(parent, "value", value)
