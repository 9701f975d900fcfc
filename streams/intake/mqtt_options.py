"""How the bridge reaches the devices' broker: the CITYOPS_MQTT_* settings, checked and ready to use."""

from __future__ import annotations

import re
import socket
import ssl
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

from streams.errors import UsageError
from streams.settings import Settings

PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class Options:
    """`window`: messages the broker may send ahead of our acknowledgement (MQTT 5); `session_s`: how long it keeps
    what arrives while we are away (MQTT 5)."""

    host: str
    port: int
    client_id: str
    protocol: str = "5"
    username: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None
    insecure: bool = False
    keepalive_s: int = 30
    session_s: int = 86_400
    window: int = 4_000

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def options_from(settings: Settings) -> Options:
    """Raises UsageError that names the setting and the fix."""
    scheme, host, port = address(settings.mqtt_url)
    if settings.mqtt_protocol not in ("5", "3.1.1"):
        raise UsageError(f"CITYOPS_MQTT_PROTOCOL={settings.mqtt_protocol!r}: want 5 or 3.1.1")
    for name, low, high in (("keepalive_s", 1, 65_535), ("session_s", 1, 2**32 - 1), ("window", 1, 65_535)):
        value = getattr(settings, f"mqtt_{name}")
        if not low <= value <= high:
            raise UsageError(f"CITYOPS_MQTT_{name.upper()}={value}: want {low} to {high}")
    client_id = settings.mqtt_client_id or "cityops-" + (re.sub(r"[^\w-]", "-", socket.gethostname()) or "bridge")
    if len(client_id.encode()) > 200 or not client_id.isprintable():
        raise UsageError(f"CITYOPS_MQTT_CLIENT_ID={client_id[:40]!r}: want at most 200 printable bytes")
    return Options(
        host,
        port,
        client_id,
        settings.mqtt_protocol,
        settings.mqtt_username,
        _password(settings),
        _tls(settings, scheme),
        settings.mqtt_insecure,
        settings.mqtt_keepalive_s,
        settings.mqtt_session_s,
        settings.mqtt_window,
    )


def address(url: str) -> tuple[str, str, int]:
    """(scheme, host, port) of mqtt://host[:port] or mqtts://host[:port]; raises UsageError.

    >>> address("mqtts://[::1]")
    ('mqtts', '::1', 8883)
    """
    want = "want mqtt://host:port or mqtts://host:port"
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"CITYOPS_MQTT_URL: {want}") from None
    if "@" in parts.netloc:
        raise UsageError("CITYOPS_MQTT_URL holds a user; name it in CITYOPS_MQTT_USERNAME and CITYOPS_MQTT_PASSWORD")
    if parts.scheme not in PORTS or not host or parts.path not in ("", "/") or parts.query or port == 0:
        raise UsageError(f"CITYOPS_MQTT_URL={url!r}: {want}")
    return parts.scheme, host, port or PORTS[parts.scheme]


def _password(settings: Settings) -> str:
    if settings.mqtt_password and settings.mqtt_password_file:
        raise UsageError("CITYOPS_MQTT_PASSWORD and CITYOPS_MQTT_PASSWORD_FILE are both set: leave one out")
    password = str(settings.mqtt_password)
    if settings.mqtt_password_file:
        try:
            password = Path(settings.mqtt_password_file).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"CITYOPS_MQTT_PASSWORD_FILE={settings.mqtt_password_file!r} cannot be read ({error})"
            ) from None
    if password and not settings.mqtt_username:
        raise UsageError("a password of the MQTT broker needs its user: set CITYOPS_MQTT_USERNAME")
    return password


def _tls(settings: Settings, scheme: str) -> ssl.SSLContext | None:
    files = {n: getattr(settings, f"mqtt_{n}") for n in ("cafile", "certfile", "keyfile")}
    if scheme == "mqtt":
        if used := [f"CITYOPS_MQTT_{n.upper()}" for n, v in files.items() if v]:
            raise UsageError(f"{used[0]} is set, but CITYOPS_MQTT_URL says mqtt://; want mqtts:// for TLS")
        if settings.mqtt_insecure:
            raise UsageError("CITYOPS_MQTT_INSECURE is set, but CITYOPS_MQTT_URL says mqtt://; want mqtts:// for TLS")
        return None
    if files["keyfile"] and not files["certfile"]:
        raise UsageError("CITYOPS_MQTT_KEYFILE needs CITYOPS_MQTT_CERTFILE")
    name = "cafile"
    try:
        context = ssl.create_default_context(cafile=files["cafile"] or None)
        if files["certfile"]:
            name = "certfile"
            context.load_cert_chain(files["certfile"], files["keyfile"] or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"CITYOPS_MQTT_{name.upper()}={files[name]!r} cannot be used for TLS ({error}); want a PEM file"
        ) from None
    if settings.mqtt_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
