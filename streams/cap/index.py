"""The Atom index (RFC 4287) of the CAP messages in force. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from streams.cap.document import MEDIA_TYPE, SENDER, fit, local
from streams.cap.messages import changed

NAMESPACE = "http://www.w3.org/2005/Atom"


def index(alerts: Sequence[Mapping[str, Any]], base: str, now: str) -> bytes:
    """One entry an alert, in the order given; `base`: address before `/cap/`; `now` where there are none."""
    feed = ET.Element("feed", xmlns=NAMESPACE)
    _text(feed, "id", f"urn:cityops:cap:{SENDER}")
    _text(feed, "title", "城市运行监测报警 City operations alerts (CAP 1.2)")
    _text(feed, "updated", local(max(map(changed, alerts), default=now)))
    _text(ET.SubElement(feed, "author"), "name", SENDER)
    ET.SubElement(feed, "link", rel="self", href=f"{base}/cap/index.atom")
    for a in alerts:
        entry = ET.SubElement(feed, "entry")
        _text(entry, "id", f"urn:cityops:cap:{a['id']}")
        _text(entry, "title", f"{a['title']['zh']} {a['title']['en']} {a['unit']['name']}")
        _text(entry, "updated", local(changed(a)))
        ET.SubElement(entry, "link", href=f"{base}/cap/{a['id']}.xml", type=MEDIA_TYPE)
        ET.SubElement(entry, "category", term=f"severity:{a['severity']}")
        _text(entry, "summary", f"{a['reason']['zh']} {a['reason']['en']}")
    text: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return text


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = fit(text)
