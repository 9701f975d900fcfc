"""The mapping file: what it says of topics and payloads, and that each mistake in it is told with its place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from streams import cli
from streams.intake.mqtt_mapping import Mapped, load, parse
from streams.intake.mqtt_rows import Mapper, Message
from streams.intake.mqtt_topics import TemplateError, point, pointer, text_template, topic_template

ROOT = Path(__file__).parents[3]
AT = 1_763_884_800_000

DEVICE = r"""
[[subscription]]
topic = "city/{county}/{kind}/{device}/telemetry"
domain = "{kind}"
sensor = "{county}-{letter}-PRS-{device:06}"
parts = { county = '5226\d\d', device = '\d{1,6}' }
names.kind = { ws = "water", gas = "gas" }
ts = { path = "/t", unit = "s" }
[[subscription.value]]
path = "/d/p"
scale = 0.1
offset = 2
quality = { path = "/q", names = { OK = "good", ERR = "bad" } }
[[subscription.value]]
path = "/d/door"
sensor = "{county}-{letter}-DOR-{device:06}"
metric = "door"
states = { open = 1, closed = 0 }
optional = true
"""


def mapped(text: str) -> Mapped:
    found, problems = parse(tomllib.loads(text))
    assert found is not None, problems
    return found


def rows(text: str, topic: str, payload: str | bytes, **more: Any) -> tuple[list[tuple[Any, ...]], list[str]]:
    """(domain, sensor, ts, value, metric, quality) of each reading, and the reasons of the rejects."""
    data = payload.encode() if isinstance(payload, str) else payload
    found = Mapper(mapped(text)).convert([Message(topic, data, AT, **more)])
    out = []
    for domain, c in found.columns.items():
        for k in range(len(c)):
            metric = None if c.metric_idx is None or c.metric_idx[k] < 0 else (c.metrics or [])[c.metric_idx[k]]
            quality = 0 if c.quality is None else int(c.quality[k])
            out.append((domain, c.sensors[c.idx[k]], int(c.ts_ms[k]), round(float(c.value[k]), 9), metric, quality))
    return out, [f"{list(r.rows)} {r.reason}" for r in found.rejects]


def test_a_devices_own_json():
    payload = '{"t": 1763884800.5, "d": {"p": 417, "door": "open"}, "q": "ERR"}'
    assert rows(DEVICE, "city/522601/ws/17/telemetry", payload) == (
        [
            ("water", "522601-W-PRS-000017", AT + 500, 43.7, None, 2),
            ("water", "522601-W-DOR-000017", AT + 500, 1.0, "door", 0),
        ],
        [],
    )
    assert rows(DEVICE, "city/522622/gas/123456/telemetry", '{"t":1763884800,"d":{"p":"1e1"},"q":"OK"}') == (
        [("gas", "522622-G-PRS-123456", AT, 3.0, None, 0)],
        [],
    )


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("city/522601/ws/x/telemetry", "{}", "part device of topic"),
        ("city/522601/ws/x/telemetry", "{}", r"is 'x'; want \d{1,6}"),
        ("city/522601/heat/1/telemetry", "{}", "part kind is 'heat', which is not among its names"),
        ("city/522601/ws/1", "{}", "fits no subscription"),
        ("city/522601/ws/1/telemetry", "", "payload is empty"),
        ("city/522601/ws/1/telemetry", "{", "payload is no JSON"),
        ("city/522601/ws/1/telemetry", b"\xff\xfe", "payload is no JSON"),
        ("city/522601/ws/1/telemetry", "[" * 100_000, "payload is no JSON"),
        ("city/522601/ws/1/telemetry", '{"d":{"p":1}}', "ts at /t is missing"),
        ("city/522601/ws/1/telemetry", '{"t":"soon","d":{"p":1}}', "ts at /t is 'soon'"),
        ("city/522601/ws/1/telemetry", '{"t":1763884800}', "/d/p is missing"),
        ("city/522601/ws/1/telemetry", '{"t":1763884800,"d":{"p":null}}', "/d/p is null"),
        ("city/522601/ws/1/telemetry", '{"t":1763884800,"d":{"p":[1]}}', "/d/p is not a number"),
        ("city/522601/ws/1/telemetry", '{"t":1763884800,"d":{"p":"hot"}}', "/d/p is 'hot'"),
        ("city/522601/ws/1/telemetry", '{"t":1763884800,"d":{"p":1e308,"x":9e999}}', "payload is no JSON"),
        ("city/522601/ws/1/telemetry", '{"t":1763884800,"d":{"p":1},"q":"?"}', "quality '?' is not known"),
        ("city/522601/ws/1/telemetry", '{"t":1e300,"d":{"p":1}}', "outside any calendar"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(topic: str, payload: str | bytes, reason: str):
    good, why = rows(DEVICE, topic, payload)
    assert good == []
    assert reason in " ".join(why)


def test_a_bad_value_refuses_its_row_alone():
    good, why = rows(DEVICE, "city/522601/ws/1/telemetry", '{"t":1763884800,"d":{"p":1,"door":"ajar"}}')
    assert [g[1] for g in good] == ["522601-W-PRS-000001"]
    assert why == ["[1] /d/door is 'ajar', not a number"]


RAW = """
[[subscription]]
topic = "plc/{domain}/{sensor}"
domain = "{domain}"
sensor = "{sensor}"
payload = "raw"
scale = 0.01
states = { ON = 100, OFF = 0 }
"""


def test_raw_numbers():
    assert rows(RAW, "plc/gas/a", " 1250\n") == ([("gas", "a", AT, 12.5, None, 0)], [])
    assert rows(RAW, "plc/gas/a", "ON")[0] == [("gas", "a", AT, 1.0, None, 0)]
    for text in ("", "NaN", "inf", "1_000", "12 bar", "0x10", "on"):
        good, (why,) = rows(RAW, "plc/gas/a", text)
        assert not good
        assert "no plain number" in why
    assert "domain 'heat' is none of" in rows(RAW, "plc/heat/a", "1")[1][0]


def test_a_retained_value_without_a_time_of_its_own_is_no_new_reading():
    mapper = Mapper(mapped(RAW))
    found = mapper.convert([Message("plc/gas/a", b"1", AT, (), True), Message("plc/gas/a", b"1", AT, (), False)])
    assert (len(found.columns["gas"]), found.stale, found.rejects) == (1, 1, [])
    timed = Mapper(mapped(DEVICE))
    kept = timed.convert([Message("city/522601/ws/1/telemetry", b'{"t":1763884800,"d":{"p":1}}', AT, (), True)])
    assert (len(kept.columns["water"]), kept.stale) == (1, 0)


OWN = """
[[subscription]]
topic = "own/{domain}"
domain = "{domain}"
[[subscription]]
topic = "one/{county}/{device}"
domain = "water"
sensor = "{county}-W-PRS-{device:06}"
[[subscription]]
topic = "packed/{domain}"
domain = "{domain}"
payload = "packed"
"""


def test_readings_in_our_own_form():
    two = '[{"sensor":"a","ts":5,"value":1},{"sensor":"b","ts":"2025-11-23T08:00:00Z","value":2,"quality":"bad"}]'
    good, why = rows(OWN, "own/gas", two)
    assert good == [("gas", "a", 5, 1.0, None, 0), ("gas", "b", AT, 2.0, None, 2)]
    assert why == []
    assert rows(OWN, "own/gas", two.replace("},{", "}\n{").strip("[]"))[0] == good  # a line each
    assert rows(OWN, "own/gas", '[{"sensor":"a","ts":5,"value":1},{"sensor":"b"}]') == (good[:1], ["[1] ts is missing"])


def test_the_topic_names_the_sensor_and_the_payload_no_other():
    assert rows(OWN, "one/522601/7", '{"ts":5,"value":1}')[0] == [("water", "522601-W-PRS-000007", 5, 1.0, None, 0)]
    assert rows(OWN, "one/522601/7", '[{"ts":5,"value":1},{"ts":6,"value":2}]')[0][1][2:4] == (6, 2.0)
    good, why = rows(OWN, "one/522601/7", '{"sensor":"522601-W-PRS-000008","ts":5,"value":1}')
    assert not good
    assert "payload names sensor '522601-W-PRS-000008'" in why[0]


def test_packed_payloads():
    from streams.codec import from_rows, pack

    assert rows(OWN, "packed/gas", pack(from_rows([("a", 5, 1.5)])))[0] == [("gas", "a", 5, 1.5, None, 0)]
    assert "no packed message" in rows(OWN, "packed/gas", '{"sensor":"a","ts":5,"value":1}')[1][0]
    assert "payload is packed" in rows(OWN, "own/gas", pack(from_rows([("a", 5, 1.5)])))[1][0]


GATEWAY = """
[[subscription]]
topic = "lora/up/#"
domain = "gas"
sensor = "{user.county}-G-CH4-{/id:06}"
each = "/rx"
ts = { path = "/at", unit = "rfc3339", zone = "+08:00" }
[[subscription.value]]
path = "/v"
"""


def test_an_array_of_points_with_the_sensor_in_the_payload():
    payload = (
        '{"rx":[{"id":7,"at":"2025-11-23T16:00:00","v":true},{"id":"8","at":"2025-11-23T08:00:01Z","v":2},{"v":1},4]}'
    )
    good, why = rows(GATEWAY, "lora/up", payload, user=[("county", "522601")])
    assert good == [
        ("gas", "522601-G-CH4-000007", AT, 1.0, None, 0),
        ("gas", "522601-G-CH4-000008", AT + 1000, 2.0, None, 0),
    ]
    assert why == ["[2, 3] ts at /at is missing"]
    assert "user property county is missing" in rows(GATEWAY, "lora/up/x", payload)[1][0]
    assert "holds no array" in rows(GATEWAY, "lora/up", '{"rx":{}}')[1][0]


@pytest.mark.parametrize(
    ("unit", "text"),
    [("s", "1763884800.25"), ("ms", "1763884800250"), ("us", "1763884800250999"), ("ns", "1763884800250999999"),
     ("s", '"1763884800.25"'), ("rfc3339", '"2025-11-23T16:00:00.250+08:00"')],
)  # fmt: skip
def test_units_of_time(unit: str, text: str):
    toml = f'[[subscription]]\ntopic="t"\ndomain="gas"\nsensor="a"\nts={{path="/t",unit="{unit}"}}\n'
    good, why = rows(toml + '[[subscription.value]]\npath="/v"\n', "t", f'{{"t":{text},"v":1}}')
    assert (good[0][2], why) == (AT + 250, [])


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
