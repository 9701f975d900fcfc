"""From a real MQTT broker to a real Kafka: mappings, poison, sharing, TLS and a clean end."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from streams.cli.benches.mqtt_devices import T0, Device
from streams.codec import from_rows, pack
from streams.kafka import create_topics
from streams.settings import Settings
from tests.integration.mqtt_brokers import (
    KINDS,
    Bridge,
    broker_of,
    rejects_in_kafka,
    rows_in_kafka,
    running,
)
from tests.integration.small_city import settings_of

pytestmark = pytest.mark.integration

MAPPING = r"""
[[subscription]]
topic = "city/{county}/{domain}/{device}/telemetry"
domain = "{domain}"
sensor = "{county}-{letter}-PRS-{device:06}"
parts = { county = '5226\d\d' }
ts = { path = "/t", unit = "s" }
[[subscription.value]]
path = "/p"
scale = 0.1
[[subscription]]
topic = "plc/{domain}/{sensor}"
domain = "{domain}"
sensor = "{sensor}"
payload = "raw"
[[subscription]]
topic = "own/{domain}"
domain = "{domain}"
[[subscription]]
topic = "packed/{domain}"
domain = "{domain}"
payload = "packed"
"""


@pytest.fixture
def settings(broker: str) -> Settings:
    made = settings_of(broker, f"mq{uuid.uuid4().hex[:6]}")
    create_topics(made)
    return made


@pytest.mark.parametrize(("kind", "protocol"), KINDS)
def test_messages_of_every_form_arrive_and_poison_stops_nothing(
    kind: str, protocol: str, settings: Settings, tmp_path: Path
) -> None:
    poison = [
        ("city/522601/water/1/telemetry", b"{"),
        ("city/999999/water/1/telemetry", b'{"t":1763884800,"p":1}'),
        ("plc/heat/a", b"1"),
        ("own/gas", b"\x00\xff" * 40),
        ("packed/gas", b"\x81\xff"),
        ("own/gas", b'[{"sensor":"g1","ts":7,"value":7},{"sensor":"g2"}]'),
    ]
    good = [
        ("city/522601/water/17/telemetry", b'{"t":1763884800.25,"p":417}'),
        ("plc/water/522601-W-LVL-000001", b" 2.5\n"),
        ("own/gas", b'{"sensor":"g0","ts":"2025-11-23T08:00:00Z","value":1}'),
        ("packed/water", pack(from_rows([("p0", 5, 1.5), ("p1", 6, 2.5)]))),
    ]
    with broker_of(kind, tmp_path / "mqtt") as mqtt:
        bridge = Bridge(settings, MAPPING, tmp_path, mqtt_url=mqtt.url, mqtt_protocol=protocol)
        with running(bridge):
            before = time.time() * 1000
            device = Device(mqtt.port, "devices")
            device.publish([m for pair in zip(poison, [*good, *good], strict=False) for m in pair])
            water, sources = rows_in_kafka(settings, "water", 4)
            gas, _ = rows_in_kafka(settings, "gas", 2)
            assert set(sources) == {"mqtt:bridge"}
            stamps = {s: t for s, t, _ in water}
            assert {(s, v) for s, _, v in water} == {
                ("522601-W-PRS-000017", 41.7), ("522601-W-LVL-000001", 2.5), ("p0", 1.5), ("p1", 2.5),
            }  # fmt: skip
            assert stamps["522601-W-PRS-000017"] == T0 + 250
            assert before - 1000 < stamps["522601-W-LVL-000001"] < before + 20_000
            assert set(gas) == {("g0", T0, 1.0), ("g1", 7, 7.0)}
            refused = rejects_in_kafka(settings, len(poison))
            assert [(r.source, r.value) for r in refused] == [("mqtt:" + t, p) for t, p in poison]
            assert [r.rows for r in refused] == [()] * 5 + [(1,)]
            assert "part county of topic" in refused[1].reason
            assert "packed message" in refused[4].reason
            device.close()
            assert bridge.stop() == 0
        assert not list((tmp_path / "data" / "mqtt").glob("*"))
        bridge.start()  # everything was acknowledged: nothing comes again
        time.sleep(0.5)
        assert bridge.stop() == 0
    assert len(rejects_in_kafka(settings, len(poison))) == len(poison)


@pytest.mark.parametrize(("kind", "protocol"), [KINDS[0], KINDS[1]])
def test_what_was_sent_while_the_bridge_was_away_arrives(
    kind: str, protocol: str, settings: Settings, tmp_path: Path
) -> None:
    with broker_of(kind, tmp_path / "mqtt") as mqtt:
        bridge = Bridge(settings, MAPPING, tmp_path, mqtt_url=mqtt.url, mqtt_protocol=protocol)
        bridge.start()
        assert bridge.stop() == 0
        device = Device(mqtt.port, "devices")
        device.publish([("own/gas", b'{"sensor":"g","ts":%d,"value":1}' % k) for k in range(3_000)])
        device.publish([("plc/gas/old", b"1")], retain=True)
        with running(bridge):
            rows, _ = rows_in_kafka(settings, "gas", 3_001)
        assert sorted(t for s, t, _ in rows if s == "g") == list(range(3_000))


def test_bridges_that_share_a_subscription_take_each_message_once(settings: Settings, tmp_path: Path) -> None:
    shared = MAPPING.replace('topic = "own/{domain}"', 'topic = "own/{domain}"\nshare = "cityops"')
    with broker_of("mosquitto", tmp_path / "mqtt") as mqtt:
        bridges = [Bridge(settings, shared, tmp_path, f"bridge-{k}", mqtt_url=mqtt.url) for k in (1, 2)]
        with running(*bridges):
            device = Device(mqtt.port, "devices")
            device.publish([("own/gas", b'{"sensor":"g%d","ts":%d,"value":1}' % (k % 50, k)) for k in range(4_000)])
            rows, sources = rows_in_kafka(settings, "gas", 4_000)
            assert sorted(t for _, t, _ in rows) == list(range(4_000))
            assert set(sources) == {"mqtt:bridge-1", "mqtt:bridge-2"}
            assert [b.stop() for b in bridges] == [0, 0]


def certificates(folder: Path) -> None:
    """ca.pem, server.pem and server.key for 127.0.0.1, and other.pem, which has signed nothing."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: no certificates to test TLS with")
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca",
        "req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 2 -subj /CN=other",
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=127.0.0.1",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile san",
    ):
        subprocess.run([openssl, *command.split()], cwd=folder, check=True, capture_output=True)


