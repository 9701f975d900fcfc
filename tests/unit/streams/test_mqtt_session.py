"""The bridge's own reading of MQTT against paho's, byte for byte, and that nothing is acknowledged by itself."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from streams.cli.benches.mqtt_devices import _length, _text
from streams.errors import UsageError
from streams.intake import mqtt_session
from streams.intake.mqtt_inbox import INBOX_BYTES, Inbox
from streams.intake.mqtt_options import Options, options_from
from streams.intake.mqtt_rows import Message
from streams.intake.mqtt_session import FAST, Delivered, Session
from streams.settings import Settings

PONG = b"\xd0\x00"
fast_only = pytest.mark.skipif(not FAST, reason="this paho lacks the places the bridge's own reading uses")


class Wire:
    """A socket that has received `data`, given out in pieces."""

    def __init__(self, data: bytes, rnd: random.Random, most: int) -> None:
        self.data, self.rnd, self.most, self.sent = data, rnd, most, b""

    def recv(self, size: int) -> bytes:
        if not self.data:
            raise BlockingIOError
        n = min(size, self.rnd.randint(1, self.most))
        out, self.data = self.data[:n], self.data[n:]
        return out

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


def publish(rnd: random.Random, v5: bool, size: int) -> bytes:
    qos = rnd.randint(0, 1)
    body = _text(rnd.choice(["a", "city/522601/water/井/telemetry", "x" * 200]))
    if qos:
        body += struct.pack("!H", rnd.randint(1, 65_535))
    if v5:
        properties = Properties(PacketTypes.PUBLISH)
        if rnd.random() < 0.5:
            properties.UserProperty = [("site", "7"), ("k" * rnd.randint(1, 200), "井")]
            properties.MessageExpiryInterval = 5
        body += properties.pack()
    body += rnd.randbytes(size)
    return bytes([0x30 | rnd.randint(0, 1) | qos << 1]) + _length(len(body)) + body


def connected(session: Session, data: bytes, rnd: random.Random, most: int) -> Wire:
    wire = Wire(data, rnd, most)
    session._client._sock = wire  # type: ignore[assignment]
    return wire


def read_all(session: Session, wire: Wire) -> None:
    for _ in range(200_000):
        if not wire.data and not session._frame[session._frame_at :]:
            return
        session._client.loop_read()
    raise AssertionError("does not come to the end")


@fast_only
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_our_reading_equals_pahos(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_763_884_800.0)
    for seed in range(8):
        rnd = random.Random(seed)
        sizes = [rnd.choice([0, 1, 60, 90, 127, 200, 3_000]) for _ in range(60)]
        stream = b"".join(publish(rnd, protocol == "5", n) + (PONG if rnd.random() < 0.2 else b"") for n in sizes)
        both: list[list[Any]] = []
        for fast in (True, False):
            got: list[Delivered] = []
            session = Session(Options("h", 1, "c", protocol), got.append, want_user=True, fast=fast)
            wire = connected(session, stream, random.Random(seed), rnd.choice([1, 7, 1_000, 300_000]))
            read_all(session, wire)
            both.append([(d.message._replace(user=tuple(d.message.user)), d.mid, d.qos, d.size) for d in got])
            assert not session._client._out_packet, "acknowledged by itself"
        assert len(both[0]) == len(sizes)
        assert both[0] == both[1]


@pytest.mark.parametrize("fast", [pytest.param(True, marks=fast_only), False])
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_acknowledgements_leave_when_told_to(fast: bool, protocol: str) -> None:
    session = Session(Options("h", 1, "c", protocol), lambda got: None, fast=fast)
    session.acknowledge([1])  # no connection: nothing happens
    wire = connected(session, b"", random.Random(0), 1)
    session._client.on_socket_register_write = None
    session.acknowledge([])
    session.acknowledge([1, 2, 0x1234])
    session._client.loop_write()
    assert wire.sent == b"\x40\x02\x00\x01\x40\x02\x00\x02\x40\x02\x12\x34"


@fast_only
async def test_a_payload_too_large_is_cut_and_the_stream_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_session, "MAX_PAYLOAD", 100_000)
    monkeypatch.setattr(mqtt_session, "KEPT", 70_000)
    rnd = random.Random(3)
    stream = publish(rnd, True, 900_000) + publish(rnd, True, 5)
    for most in (1_000, 50_000, 300_000):
        got: list[Delivered] = []
        session = Session(Options("h", 1, "c"), got.append)
        read_all(session, connected(session, stream, random.Random(most), most))
        assert [(d.size, len(d.message.payload)) for d in got] == [(900_000, 70_000), (5, 5)]
        assert len(session._buffer) == 0


@fast_only
@pytest.mark.parametrize(
    "junk",
    [b"\x30\xff\xff\xff\xff\x01", b"\x32\x02\x00\x09", b"\x30\x01\x00", b"\x30\x05\x00\x01a\x7f\x00", b"\x00\x00"],
)
async def test_what_is_no_mqtt_ends_the_connection(junk: bytes) -> None:
    got: list[Delivered] = []
    session = Session(Options("h", 1, "c"), got.append)
    wire = connected(session, junk, random.Random(0), 300_000)
    assert session._client.loop_read() != 0
    assert session._client.socket() is None
    assert (got, wire.data) == ([], b"")


@pytest.mark.parametrize(
    ("protocol", "answers"),
    [("5", [ReasonCode(PacketTypes.SUBACK, identifier=k) for k in (1, 0, 0x87)]), ("3.1.1", [1, 0, 0x80])],
)
async def test_refused_and_lessened_subscriptions_are_told(
    protocol: str, answers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(Options("h", 1, "c", protocol), lambda got: None)

    async def subscribe(wanted: list[Any]) -> list[Any]:
        assert [name for name, _ in wanted] == ["a", "b", "c"]
        return answers

    monkeypatch.setattr(session, "subscribe", subscribe)
    told = await session.ask([("a", 1), ("b", 1), ("c", 1)])
    assert [t.split("'")[1] for t in told] == ["b", "c"]
    assert "only with QoS 0" in told[0]
    assert "refused" in told[1]


class _Paused:
    def __init__(self) -> None:
        self.paused = False

    def pause(self) -> None:
        self.paused = True


async def test_the_inbox_is_bounded() -> None:
    """Above the bound QoS 0 is dropped; QoS 1 pauses the reading and is kept: the broker's window bounds it."""
    inbox, session = Inbox(), _Paused()
    mega = bytes(1024 * 1024)

    def put(qos: int) -> None:
        inbox.put(Delivered(Message("t", mega, 0), session, 1, qos, len(mega)))  # type: ignore[arg-type]

    while not session.paused:
        put(0)
    assert inbox.bytes <= INBOX_BYTES + 2 * len(mega)
    held = len(inbox)
    put(0)
    assert len(inbox) == held
    put(1)
    assert len(inbox) == held + 1
    taken = 0
    while len(inbox):
        batch = await inbox.take(1_000, 0.001)
        assert 0 < len(batch) <= 4
        taken += len(batch)
        inbox.done(batch)
    assert (taken, inbox.bytes, inbox.room()) == (held + 1, 0, True)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"mqtt_url": "http://h"}, "want mqtt://host:port or mqtts://host:port"),
        ({"mqtt_url": "mqtt://h:x"}, "want mqtt://host:port"),
        ({"mqtt_url": "mqtt://h:0"}, "want mqtt://host:port"),
        ({"mqtt_url": "mqtt://me:pw@h"}, "name it in CITYOPS_MQTT_USERNAME"),
        ({"mqtt_protocol": "4"}, "CITYOPS_MQTT_PROTOCOL='4': want 5 or 3.1.1"),
        ({"mqtt_window": 0}, "CITYOPS_MQTT_WINDOW=0: want 1 to 65535"),
        ({"mqtt_password": "x"}, "set CITYOPS_MQTT_USERNAME"),
        ({"mqtt_username": "u", "mqtt_password_file": "/nowhere"}, "CITYOPS_MQTT_PASSWORD_FILE='/nowhere' cannot"),
        ({"mqtt_username": "u", "mqtt_password_file": "/x", "mqtt_password": "p"}, "leave one out"),
        ({"mqtt_cafile": "/x"}, "CITYOPS_MQTT_URL says mqtt://"),
        ({"mqtt_insecure": True}, "CITYOPS_MQTT_URL says mqtt://"),
        ({"mqtt_url": "mqtts://h", "mqtt_cafile": "/nowhere"}, "CITYOPS_MQTT_CAFILE='/nowhere' cannot be used"),
        ({"mqtt_url": "mqtts://h", "mqtt_keyfile": "/x"}, "needs CITYOPS_MQTT_CERTFILE"),
        ({"mqtt_client_id": "a\nb"}, "want at most 200 printable bytes"),
    ],
)
def test_each_bad_setting_is_named(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        options_from(Settings(given, env={}))
    assert told in str(caught.value)
    assert "pw@" not in str(caught.value)


def test_options(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("s3cret\n")
    made = options_from(
        Settings({"mqtt_url": "mqtts://[::1]", "mqtt_username": "u", "mqtt_password_file": str(tmp_path / "p")}, env={})
    )
    assert (made.host, made.port, made.password, made.url) == ("::1", 8883, "s3cret", "mqtts://[::1]:8883")
    assert made.client_id.startswith("cityops-")
    assert "s3cret" not in repr(made)
