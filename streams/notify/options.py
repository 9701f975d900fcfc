"""The notifier's settings, read and checked: gateways, secrets, limits, templates."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.duty.records import CHANNELS
from streams.errors import UsageError, explain
from streams.notify import templates
from streams.notify.addresses import Allowed
from streams.notify.channels.push import push_fault
from streams.notify.guard import url_fault
from streams.settings import Settings

GATEWAYS = ("sms_url", "voice_url", "mail_url")
SECRETS = ("sms_secret", "voice_secret", "webhook_secret", "inbound_secret")
LOCAL = ("file", "console")  # in place of a gateway: what a demo has
SHORTEST_SECRET = 16
TEMPLATES = Path(__file__).parent / "templates.toml"


@dataclass(frozen=True)
class Options:
    gateways: Mapping[str, str] = field(default_factory=dict, repr=False)  # of GATEWAYS
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # of SECRETS
    allowed: Allowed = field(default_factory=Allowed)
    rates: Mapping[str, int] = field(default_factory=dict)
    templates: templates.Templates = field(default_factory=dict, repr=False)
    lang: str = "zh"
    timeout_s: float = 10.0


def allowed_from(settings: Settings) -> Allowed:
    """Hosts and networks of our own that messages may go to; raises UsageError."""
    try:
        return Allowed.parse(settings.notify_allow)
    except ValueError as error:
        raise UsageError(f"CITYOPS_NOTIFY_ALLOW: {error}") from None


def options_from(settings: Settings) -> Options:
    """All of them; raises UsageError for the first that cannot be used. Looks up the hosts of gateways."""
    allowed = allowed_from(settings)
    kept = secrets_from(settings)
    for name in GATEWAYS:
        if fault := gateway_fault(name, kept[name], allowed):
            raise UsageError(f"CITYOPS_NOTIFY_{name.upper()}: {fault}")
    return Options(
        gateways={name: kept[name] for name in GATEWAYS},
        secrets={name: kept[name] for name in SECRETS},
        allowed=allowed,
        rates=rates(settings.notify_rate),
        templates=templates_from(settings),
        lang=settings.notify_language,
        timeout_s=settings.notify_timeout_s,
    )


def secrets_from(settings: Settings) -> dict[str, str]:
    """URLs and secrets of the environment, else of the file `notify_file`; raises UsageError."""
    names = (*GATEWAYS, *SECRETS)
    stored: dict[str, Any] = {}
    if settings.notify_file:
        try:
            stored = tomllib.loads(Path(settings.notify_file).expanduser().read_text("utf-8"))
        except OSError as error:
            raise UsageError(f"CITYOPS_NOTIFY_FILE: {explain(error)}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            raise UsageError(f"CITYOPS_NOTIFY_FILE={settings.notify_file}: no TOML; want lines name = '…'") from None
        for name, value in stored.items():
            if name not in names or not isinstance(value, str):
                raise UsageError(f"{settings.notify_file}: {name[:40]}: want a text for one of {', '.join(names)}")
    out = {name: str(getattr(settings, f"notify_{name}") or stored.get(name, "")) for name in names}
    for name in SECRETS:
        if out[name] and len(out[name]) < SHORTEST_SECRET:
            raise UsageError(f"CITYOPS_NOTIFY_{name.upper()}: want at least {SHORTEST_SECRET} characters, or nothing")
    return out


def gateway_fault(name: str, url: str, allowed: Allowed) -> str:
    """Why a gateway's URL cannot be used, "" where it can, or is empty, `file` or `console`."""
    if not url or url in LOCAL:
        return ""
    return push_fault(url, allowed) if name == "mail_url" else url_fault(url, allowed)


def address_fault(channel: str, address: str, allowed: Allowed) -> str:
    """Why a contact's address cannot be used, "" where it can: for whoever keeps contacts. Blocks for look-ups."""
    if channel not in CHANNELS:
        return f"there is no channel {channel[:20]!r}; known are {', '.join(CHANNELS)}"
    if channel == "feed" or address.removesuffix(":") in LOCAL:
        return ""
    if channel in ("voice", "sms"):
        good = address.lstrip("+").replace("-", "").replace(" ", "")
        return "" if good.isascii() and good.isdigit() and 3 <= len(good) <= 20 else "want a telephone number"
    if channel == "email" and "://" not in address:
        return "" if address.count("@") == 1 and not address.startswith("@") else "want a mail address"
    if channel == "webhook":
        return url_fault(address, allowed)
    return push_fault(address, allowed)


def rates(text: str) -> dict[str, int]:
    """Messages a minute by channel; 0 or no entry: no limit. Raises UsageError.

    >>> rates("sms=300, chat=20")
    {'sms': 300, 'chat': 20}
    """
    out: dict[str, int] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        channel, _, number = part.partition("=")
        if channel.strip() not in CHANNELS or not number.strip().isdigit():
            raise UsageError(
                f"CITYOPS_NOTIFY_RATE: {part[:40]!r}: want channel=messages a minute, with one of {', '.join(CHANNELS)}"
            )
        out[channel.strip()] = int(number)
    return out


def templates_from(settings: Settings) -> templates.Templates:
    """Those that ship, and those of `notify_templates` in their place; raises UsageError."""
    try:
        base = templates.read(TEMPLATES.read_text("utf-8"), TEMPLATES.name)
        if not settings.notify_templates:
            return base
        path = Path(settings.notify_templates).expanduser()
        return templates.read(path.read_text("utf-8"), str(path), base)
    except templates.TemplateError as error:
        raise UsageError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        said = explain(error) if isinstance(error, OSError) else "no UTF-8 text"
        raise UsageError(f"CITYOPS_NOTIFY_TEMPLATES: {said}") from None
