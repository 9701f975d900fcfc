"""Devices that publish with QoS 1 over a bare socket: a fiftieth of the cost of a client library, so that what is
measured is the bridge. `python -m streams.cli.benches.mqtt_devices PORT DEVICE MESSAGES` is one of the benchmark's."""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice

T0 = 1_763_884_800_000
SENSORS = 500  # of one device


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def _length(n: int) -> bytes:
    out = bytearray()
    while True:
        n, digit = divmod(n, 128)
        out.append(digit | (128 if n else 0))
        if not n:
            return bytes(out)


class Device:
    """One MQTT 3.1.1 connection. `publish` returns when the broker has acknowledged everything."""

    def __init__(
        self,
        port: int,
        name: str,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        sock = socket.create_connection((host, port), 10)
        self._sock = tls.wrap_socket(sock, server_hostname=host) if tls else sock
        flags = 2 | (0xC0 if login else 0)
        body = _text("MQTT") + bytes([4, flags]) + struct.pack("!H", 60) + _text(name)
        body += b"".join(_text(t) for t in login or ())
        self._sock.sendall(b"\x10" + _length(len(body)) + body)
        answer = self._sock.recv(4)
        if answer[:1] != b"\x20" or answer[3:] != b"\x00":
            raise ConnectionError(f"the broker answered {answer!r}")
        self._mid = 0

    def publish(self, messages: Iterable[tuple[str, bytes]], window: int = 400, retain: bool = False) -> int:
        """Send all with QoS 1, at most `window` unacknowledged; returns how many."""
        source = iter(messages)
        sent = acked = 0
        rest = b""
        while True:
            part = list(islice(source, min(window - (sent - acked), 100)))
            if part:
                self._sock.sendall(b"".join([self._packet(t, p, retain) for t, p in part]))
                sent += len(part)
            if sent == acked:
                return sent
            if sent - acked >= window or not part:
                data = self._sock.recv(65_536)
                if not data:
                    raise ConnectionError(f"the broker closed the connection; {acked} of {sent} acknowledged")
                rest += data
                whole = len(rest) // 4
                acked += sum(rest[4 * k] == 0x40 for k in range(whole))
                rest = rest[4 * whole :]

    def _packet(self, topic: str, payload: bytes, retain: bool) -> bytes:
        self._mid = self._mid % 65_535 + 1
        body = _text(topic) + struct.pack("!H", self._mid) + payload
        return bytes([0x33 if retain else 0x32]) + _length(len(body)) + body

    def close(self) -> None:
        self._sock.sendall(b"\xe0\x00")
        self._sock.close()


def readings(device: int, count: int) -> Iterator[tuple[str, bytes]]:
    """One reading a message, no two with the same sensor and time."""
    for k in range(count):
        sensor = device * SENSORS + k % SENSORS
        stamp = T0 + k // SENSORS * 1000
        payload = b'{"ts":%d,"value":%.3f}' % (stamp, 30 + k % 97 / 100)
        yield f"city/522601/water/{sensor}/telemetry", payload


def main(port: int, device: int, count: int) -> None:
    publisher = Device(port, f"bench-{device}")
    print("connected", flush=True)
    sys.stdin.readline()
    begun = time.time()
    publisher.publish(readings(device, count))
    publisher.close()
    print(begun, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
