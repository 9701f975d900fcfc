"""Destinations in our own network: refused when they are set, and again when they are connected to."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from streams.errors import UsageError
from streams.notify import guard
from streams.notify.addresses import Allowed, refused
from streams.notify.channels.base import Envelope
from streams.notify.channels.http import Poster
from streams.notify.channels.picking import Channels
from streams.notify.channels.push import push_fault
from streams.notify.guard import url_fault
from streams.notify.options import address_fault, options_from
from streams.settings import Settings
from tests.unit.notify.conftest import options, server

NONE = Allowed()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1", "loopback"), ("127.9.9.9", "loopback"), ("::1", "loopback"), ("0.0.0.0", "unspecified"),
        ("::", "unspecified"), ("10.1.2.3", "private"), ("172.16.0.1", "private"), ("192.168.1.1", "private"),
        ("169.254.169.254", "link-local"), ("fe80::1%eth0", "link-local"), ("fd00::7", "private"),
        ("100.64.0.1", "reserved"), ("224.0.0.1", "multicast"), ("ff02::1", "multicast"), ("240.0.0.1", "private"),
        ("::ffff:127.0.0.1", "loopback"), ("::ffff:192.168.0.1", "private"), ("64:ff9b::a00:1", "private"),
        ("2002:7f00:1::", "loopback"), ("nonsense", "no IP address"),
        ("8.8.8.8", ""), ("223.5.5.5", ""), ("2400:3200::1", ""), ("64:ff9b::808:808", ""),
    ],
)  # fmt: skip
def test_addresses(address: str, says: str) -> None:
    found = refused(address, NONE)
    assert says in found
    assert bool(found) == bool(says)


def test_own_network_and_exceptions() -> None:
    own = Allowed.parse("8.8.8.0/24").networks
    assert "of this machine" in refused("8.8.8.8", NONE, own)
    assert refused("10.1.2.3", Allowed.parse("10.1.0.0/16, gw.local")) == ""
    assert refused("10.2.2.3", Allowed.parse("10.1.0.0/16")) != ""
    for bad in ("10.1.0.0/99", "http://x", "a b"):
        with pytest.raises(ValueError, match="no host, address or network"):
            Allowed.parse(bad)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1/", "loopback"), ("http://localhost:8080/x", "loopback"), ("http://2130706433/", "loopback"),
        ("http://0x7f.1/", "loopback"), ("http://127.1/", "loopback"), ("http://[::1]/", "loopback"),
        ("http://[::ffff:10.0.0.1]/", "private"), ("http://good@169.254.169.254/latest", "link-local"),
        ("http://0/", "unspecified"), ("ftp://example.com/", "https://"), ("file:///etc/passwd", "https://"),
        ("//example.com", "https://"), ("http://", "no host"), ("http://a:99999/", "no URL"), ("http://[::1", "no URL"),
        ("", "https://"),
    ],
)  # fmt: skip
def test_a_bad_url_is_refused_with_a_sentence(url: str, says: str) -> None:
    assert says in url_fault(url, NONE)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("json://127.0.0.1/", "loopback"), ("mailto://u:p@example.com?smtp=10.0.0.9", "private"),
        ("bark://192.168.1.5/key", "private"), ("dbus://", "this machine itself"), ("syslog://", "this machine itself"),
        ("nosuch://x", "knows no service"), ("dingtalk://token/", ""), ("wecombot://key/", ""), ("feishu://token/", ""),
    ],
)  # fmt: skip
def test_apprise_urls(url: str, says: str) -> None:
    found = push_fault(url, NONE)
    assert says in found
    assert bool(found) == bool(says)


@pytest.mark.parametrize(
    ("channel", "address", "good"),
    [
        ("sms", "+86 138-1234-5678", True), ("voice", "0855-8222222", True), ("sms", "http://x", False),
        ("email", "li@example.com", True), ("email", "li", False), ("feed", "", True), ("pager", "1", False),
        ("webhook", "http://127.0.0.1/", False), ("chat", "dingtalk://token/", True), ("chat", "file:", True),
    ],
)  # fmt: skip
def test_contacts(channel: str, address: str, good: bool) -> None:
    assert (address_fault(channel, address, NONE) == "") is good


async def test_a_name_that_turns_to_our_network_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a public address when it was checked, a private one when it is connected to."""
    async with server() as inside:
        port = inside.port
        asked: list[str] = []
        real = socket.getaddrinfo

        def fake(host: object, *args: object, **more: object) -> object:
            if host not in ("rebind.example", b"rebind.example"):
                return real(host, *args, **more)  # type: ignore[arg-type]
            asked.append("x")
            address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(socket, "getaddrinfo", fake)
        url = f"http://rebind.example:{port}/hook"
        assert url_fault(url, NONE) == ""
        poster = Poster(NONE, 2.0)
        outcome = await poster.post(url, b"{}", {}, arrived=True)
        await poster.close()
        assert len(asked) == 2
    assert (outcome.ok, outcome.final) == (False, True)
    assert "127.0.0.1 is a loopback address" in outcome.why
    assert inside.got == []


