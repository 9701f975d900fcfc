"""One MQTT connection whose messages are acknowledged by the bridge, not by the library.

aiomqtt 2.5 connects, subscribes and keeps alive; what it lacks is done here on the paho client below it:

* `manual_ack_set`: a PUBACK leaves only when `acknowledge` is called, after Kafka has the rows.
* Reading. aiomqtt takes one packet a wake-up of the event loop and paho three system calls and an object tree a
  packet: 105 µs of processor time a message with MQTT 3.1.1, 165 µs with MQTT 5, that is 3,000 to 6,000 a second.
  `_read` takes what the socket has and cuts out the PUBLISH packets itself; all others go to paho's own code.
* Writing. The PUBACKs of a batch leave in one write.

Where a later paho lacks the places used for that, its own reading and `ack()` are used, slower and as safe.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import aiomqtt
from paho.mqtt import MQTTException, client as mqtt
from paho.mqtt.client import Client as Paho, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from streams.intake.mqtt_rows import Message

if TYPE_CHECKING:
    from streams.intake.mqtt_options import Options

log = logging.getLogger(__name__)

CHUNK = 256 * 1024
MAX_PAYLOAD = 4 * 1024 * 1024
KEPT = 64 * 1024  # bytes kept of a larger payload, for the reject
_USES = ("_packet_read", "_sock_recv", "_loop_rc_handle", "_packet_queue")
FAST = all(hasattr(Paho, name) for name in _USES)


class Delivered(NamedTuple):
    """A message and what its acknowledgement needs. `size`: bytes of the payload, more than kept where too large."""

    message: Message
    session: Session
    mid: int
    qos: int
    size: int


class Session(aiomqtt.Client):
    """`async with Session(...)`; each message goes to `deliver`. Made anew for each connection."""

    def __init__(
        self, options: Options, deliver: Callable[[Delivered], None], want_user: bool = False, fast: bool = FAST
    ) -> None:
        self._v5 = options.protocol == "5"
        properties = None
        if self._v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = options.session_s
            properties.ReceiveMaximum = options.window
        super().__init__(
            options.host,
            options.port,
            username=options.username or None,
            password=options.password or None,
            identifier=options.client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if self._v5 else aiomqtt.ProtocolVersion.V311,
            clean_session=None if self._v5 else False,
            clean_start=False if self._v5 else mqtt.MQTT_CLEAN_START_FIRST_ONLY,  # 3.1.1 takes no other
            keepalive=options.keepalive_s,
            properties=properties,
            tls_context=options.tls,
            tls_insecure=True if options.insecure else None,
            timeout=15,
        )
        self._deliver, self._want_user = deliver, want_user
        self._client.manual_ack_set(True)
        self._fast = fast
        self._buffer = bytearray()
        self._frame, self._frame_at = b"", 0
        self._skip = 0
        self._paused = False
        if fast:
            self._client.loop_read = self._read  # type: ignore[method-assign]
            self._client._sock_recv = self._from_frame  # type: ignore[method-assign, assignment]

    async def ask(self, filters: Sequence[tuple[str, int]]) -> list[str]:
        """Subscribe to all; returns a sentence for each that the broker refused or gave less than asked."""
        if self._v5:
            wanted = [
                (f, SubscribeOptions(q, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)) for f, q in filters
            ]
            answers = await self.subscribe(wanted)
        else:
            answers = await self.subscribe(list(filters))
        troubles = []
        for (name, qos), answer in zip(filters, answers, strict=False):
            code = int(getattr(answer, "value", answer))  # type: ignore[call-overload]
            if code >= 0x80:
                troubles.append(f"the broker refused the subscription {name!r} ({answer})")
            elif code < qos:
                troubles.append(f"the broker gives {name!r} only with QoS {code}: messages may be lost")
        return troubles

    async def until_lost(self) -> None:
        """Return never; raises aiomqtt.MqttError when the connection is lost."""
        async for _ in self.messages:  # stays empty: `_on_message` takes all
            pass

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Send the PUBACKs of these messages, in this order. Nothing happens on a connection that is gone."""
        paho = self._client
        if paho.socket() is None or not mids:
            return
        if not self._fast:
            for mid in mids:
                paho.ack(mid, 1)
            return
        packet = b"".join([b"\x40\x02%c%c" % (mid >> 8, mid & 255) for mid in mids])
        paho._packet_queue(0x40, packet, mids[-1], 1)

    def pause(self) -> None:
        """Take nothing more from the socket until `resume`: too much waits."""
        sock = self._client.socket()
        if self._paused or sock is None or not self._fast:
            return
        self._paused = True
        self._loop.remove_reader(sock.fileno())

    def resume(self) -> None:
        sock = self._client.socket()
        if not self._paused or sock is None:
            return
        self._paused = False
        self._loop.add_reader(sock.fileno(), self._readable)
        self._loop.call_soon(self._readable)  # what is already in our buffer or the TLS layer makes no event

    @property
    def paused(self) -> bool:
        return self._paused

    def _readable(self) -> None:
        if not self._paused and self._client.socket() is not None:
            try:
                self._client.loop_read()
            except Exception as error:
                if not self._disconnected.done():
                    self._disconnected.set_exception(error)

    def _on_message(self, client: Paho, userdata: Any, message: MQTTMessage) -> None:
        """Called by paho where `_read` is not used."""
        topic = message._topic.decode("utf-8", "backslashreplace")
        user = getattr(message.properties, "UserProperty", ()) if message.properties else ()
        got = Message(topic, bytes(message.payload), round(time.time() * 1000), user, message.retain)
        self._deliver(Delivered(got, self, message.mid, message.qos, len(message.payload)))

    def _read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Take what the socket has. Stands for paho's `loop_read`."""
        paho = self._client
        rc = self._cut() if self._buffer else MQTTErrorCode.MQTT_ERR_SUCCESS
        while not rc:
            sock = paho.socket()
            if sock is None:
                return MQTTErrorCode.MQTT_ERR_NO_CONN
            if self._paused:
                if pending := getattr(sock, "pending", int)():  # or aiomqtt's reader would come back at once, for ever
                    self._buffer += sock.recv(pending)
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            try:
                data = sock.recv(CHUNK)
            except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            except ssl.SSLWantWriteError:
                paho._call_socket_register_write()
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            except OSError:
                data = b""
            if not data:
                rc = MQTTErrorCode.MQTT_ERR_CONN_LOST
                break
            paho._last_bytes_received = time.monotonic()
            self._buffer += data
            rc = self._cut()
            if len(data) < CHUNK and not isinstance(sock, ssl.SSLSocket):
                break
        return paho._loop_rc_handle(rc) if rc else rc

    def _cut(self) -> MQTTErrorCode:
        """Work off the whole packets of the buffer."""
        if self._skip:
            gone = min(self._skip, len(self._buffer))
            del self._buffer[:gone]
            self._skip -= gone
        data, at, now = bytes(self._buffer), 0, round(time.time() * 1000)
        rc = MQTTErrorCode.MQTT_ERR_SUCCESS
        while not rc and not self._paused:
            head = header(data, at)
            if head is None:
                break
            body, end = head
            if body == 0:
                return MQTTErrorCode.MQTT_ERR_PROTOCOL
            kind = data[at]
            plain = kind & 0xF4 == 0x30  # PUBLISH of QoS 0 or 1
            large = plain and end - body > MAX_PAYLOAD
            if end > len(data) and not (large and len(data) - body > 2 * KEPT):
                break
            if plain:
                try:
                    self._publish(data, kind, body, end, now)
                except (IndexError, ValueError):
                    return MQTTErrorCode.MQTT_ERR_PROTOCOL
                if end > len(data):
                    self._skip = end - len(data)
                    end = len(data)
            else:
                self._frame, self._frame_at = data[at:end], 0
                rc = self._client._packet_read()
                if self._client.socket() is None:
                    end = len(data)
            at = end
        del self._buffer[:at]
        return rc

    def _publish(self, data: bytes, kind: int, at: int, end: int, now_ms: int) -> None:
        size = data[at] << 8 | data[at + 1]
        topic = data[at + 2 : at + 2 + size].decode("utf-8", "backslashreplace")
        at += 2 + size
        qos, mid = kind >> 1 & 1, 0
        if qos:
            mid = data[at] << 8 | data[at + 1]
            at += 2
        user: Sequence[tuple[str, str]] = ()
        if self._v5:
            if data[at] == 0:
                at += 1
            else:
                begin, after = header(data, at - 1) or (0, 0)  # a length is written as in a packet's header
                if not begin or after > end:
                    raise ValueError("property length")
                if self._want_user:
                    user = _user_properties(data[at:after])
                at = after
        if at > end:
            raise ValueError("lengths do not fit")
        size = end - at
        payload = data[at:end] if size <= MAX_PAYLOAD else data[at : at + KEPT]
        self._deliver(Delivered(Message(topic, payload, now_ms, user, bool(kind & 1)), self, mid, qos, size))

    def _from_frame(self, size: int) -> bytes:
        """What paho reads while it works off a packet that is no PUBLISH."""
        got = self._frame[self._frame_at : self._frame_at + size]
        if not got:
            raise BlockingIOError
        self._frame_at += len(got)
        return got


def _user_properties(packed: bytes) -> Sequence[tuple[str, str]]:
    """Raises ValueError for properties that a PUBLISH cannot have."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    try:
        properties.unpack(packed)  # type: ignore[no-untyped-call]
    except (MQTTException, KeyError, AssertionError, UnicodeDecodeError) as error:
        raise ValueError("properties") from error
    return getattr(properties, "UserProperty", ())


def header(data: bytes, at: int) -> tuple[int, int] | None:
    """(begin of the body, end of the packet) of the packet at `at`; None: not all there; (0, 0): no length MQTT knows.

    >>> header(bytes([0x30, 0x80, 0x01]), 0)
    (3, 131)
    """
    length, shift = 0, 0
    for k in range(at + 1, min(at + 5, len(data))):
        byte = data[k]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return k + 1, k + 1 + length
        shift += 7
    return None if len(data) < at + 5 else (0, 0)
