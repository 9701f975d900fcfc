"""The one list of channels: which way a message of a contact's channel goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from streams.notify.channels.base import Channel, Envelope, Outcome
from streams.notify.channels.gateway import Gateway
from streams.notify.channels.http import Poster
from streams.notify.channels.local import Console, LinesFile
from streams.notify.channels.push import Push
from streams.notify.channels.webhook import Webhook
from streams.notify.options import Options

LINES = "notifications.jsonl"


class Channels:
    """All ways out of this process. Close it when done."""

    def __init__(self, options: Options, folder: Path) -> None:
        self._options = options
        self._poster = Poster(options.allowed, options.timeout_s)
        self._local: dict[str, Channel] = {"file": LinesFile(folder / LINES), "console": Console()}
        push = Push(options.allowed, options.gateways.get("mail_url", ""))
        self._ways: dict[str, Channel | None] = {
            "voice": self._gateway("voice"),
            "sms": self._gateway("sms"),
            "chat": push,
            "email": self._local.get(options.gateways.get("mail_url", ""), push),
            "webhook": Webhook(self._poster, options.secrets.get("webhook_secret", "")),
        }

    def _gateway(self, kind: str) -> Channel | None:
        url = self._options.gateways.get(f"{kind}_url", "")
        if not url:
            return None
        return self._local.get(url) or Gateway(self._poster, url, self._options.secrets.get(f"{kind}_secret", ""), kind)

    async def send(self, e: Envelope) -> Outcome:
        """One attempt within its time limit."""
        way = self._local.get(e.address.removesuffix(":")) or self._ways.get(e.channel)
        if way is None:
            return Outcome(
                False, f"no gateway for {e.channel} is set (CITYOPS_NOTIFY_{e.channel.upper()}_URL)", final=True
            )
        try:
            async with asyncio.timeout(self._options.timeout_s):
                return await way.send(e)
        except TimeoutError:
            return Outcome(False, f"no answer within {self._options.timeout_s:g} s")

    async def close(self) -> None:
        await self._poster.close()