async def test_apprise_is_held_back_at_the_connection_too(tmp_path: Path) -> None:
    async with server() as inside:
        channels = Channels(options(allowed=NONE), tmp_path)
        envelope = Envelope("k", "chat", f"json://127.0.0.1:{inside.port}/", "text")
        outcome = await channels.send(envelope)
        assert "loopback" in outcome.why
        assert inside.got == []
        allowed = Channels(options(), tmp_path)
        assert (await allowed.send(envelope)).ok
        assert len(inside.got) == 1
        await channels.close()
        await allowed.close()


async def test_a_redirect_is_not_followed() -> None:
    async with server(lambda n: 302) as hook:
        poster = Poster(Allowed.parse("127.0.0.1"), 2.0)
        outcome = await poster.post(hook.url, b"{}", {}, arrived=True)
        await poster.close()
    assert (outcome.ok, outcome.why) == (False, "HTTP 302")


async def test_outside_of_an_attempt_nothing_is_held_back() -> None:
    guard.install()
    async with server() as inside:
        _, writer = await asyncio.open_connection("127.0.0.1", inside.port)
        writer.close()


async def test_an_allowed_name_may_be_at_home() -> None:
    async with server() as hook:
        poster = Poster(Allowed.parse("localhost"), 2.0)
        assert (await poster.post(f"http://localhost:{hook.port}/", b"{}", {}, arrived=True)).ok
        await poster.close()


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("notify_sms_url", "http://10.0.0.1/token-abc", "CITYOPS_NOTIFY_SMS_URL: host 10.0.0.1 is not allowed"),
        ("notify_mail_url", "mailto://u:hunter2@example.com?smtp=127.0.0.1", "CITYOPS_NOTIFY_MAIL_URL: host 127"),
        ("notify_voice_secret", "short", "CITYOPS_NOTIFY_VOICE_SECRET: want at least 16"),
        ("notify_rate", "pager=3", "CITYOPS_NOTIFY_RATE"),
        ("notify_allow", "10.0.0.0/99", "CITYOPS_NOTIFY_ALLOW"),
        ("notify_file", "/nowhere/x.toml", "CITYOPS_NOTIFY_FILE"),
        ("notify_templates", "/nowhere/x.toml", "CITYOPS_NOTIFY_TEMPLATES"),
    ],
)
def test_settings_are_checked(setting: str, value: str, says: str) -> None:
    with pytest.raises(UsageError) as told:
        options_from(Settings({setting: value}, env={}))
    assert says in str(told.value)
    assert "token-abc" not in str(told.value)
    assert "hunter2" not in str(told.value)


def test_secrets_come_from_a_file_and_the_environment_wins(tmp_path: Path) -> None:
    kept = tmp_path / "notify.toml"
    kept.write_text("sms_url = 'file'\nsms_secret = 'from-the-file-0123'\nvoice_url = 'console'\n", "utf-8")
    found = options_from(Settings({"notify_file": str(kept), "notify_voice_url": "file"}, env={}))
    assert (found.gateways["sms_url"], found.gateways["voice_url"]) == ("file", "file")
    assert found.secrets["sms_secret"] == "from-the-file-0123"
    assert "from-the-file" not in repr(found)
    kept.write_text("smsurl = 'x'\n", "utf-8")
    with pytest.raises(UsageError, match="smsurl: want a text for one of sms_url"):
        options_from(Settings({"notify_file": str(kept)}, env={}))
