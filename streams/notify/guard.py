"""The guard against destinations in our own network: at configuration, and at each connection.

At connection it is an audit hook of the interpreter (PEP 578): what it judges is the very address that `connect` is
called with, in whatever library, after redirects and proxies; a name that resolves to another address the second
time (DNS rebinding) gains nothing. It is in force only within `guarded()`: Kafka and the database are not concerned.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from streams.notify.addresses import Allowed, Network, refused


class Blocked(ConnectionError):
    """A connection that is not made; the text says to where and why."""


class Pass:
    """What one attempt may connect to; `blocked` says what was refused on the way."""

    def __init__(self, allowed: Allowed, extra: frozenset[str] = frozenset()) -> None:
        self.allowed, self.extra, self.blocked = allowed, extra, ""


_pass: ContextVar[Pass | None] = ContextVar("notify_pass", default=None)


@contextmanager
def guarded(allowed: Allowed, extra: frozenset[str] = frozenset()) -> Iterator[Pass]:
    """Inside, this task (and threads that copy its context) connects to public addresses and `extra` only.

    `extra`: addresses of a host that is allowed by name.
    """
    install()
    mine = Pass(allowed, extra)
    token = _pass.set(mine)
    try:
        yield mine
    finally:
        _pass.reset(token)


@cache
def install() -> None:
    """Once a process; hooks cannot be removed, and outside of `guarded` this one does nothing."""
    own_networks()
    sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto"):
        return
    mine = _pass.get()
    if mine is None:
        return
    address = args[1]
    if not isinstance(address, tuple):
        mine.blocked = "a local socket"
        raise Blocked("a message may not go to a local socket")
    if address[0] in mine.extra:
        return
    why = refused(str(address[0]), mine.allowed, own_networks())
    if why:
        mine.blocked = why
        raise Blocked(why)


def addresses_of(host: str) -> list[str]:
    """Addresses of a host; none where it has none. Blocks."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def host_fault(host: str, allowed: Allowed) -> str:
    """Why a host is no destination, "" where it is: one of its addresses is ours, or it has none. Blocks."""
    if not host:
        return "it names no host"
    if allowed.host(host):
        return ""
    found = addresses_of(host)
    if not found:
        return f"host {host} has no address"
    for address in found:
        if why := refused(address, allowed, own_networks()):
            return f"host {host} is not allowed: {why}; name it in CITYOPS_NOTIFY_ALLOW if that is meant"
    return ""


def url_fault(url: str, allowed: Allowed) -> str:
    """Why an http(s) URL is no destination, "" where it is. Blocks for the look-up of its host."""
    try:
        parts = urlsplit(url)
        _ = parts.port
        host = parts.hostname or ""
    except ValueError as error:
        return f"it is no URL ({error})"
    if parts.scheme not in ("http", "https"):
        return "want a URL that begins with https:// or http://"
    return host_fault(host, allowed)


@cache
def own_networks() -> tuple[Network, ...]:
    """Networks that this machine is part of, as they were when first asked."""
    import psutil

    out: list[Network] = []
    for addresses in psutil.net_if_addrs().values():
        for a in addresses:
            if a.family in (socket.AF_INET, socket.AF_INET6) and a.address:
                mask = a.netmask and int(ipaddress.ip_address(a.netmask)).bit_count()
                text = a.address.partition("%")[0] + (f"/{mask}" if mask else "")
                out.append(ipaddress.ip_network(text, strict=False))
    return tuple(out)