def test_tls_and_a_password(settings: Settings, tmp_path: Path) -> None:
    certificates(tmp_path)
    program = shutil.which("mosquitto_passwd")
    login = "allow_anonymous true"
    if program is not None:
        subprocess.run([program, "-b", "-c", str(tmp_path / "users"), "city", "s3cret"], check=True)
        (tmp_path / "users").chmod(0o644)
        login = f"allow_anonymous false\npassword_file {tmp_path}/users"
    conf = f"cafile {tmp_path}/ca.pem\ncertfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.key\n{login}"
    (tmp_path / "password").write_text("s3cret\n")
    with broker_of("mosquitto", tmp_path / "mqtt", conf) as mqtt:
        url = f"mqtts://127.0.0.1:{mqtt.port}"
        file = {"mqtt_username": "city", "mqtt_password_file": str(tmp_path / "password")}
        stranger = Bridge(
            settings, MAPPING, tmp_path, "stranger", mqtt_url=url, mqtt_cafile=str(tmp_path / "other.pem"), **file
        )
        bridge = Bridge(settings, MAPPING, tmp_path, mqtt_url=url, mqtt_cafile=str(tmp_path / "ca.pem"), **file)
        stranger.start(0)
        with running(bridge):
            context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
            device = Device(mqtt.port, "devices", tls=context, login=("city", "s3cret"))
            device.publish([("own/gas", b'{"sensor":"g","ts":%d,"value":1}' % k) for k in range(3_000)])
            rows, _ = rows_in_kafka(settings, "gas", 3_000)
            assert sorted(t for _, t, _ in rows) == list(range(3_000))
            stranger.waits_to_tell("CITYOPS_MQTT_CAFILE")
            assert '"ready"' not in stranger.told()
            assert [stranger.stop(), bridge.stop()] == [0, 0]
        if program is not None:
            wrong = Bridge(
                settings, MAPPING, tmp_path, "wrong",
                mqtt_url=url, mqtt_cafile=str(tmp_path / "ca.pem"), mqtt_username="city", mqtt_password="g4ess",
            )  # fmt: skip
            wrong.start(0)
            wrong.waits_to_tell("CITYOPS_MQTT_PASSWORD")
            assert wrong.stop() == 0
            assert "g4ess" not in wrong.told()
        assert "s3cret" not in stranger.told() + bridge.told()


async def test_sensors_named_by_user_properties(settings: Settings, tmp_path: Path) -> None:
    import aiomqtt
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    mapping = '[[subscription]]\ntopic = "up"\ndomain = "gas"\npayload = "raw"\nsensor = "{user.site}-{user.well}"\n'
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("site", "5"), ("well", "井")]
    properties.ContentType = "text/plain"
    with (
        broker_of("mosquitto", tmp_path / "mqtt") as mqtt,
        running(Bridge(settings, mapping, tmp_path, mqtt_url=mqtt.url)),
    ):
        async with aiomqtt.Client("127.0.0.1", mqtt.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.publish("up", "7", 1, properties=properties)
        rows, _ = rows_in_kafka(settings, "gas", 1)
    assert [(s, v) for s, _, v in rows] == [("5-井", 7.0)]
