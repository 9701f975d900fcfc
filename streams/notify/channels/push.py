"""Chat, mail and push services through apprise: DingTalk, WeCom, Feishu, mail, Bark and others by their URL.

apprise blocks, so each attempt has a thread; a destination has at most one, so one that hangs holds up nobody else.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from typing import Any
from urllib.parse import quote

from streams.notify.addresses import Allowed
from streams.notify.channels.base import Envelope, Outcome
from streams.notify.guard import addresses_of, guarded, host_fault

# Not over a network, or by programs and files of this machine
LOCAL = frozenset({
    "dbus", "glib", "gio", "gnome", "growl", "kde", "macosx", "qt", "syslog", "rsyslog", "windows", "file", "memory",
})  # fmt: skip
_TOPICS = {"zh": "通知", "en": "notice"}


class Push:
    def __init__(self, allowed: Allowed, mail_url: str = "") -> None:
        self._allowed, self._mail_url = allowed, mail_url
        self._hanging: dict[str, threading.Thread] = {}

    async def send(self, e: Envelope) -> Outcome:
        url = apprise_url(e.address, self._mail_url)
        if not url:
            return Outcome(False, "no mail gateway is set (CITYOPS_NOTIFY_MAIL_URL)", final=True)
        before = self._hanging.get(e.address)
        if before is not None and before.is_alive():
            return Outcome(False, "the attempt before still hangs")
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        found: list[Outcome] = []

        def work() -> None:
            found.append(self._notify(url, e))
            loop.call_soon_threadsafe(done.set)

        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(work,), daemon=True, name="push")
        self._hanging[e.address] = thread
        thread.start()
        await done.wait()
        self._hanging.pop(e.address, None)
        return found[0]

    def _notify(self, url: str, e: Envelope) -> Outcome:
        extra: frozenset[str] = frozenset()
        try:
            plugin = instantiate(url)
            host = plugin_host(plugin) if plugin else ""
            if host and self._allowed.host(host):
                extra = frozenset(addresses_of(host))
            with guarded(self._allowed, extra) as mine:
                ok = bool(plugin and plugin.notify(body=e.text, title=e.subject or _TOPICS[e.lang]))
        except Exception as error:  # plugins of many hands: whatever they raise, the message is not taken
            return Outcome(False, type(error).__name__)
        if mine.blocked:
            return Outcome(False, f"not allowed: {mine.blocked}", final=True)
        return Outcome(ok, "" if ok else "the service did not take it")


def apprise_url(address: str, mail_url: str) -> str:
    """A plain mail address goes through the mail gateway's URL; "" where there is none.

    >>> apprise_url("li@example.com", "mailtos://u:p@example.com"), apprise_url("bark://h/k", "")
    ('mailtos://u:p@example.com?to=li%40example.com', 'bark://h/k')
    """
    if "://" in address:
        return address
    if not mail_url:
        return ""
    return f"{mail_url}{'&' if '?' in mail_url else '?'}to={quote(address, safe='')}"


def instantiate(url: str) -> Any:
    """apprise's plugin for a URL, None where it knows none."""
    from apprise import Apprise, AppriseAsset

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # its lines name URLs
    return Apprise.instantiate(url, asset=AppriseAsset(async_mode=False, secure_logging=True))


def plugin_host(plugin: Any) -> str:
    """The host that a URL itself names, "" where the service's own is in the plugin."""
    if smtp := getattr(plugin, "smtp_host", ""):
        return str(smtp)
    named = any("{host}" in template for template in getattr(plugin, "templates", ()))
    return str(getattr(plugin, "host", "") or "") if named else ""


def push_fault(url: str, allowed: Allowed) -> str:
    """Why a URL is nothing that apprise may send to, "" where it is. Blocks for the look-up of its host."""
    scheme = url.partition("://")[0].lower()
    if scheme in LOCAL:
        return f"{scheme}:// sends to this machine itself, which is not allowed"
    plugin = instantiate(url)
    if plugin is None:
        return f"apprise knows no service for it ({scheme[:20]}://…); see https://github.com/caronc/apprise"
    host = plugin_host(plugin)
    return host_fault(host, allowed) if host else ""
