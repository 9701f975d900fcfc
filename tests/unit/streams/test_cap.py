"""CAP 1.2 messages of the engine's own alerts: as the standard's tables say, and with the right words."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from geo.divisions import Divisions
from streams.alerts.engine import Engine
from streams.cap.document import document
from streams.cap.index import index
from streams.cap.words import SEVERITY, STATUS, URGENCY, certainty, urgency
from streams.events import AlertRecord
from streams.wire import public_alert, public_transition
from tests.unit.streams.cap_schema import check, text_of
from tests.unit.streams.test_lifecycle import T0, command, detection

NAMES = ("黔东南州", "凯里市")
RING = [(108.0, 26.0), (108.1, 26.0), (108.1, 26.1)]


def life(*steps: dict[str, Any], **more: Any) -> list[AlertRecord]:
    """Records of a gas alert and what commander `li` of the prefecture does to it."""
    engine = Engine()
    out = engine.on_detection(detection(lon=107.98, lat=26.58, **more), T0)
    for n, step in enumerate(steps, 1):
        if step.get("state"):
            out += engine.on_detection(detection(at_s=n, **step), T0 + n * 1000)
            continue
        alert = out[-1].alert
        asked = command(alert, role="commander", unit="522600", by="li", key=str(n), **step)
        result, made = engine.on_command(asked, T0 + n * 1000)
        assert result.accepted, result
        out += made
    return out


def cap(records: list[AlertRecord], county: Any = (RING,), **changes: Any) -> ET.Element:
    alert = {**public_alert(records[-1].alert, Divisions.load()), **changes}
    made = document(alert, [public_transition(r.transition) for r in records], NAMES, county)
    root = ET.fromstring(made)
    check(root)
    return root


def asked(name: str, **params: Any) -> dict[str, Any]:
    raw = {k: msgspec.Raw(msgspec.json.encode(v)) for k, v in params.items()}
    return {"command": name, "params": raw, "comment": "理由"}


WARN = asked("issue_warning", text="请沿线居民关闭阀门", level="II", approved_by="wu")


def test_a_new_alert_is_restricted_and_has_two_languages() -> None:
    root = cap(life())
    assert [text_of(root, t) for t in ("status", "msgType", "scope")] == ["Actual", "Alert", "Restricted"]
    infos = [e for e in root if e.tag.endswith("info")]
    assert [text_of(i, "language") for i in infos] == ["zh-CN", "en-US"]
    assert [text_of(i, "event") for i in infos] == ["标题", "title"]
    assert text_of(infos[0], "area", "areaDesc") == "黔东南州凯里市"
    assert text_of(infos[0], "area", "circle") == "26.580000,107.980000 0.1"
    codes = [(g[0].text, g[1].text) for g in infos[0].iter() if g.tag.endswith("geocode")]
    assert codes == [("GB/T 2260", "522601"), ("GB/T 10114", "522601001")]
    assert text_of(root, "sent") == "2025-11-23T16:00:00+08:00"


def test_an_alert_without_a_place_has_the_countys_polygon() -> None:
    root = cap(life(), lon=None, lat=None)
    assert text_of(root, "info", "area", "polygon").startswith("26.00000,108.00000 26.00000,108.10000 ")
    assert text_of(root, "info", "area", "circle") == ""


def test_updates_refer_to_what_went_before_and_acks_make_no_message() -> None:
    first = cap(life())
    same = cap(life(asked("ack")))
    assert text_of(same, "identifier") == text_of(first, "identifier")
    later = life(asked("ack"), asked("assess", verdict="real"), {"state": "clear"})
    root = cap(later)
    alert = later[-1].alert.id
    assert [text_of(root, "msgType"), text_of(root, "identifier")] == ["Update", f"{alert}.4"]
    assert text_of(root, "references") == (
        f"cityops.522600,{alert}.1,2025-11-23T16:00:00+08:00 cityops.522600,{alert}.3,2025-11-23T16:00:02+08:00"
    )
    assert [text_of(root, "info", t) for t in ("responseType", "urgency", "certainty")] == [
        "AllClear", "Past", "Observed",
    ]  # fmt: skip


def test_closing_cancels_and_reopening_is_an_alert_again() -> None:
    steps = [asked("ack"), asked("assess", verdict="false_alarm"), asked("close")]
    root = cap(life(*steps))
    assert [text_of(root, "msgType"), text_of(root, "info", "certainty")] == ["Cancel", "Unlikely"]
    assert "结案" in text_of(root, "note")
    assert len(text_of(root, "references").split()) == 2
    again = cap(life(*steps, asked("reopen")))
    assert (text_of(again, "msgType"), text_of(again, "references")) == ("Alert", "")


def test_only_a_persons_warning_makes_it_public_and_then_nothing_else_is_told() -> None:
    records = life(asked("ack"), WARN)
    root = cap(records, source="phone", parent="p1")
    assert [text_of(root, t) for t in ("scope", "msgType", "references")] == ["Public", "Alert", ""]
    assert text_of(root, "info", "description") == "请沿线居民关闭阀门"
    assert text_of(root, "info", "severity") == "Severe"
    assert [text_of(root, t) for t in ("source", "incidents", "info/parameter")] == ["", "", ""]
    assert "cityops.severity" not in ET.tostring(root, encoding="unicode")
    over = cap(life(asked("ack"), WARN, asked("assess", verdict="false_alarm"), asked("close")))
    assert (text_of(over, "msgType"), text_of(over, "note")) == ("Cancel", "")
    update = cap([*life(asked("ack"), WARN, asked("assess", verdict="real"))])
    assert (text_of(update, "msgType"), len(text_of(update, "references").split())) == ("Update", 1)


@pytest.mark.parametrize(("mode", "status", "note"), [("exercise", "Exercise", "演练"), ("test", "Test", "测试")])
def test_an_exercise_says_so_and_never_goes_public(mode: str, status: str, note: str) -> None:
    root = cap(life(asked("ack"), WARN, mode=mode))
    assert [text_of(root, "status"), text_of(root, "scope")] == [status, "Restricted"]
    assert note in text_of(root, "note")


@pytest.mark.parametrize(
    ("changes", "want"),
    [
        ({}, "Possible"),
        ({"sensors": ["a", "b"]}, "Likely"),
        ({"hard": True}, "Observed"),
        ({"source": "patrol"}, "Observed"),
        ({"hard": True, "verdict": "works"}, "Unlikely"),
        ({"verdict": "real"}, "Observed"),
    ],
)
def test_certainty(changes: dict[str, Any], want: str) -> None:
    assert certainty({"sensors": ["a"], **changes}).value == want


def test_urgency_follows_the_condition_and_every_word_has_its_reason() -> None:
    state = {"handling": "NEW", "condition": "ACTIVE"}
    assert [urgency({**state, "severity": s}).value for s in ("I", "II", "III", "IV")] == [
        "Immediate", "Immediate", "Expected", "Future",
    ]  # fmt: skip
    assert urgency({**state, "severity": "I", "condition": "UNKNOWN"}).value == "Unknown"
    assert all(word.why for table in (STATUS, SEVERITY, URGENCY) for word in table.values())


def test_text_that_xml_cannot_hold_is_left_out() -> None:
    text = {"zh": "漏\x01气\ud800<&>", "en": "a\x00leak"}
    root = cap(life(), title=text)
    assert text_of(root, "info", "event") == "漏气<&>"


def test_the_index_has_an_entry_an_alert() -> None:
    alert = public_alert(life()[-1].alert, Divisions.load())
    feed = ET.fromstring(index([alert], "https://x.cn", "2025-11-23T08:00:00.000Z"))
    atom = "{http://www.w3.org/2005/Atom}"
    (entry,) = feed.findall(f"{atom}entry")
    link = entry.find(f"{atom}link")
    assert link is not None
    assert link.attrib["href"] == f"https://x.cn/cap/{alert['id']}.xml"
    assert all((e.findtext(f"{atom}{t}") or "") for e in (feed, entry) for t in ("id", "title", "updated"))
    assert ET.fromstring(index([], "", "2025-11-23T08:00:00.000Z")).findtext(f"{atom}updated") == (
        "2025-11-23T16:00:00+08:00"
    )
