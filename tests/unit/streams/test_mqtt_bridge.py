"""The bridge without brokers: acknowledgements, poison that breaks the mapping's code, large payloads."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from streams.intake.mqtt import Bridge
from streams.intake.mqtt_mapping import parse
from streams.intake.mqtt_options import Options
from streams.intake.mqtt_rows import Message
from streams.intake.mqtt_session import MAX_PAYLOAD, Delivered
from streams.settings import Settings


class Connection:
    """Stands for a session; remembers what was acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []

    def acknowledge(self, mids: list[int]) -> None:
        self.acknowledged += mids


@pytest.fixture
def bridge(tmp_path: Path) -> Bridge:
    mapped, _ = parse(tomllib.loads('[[subscription]]\ntopic = "own/{domain}"\ndomain = "{domain}"\n'))
    assert mapped is not None
    return Bridge(Settings({"data": str(tmp_path)}, env={}), Options("h", 1, "c"), mapped, print)


def delivered(connection: Any, mid: int, qos: int = 1, payload: bytes = b"", size: int = 0) -> Delivered:
    return Delivered(Message("own/gas", payload, 0), connection, mid, qos, size or len(payload))


def test_each_message_is_acknowledged_where_it_came_from(bridge: Bridge) -> None:
    """Also while the connection is being made: a broker sends what it kept before it answers the subscription."""
    old, new = Connection(), Connection()
    bridge._acknowledge([delivered(old, 7), delivered(new, 1), delivered(new, 9, qos=0), delivered(new, 2)])
    assert (old.acknowledged, new.acknowledged) == ([7], [1, 2])


async def test_a_message_that_breaks_the_mapping_is_refused_alone(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = b'{"sensor":"a","ts":1,"value":2}'
    convert = bridge._mapper.convert

    def broken(messages: list[Message]) -> Any:
        if any(m.payload == b"boom" for m in messages):
            raise RuntimeError("a fault of ours")
        return convert(messages)

    monkeypatch.setattr(bridge._mapper, "convert", broken)
    batch = [delivered(None, k, payload=p) for k, p in enumerate([good, b"boom", b"{", good])]
    readings = bridge._convert(batch)
    assert len(readings.columns["gas"]) == 2
    assert {(r.message, r.reason) for r in readings.rejects} == {
        (1, "cannot be mapped: RuntimeError"), (2, "bad JSON"),
    }  # fmt: skip


async def test_a_large_payload_is_refused_with_its_size(bridge: Bridge) -> None:
    records, taken = await bridge._records([delivered(None, 1, payload=b"x" * 100, size=MAX_PAYLOAD + 1)])
    assert taken == 0
    (record,) = records
    headers = dict(record.headers)
    assert record.topic == "readings.rejected"
    assert headers["truncated"] == b"%d" % (MAX_PAYLOAD + 1)
    assert headers["source"] == b"mqtt:own/gas"
    assert b"larger than 4,194,304 bytes" in headers["reason"]
