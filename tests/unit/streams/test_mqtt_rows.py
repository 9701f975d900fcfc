"""Payloads to readings: every form, and a reason for whatever does not fit."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from streams.intake.mqtt_mapping import Mapped, parse
from streams.intake.mqtt_rows import CAUSES, Mapper, Message

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


def test_many_causes_in_one_message_are_few_rejects():
    payload = '{"rx":[' + ",".join(f'{{"id":{k},"at":"2025-11-23T16:00:00","v":"x{k}"}}' for k in range(50)) + "]}"
    found = Mapper(mapped(GATEWAY)).convert([Message("lora/up", payload.encode(), AT, [("county", "522601")])] * 2)
    assert [r.message for r in found.rejects] == [0] * CAUSES + [1] * CAUSES
    assert sorted(row for r in found.rejects[:CAUSES] for row in r.rows) == list(range(50))
    assert "(and 46 more like it)" in found.rejects[CAUSES - 1].reason
