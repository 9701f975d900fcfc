"""Voice calls and SMS through a gateway of the operator: a signed POST of JSON, the same for both.

`{"id", "number", "text", "language", "severity", "mode", "code", "due", "alerts"}`; for voice also `"ack_key": "1"`:
the gateway reads the text and, when 1 is pressed, posts number and code to `/api/v1/inbound/voice`.
"""

from __future__ import annotations

import time

import msgspec

from streams.notify import signing
from streams.notify.channels.base import Envelope, Outcome
from streams.notify.channels.http import Poster


class Gateway:
    def __init__(self, poster: Poster, url: str, secret: str, kind: str) -> None:
        self._poster, self._url, self._secret, self._kind = poster, url, secret, kind

    async def send(self, e: Envelope) -> Outcome:
        said = {
            "id": e.key, "number": e.address, "text": e.text, "language": e.lang, "severity": e.severity,
            "mode": e.mode, "code": e.code, "due": e.due, "alerts": e.alerts,
        }  # fmt: skip
        if self._kind == "voice":
            said["ack_key"] = "1"
        body = msgspec.json.encode(said)
        headers = {"Content-Type": "application/json", "Idempotency-Key": e.key}
        headers |= signing.headers(self._secret, time.time(), body)
        return await self._poster.post(self._url, body, headers, arrived=False)
