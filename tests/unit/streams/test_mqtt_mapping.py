"""The mapping file: what it says of topics and payloads, and that each mistake in it is told with its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from streams import cli
from streams.intake.mqtt_mapping import load, parse
from streams.intake.mqtt_topics import TemplateError, point, pointer, text_template, topic_template
from tests.unit.streams.test_mqtt_rows import AT, DEVICE, RAW, mapped, rows

ROOT = Path(__file__).parents[3]


def test_filters():
    filters = {"a/{x}/b": "a/+/b", "+/pre-{x}.{y}/#": "+/+/#", "a/b": "a/b", "#": "#"}
    assert {t: topic_template(t).filter for t in filters} == filters
    assert mapped(RAW + 'share = "g"\n').subscriptions[0].filter == "$share/g/plc/+/+"
    assert topic_template("a/#").match("a")[0] == {}
    assert topic_template("a/#").match("ab")[0] is None
    assert topic_template("pre-{x}.{y}/+").match("pre-1.2/zz")[0] == {"x": "1", "y": "2"}
    assert topic_template("a/{x}").match("a/") == (None, "")
    for text in ("", " a", "a/#/b", "a/b+", "a/{X}", "{a}{b}", "{a}/{a}", "$share/g/a", "a/{"):
        with pytest.raises(TemplateError):
            topic_template(text)


def test_texts_and_pointers():
    assert text_template("{a:03}-{/x/0}-{user.k}", ("a",)).make({"a": "7"}, {"x": [9]}, {"k": "z"}) == "007-9-z"
    for text in ("", "{b}", "{a", "a}", "{a:6}", "{a!r}", "{}", "{user.}"):
        with pytest.raises(TemplateError):
            text_template(text, ("a",))
    assert point([{"a/b": 1}], pointer("/0/a~1b")) == 1
    with pytest.raises(TemplateError):
        pointer("a")


GOOD = {"topic": "a/{device}", "domain": "gas", "sensor": "{device}", "payload": "json", "value": [{"path": "/v"}]}


RAW_KEYS = {"topic": "a", "domain": "gas", "sensor": "a", "payload": "raw"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"topic": "a/#/b"}, "subscription[1].topic: 'a/#/b' has # before the end"),
        ({"topic": None}, "subscription[1].topic: is missing"),
        ({"topic": 5}, "subscription[1].topic: is 5; want text"),
        ({"domain": None}, "subscription[1].domain: is missing; want water"),
        ({"domain": "heat"}, "subscription[1].domain: is 'heat'; want water"),
        ({"domain": "{/d}"}, "takes from the payload"),
        ({"names": {"device": {"a": 1}}}, "subscription[1].names.device.a: is 1; want text"),
        ({"domain": "{device}", "names": {"device": {"a": "heat"}}}, "names.device.a: is 'heat'; want water"),
        ({"names": {"county": {}}}, "subscription[1].names.county: is no part of topic"),
        ({"parts": {"county": "x"}}, "has no part county"),
        ({"parts": {"device": "("}}, "part device: '(' is no regular expression"),
        ({"sensor": "{dev}"}, "subscription[1].sensor: '{dev}' has field {dev}, which is no part of the topic"),
        ({"sensor": None}, "subscription[1].value[1].sensor: is missing here and in the subscription"),
        ({"payload": "xml"}, "subscription[1].payload: is 'xml'; want json, raw, packed"),
        ({"payload": "raw"}, "subscription[1].value: goes with payload json"),
        ({"payload": "packed"}, "subscription[1].payload: is packed, which names its own sensors"),
        ({"qos": 2}, "subscription[1].qos: is 2; want 1, or 0"),
        ({"qos": True}, "subscription[1].qos: is True; want 0 or 1"),
        ({"share": "a/b"}, "subscription[1].share: is 'a/b'"),
        ({"each": "x"}, "subscription[1].each: 'x' does not begin with /"),
        ({"colour": "red"}, "subscription[1].colour: no such key"),
        ({"value": [{"path": "v"}]}, "subscription[1].value[1].path: 'v' does not begin with /"),
        ({"value": [{}]}, "subscription[1].value[1].path: is missing"),
        ({"value": [{"path": "/v", "scale": 0}]}, "subscription[1].value[1].scale: is 0"),
        ({"value": [{"path": "/v", "scale": "2"}]}, "subscription[1].value[1].scale: is '2'; want a number"),
        ({"value": [{"path": "/v", "ofset": 2}]}, "subscription[1].value[1].ofset: no such key"),
        ({"value": [{"path": "/v", "quality": {"names": {"a": "ok"}}}]}, "quality.names.a: is 'ok'; want good"),
        ({"value": 5}, "subscription[1].value: is 5; want tables"),
        ({"ts": {"path": "/t"}}, "subscription[1].ts.unit: is missing"),
        ({"ts": {"path": "/t", "unit": "h"}}, "subscription[1].ts.unit: is 'h'; want s, ms"),
        ({"ts": {"unit": "s"}}, "subscription[1].ts.path: is missing"),
        ({"ts": {"path": "/t", "unit": "s", "zone": "+08:00"}}, "subscription[1].ts.zone"),
        ({"value": None, "ts": {"path": "/t", "unit": "s"}}, "subscription[1].ts: readings in our own form"),
    ],
)
def test_each_mistake_is_told_with_its_place(change: dict[str, Any], told: str):
    one = {k: v for k, v in {**GOOD, **change}.items() if v is not None}
    found, problems = parse({"subscription": [one]})
    assert found is None
    assert any(told in p for p in problems), problems
    assert parse({"subscription": [GOOD]})[1] == []


def test_the_file_is_checked_as_a_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "m.toml"
    file.write_text('[[subscription]]\ntopic = "a"\ndomain = "heat"\nqos = 3\n')
    assert cli.run(["intake", "mqtt", "--check", str(file)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.startswith(f"{file}: subscription[1].") for line in told] == [True, True]
    assert cli.run(["intake", "mqtt", "--mapping", str(file)]) == 2
    assert "(and 1 more, see `cityops intake mqtt --check" in capsys.readouterr().err
    for text, word in (("", "want at least one"), ("a = ", "is not TOML"), ("[subscription]\na=1", "want tables")):
        file.write_text(text)
        assert cli.run(["intake", "mqtt", "--check", str(file)]) == 2
        assert word in capsys.readouterr().err
    file.write_bytes(b"\xff")
    assert cli.run(["intake", "mqtt", "--check", str(file)]) == 2
    assert cli.run(["intake", "mqtt", "--check", str(tmp_path / "none.toml")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_explain_prints_the_readings_of_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "m.toml"
    file.write_text(DEVICE)
    args = ["intake", "mqtt", "--mapping", str(file), "--explain", "city/522601/ws/17/telemetry"]
    assert cli.run([*args, '{"t":1763884800,"d":{"p":1,"door":"closed"},"q":"ERR"}']) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        '{"domain": "water", "sensor": "522601-W-PRS-000017", "ts": 1763884800000, "value": 2.1, "quality": "bad"}'
    )
    (tmp_path / "p").write_text("{}")
    assert cli.run([*args, f"@{tmp_path / 'p'}"]) == 1
    assert "rejected: rows 0, 1: ts at /t is missing" in capsys.readouterr().err


def test_the_example_is_good():
    found = load(ROOT / "deploy" / "mqtt.example.toml")
    assert {s.payload for s in found.subscriptions} == {"json", "raw", "packed"}


def test_the_documentations_mapping_does_what_it_says():
    page = (ROOT / "docs" / "intake.md").read_text(encoding="utf-8").split("\n## MQTT\n")[1].split("\n## ")[0]
    (text,) = [b.split("```")[0] for b in page.split("```toml\n")[1:] if "[[subscription]]" in b.split("```")[0]]
    payload = '{"t": 1763884800, "q": "OK", "d": {"p": 417, "door": "open"}}'
    assert payload in page
    good, why = rows(text, "city/522601/ws/17/telemetry", payload)
    assert [g[1:4] for g in good] == [("522601-W-PRS-000017", AT, 41.7), ("522601-W-DOR-000017", AT, 1.0)]
    assert why == []
    read = SUBSCRIPTION_KEYS | VALUE_KEYS
    told = set(
        re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `")))
    )
    assert told == read


def keys_of(document: dict[str, Any]) -> set[str]:
    """The keys there are, as the refusal of a wrong one lists them."""
    (text,) = [p for p in parse({"subscription": [document]})[1] if "no such key" in p]
    return set(text.split("(there: ")[1].rstrip(")").split(", "))


SUBSCRIPTION_KEYS = keys_of({**RAW_KEYS, "nonsense": 1}) - {"value"}
VALUE_KEYS = keys_of({**GOOD, "value": [{"path": "/v", "nonsense": 1}]})
