"""Signed webhooks: a CloudEvents 1.0 event in structured JSON mode, with an HMAC-SHA256 header."""

from __future__ import annotations

import time

import msgspec

from streams.notify import signing
from streams.notify.channels.base import Envelope, Outcome
from streams.notify.channels.http import Poster


class Webhook:
    def __init__(self, poster: Poster, secret: str) -> None:
        self._poster, self._secret = poster, secret

    async def send(self, e: Envelope) -> Outcome:
        body = event(e)
        headers = {"Content-Type": "application/cloudevents+json; charset=utf-8", "Idempotency-Key": e.key}
        headers |= signing.headers(self._secret, time.time(), body)
        return await self._poster.post(e.address, body, headers, arrived=True)


def event(e: Envelope) -> bytes:
    """The body: `id` is the idempotency key, `subject` the alert, or the worst of several."""
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": e.key,
            "source": f"/cityops/runs/{e.run}" if e.run else "/cityops",
            "type": f"cityops.notice.{e.why}",
            "subject": e.alerts[0] if e.alerts else "",
            "time": e.at,
            "datacontenttype": "application/json",
            "data": {
                "text": e.text, "severity": e.severity, "mode": e.mode, "person": e.person, "due": e.due,
                "alerts": e.alerts, "facts": e.more,
            },
        }
    )  # fmt: skip
