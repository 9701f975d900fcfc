"""Addresses as they may be shown: enough to know which, too little to use. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def masked(address: str) -> str:
    """A telephone number without its middle, a mail address without its name, a URL as scheme and host only.

    >>> masked("13812345678"), masked("li.wei@example.com"), masked("https://u:p@hook.example.com:8443/x?t=1")
    ('138****5678', 'l***@example.com', 'https://hook.example.com:8443/***')
    >>> masked("dingtalk://9f8e7d6c/"), masked(""), masked("12345")
    ('dingtalk://***', '', '***')
    """
    if not address:
        return ""
    if "://" in address:
        scheme = address.partition("://")[0].lower()
        if scheme not in ("http", "https"):
            return f"{scheme}://***"  # where a host would be, these have tokens
        try:
            parts = urlsplit(address)
            port = f":{parts.port}" if parts.port else ""
            return f"{scheme}://{parts.hostname or ''}{port}/***"
        except ValueError:
            return f"{scheme}://***"
    if "@" in address:
        name, _, host = address.rpartition("@")
        return f"{name[:1]}***@{host}"
    if re.fullmatch(r"\+?[\d\- ]{8,}", address):
        return f"{address[:3]}****{address[-4:]}"
    return "***"
