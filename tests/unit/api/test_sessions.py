"""Ends of sign-ins, limits of requests and wrong passwords, machines' tokens with scopes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from api import api_tokens, tokens, users
from api.api_tokens import ApiToken
from api.app import create_app
from api.auth import Auth
from api.context import Context
from api.guard import COOKIE, MAX_BODY
from api.hub import PING
from api.scopes import SCOPES
from api.store import Store
from api.throttle import SignInLimits
from tests.unit.api.conftest import KEY, OWN_ORG, PASSWORD, FakeProjection, record
from tests.unit.api.sse import Feed

URL = "/api/v1/auth/token"


async def signed_in(client: httpx.AsyncClient, user: str = "kaili", **more: str) -> dict[str, str]:
    data = {"grant_type": "password", "username": user, "password": PASSWORD, **more}
    found: dict[str, str] = (await client.post(URL, data=data)).json()
    return found


async def refreshed(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post(URL, data={"grant_type": "refresh_token", "refresh_token": token})


async def me(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})).status_code


async def test_signing_out_ends_this_sign_in_and_no_other(client: httpx.AsyncClient, context: Context) -> None:
    one, other = await signed_in(client, session="cookie"), await signed_in(client)
    assert await me(client, one["access_token"]) == 200
    answer = await client.post("/api/v1/auth/sign-out", headers={"Authorization": f"Bearer {one['access_token']}"})
    assert answer.status_code == 204
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]
    assert await me(client, one["access_token"]) == 401
    assert (await refreshed(client, one["refresh_token"])).status_code == 401
    assert await me(client, other["access_token"]) == 200
    elsewhere = Auth(context.store, KEY, 3600)  # another process on the same database
    assert elsewhere.principal(one["access_token"]) is None
    assert elsewhere.principal(other["access_token"]) is not None


async def test_a_refresh_token_that_is_used_twice_ends_the_access_tokens_of_its_sign_in_too(
    client: httpx.AsyncClient, context: Context
) -> None:
    first = await signed_in(client)
    second = (await refreshed(client, first["refresh_token"])).json()
    other = await signed_in(client)
    assert (await refreshed(client, first["refresh_token"])).status_code == 401
    context.auth._seen.clear()
    assert await me(client, second["access_token"]) == 401
    assert await me(client, other["access_token"]) == 200


def test_ends_are_forgotten_when_the_last_access_token_has_run_out(context: Context) -> None:
    tokens.end(context.store, "old", -60)
    tokens.end(context.store, "new", 60)
    assert (tokens.ended(context.store, "old"), tokens.ended(context.store, "new")) == (False, True)


async def test_a_feed_ends_after_the_sign_out(context: Context, projection: FakeProjection) -> None:
    app = create_app(context)
    user = users.get(context.store, "kaili")
    assert user is not None
    token = tokens.access_token(KEY, user, -30, "a family")  # it has run out, which ends no stream
    assert context.auth.still(token)
    caller = context.auth._person(token, over=True)
    assert caller is not None
    good = tokens.access_token(KEY, user, 60, "a family")
    stream = await Feed(app, {"Authorization": f"Bearer {good}"}).open()
    projection.feed(record("a"))
    assert (await stream.next())[2]["subject"] == "a"
    await asyncio.to_thread(context.auth.sign_out, caller)
    assert not context.auth.still(token)
    for one in tuple(context.hub.clients):
        one.put(PING)
    await asyncio.wait_for(stream.task, 5)
    assert not context.hub.clients


async def test_too_many_requests_with_one_token_are_429(context: Context) -> None:
    context.settings = context.settings.replace(requests_per_minute=3)
    transport = httpx.ASGITransport(app=create_app(context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        one, other = await signed_in(client), await signed_in(client)
        assert [await me(client, one["access_token"]) for _ in range(4)] == [200, 200, 200, 429]
        answer = await client.get("/api/v1/alerts", headers={"Authorization": f"Bearer {one['access_token']}"})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "20")
        assert await me(client, other["access_token"]) == 200
        body = {"content": b"[]", "headers": {"Authorization": f"Bearer {one['access_token']}"}}
        assert (await client.post("/api/v1/ingest?domain=water", **body)).status_code != 429  # its own budget


async def test_a_large_body_is_413(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/v1/fences", content=b"x" * (MAX_BODY + 1))).status_code == 413


def test_wrong_passwords_are_counted_by_name_and_address_by_address_and_by_name() -> None:
    limits = SignInLimits()
    locked = [limits.failed("kaili", "a", n) for n in range(8)]
    assert locked == [False] * 7 + [True]
    assert limits.wait_s("kaili", "a", 8) == 52
    assert limits.wait_s("kaili", "b", 8) == limits.wait_s("town", "a", 8) == 0
    for n in range(60):  # many names from one address
        limits.failed(f"u{n}", "spray", 10)
    assert limits.wait_s("anybody", "spray", 10) == 60
    for n in range(100):  # one name from many addresses
        limits.failed("victim", f"a{n}", 20)
    assert limits.wait_s("victim", "new", 20) == 3600
    limits.succeeded("victim", "home")
    assert limits.wait_s("victim", "new", 21) == 0


def made(store: Store, *scopes: str, role: str = "commander", unit: str = "522601", **more: object) -> dict[str, str]:
    name = f"m-{'-'.join(scopes)}".replace(":", ".")
    wanted = ApiToken(name=name, role=role, unit=unit, scopes=scopes, **more)  # type: ignore[arg-type]
    return {"Authorization": f"Bearer {api_tokens.create(store, wanted, 30)}"}


@pytest.mark.parametrize(
    ("scopes", "may", "may_not"),
    [
        (("alerts:read",), ["GET /alerts", "GET /alerts/w", "GET /stats", "GET /units/522601"],
         ["POST /alerts/w/commands", "GET /assets", "GET /audit", "GET /notifications", "POST /auth/sign-out"]),
        (("alerts:write",), ["POST /alerts/w/commands"], ["GET /alerts", "POST /assets"]),
        (("registry:read",), ["GET /assets", "GET /fences", "GET /auth/me"], ["GET /alerts", "POST /fences"]),
        (("ingest",), ["POST /ingest?domain=water"], ["GET /alerts"]),
    ],
)  # fmt: skip
async def test_scopes_bound_what_a_machine_may(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection, scopes: tuple[str, ...], may: list[str],
    may_not: list[str],
) -> None:  # fmt: skip
    projection.feed(record("w"))
    headers = made(context.store, *scopes)

    async def asked(line: str) -> httpx.Response:
        method, path = line.split()
        body = {"json": {"command": "ack", "version": 1}} if path.endswith("commands") else {}
        body = {"json": []} if "ingest" in path else body
        return await client.request(method, "/api/v1" + path, headers=headers, **body)

    for line in may:
        assert (await asked(line)).status_code not in (401, 403), line
    for line in may_not:
        answer = await asked(line)
        assert answer.status_code == 403, line
        assert "scopes" in answer.json()["detail"]


async def test_a_token_has_its_role_and_its_unit_too(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection
) -> None:
    projection.feed(record("w"), record("g", unit="522622001"))
    reader = made(context.store, "alerts:read", "alerts:write", role="viewer")
    assert (await client.get("/api/v1/alerts/g", headers=reader)).status_code == 403
    body = {"command": "ack", "version": 1}
    assert (await client.post("/api/v1/alerts/w/commands", json=body, headers=reader)).status_code == 403
    company = made(context.store, "alerts:read", unit="522600", orgs=(OWN_ORG,))
    assert (await client.get("/api/v1/alerts", headers=company)).json()["items"] == []
    mine = (await client.get("/api/v1/auth/me", headers=company)).json()
    assert mine == {
        "user": "token:m-alerts.read", "role": "commander", "unit": "522600", "orgs": [OWN_ORG],
        "scopes": ["alerts:read"],
    }  # fmt: skip


def test_a_token_ends(context: Context) -> None:
    wanted = ApiToken(name="m", role="viewer", unit="522600", scopes=("alerts:read",))
    token = api_tokens.create(context.store, wanted, 1)
    assert api_tokens.find(context.store, token) is not None
    with pytest.raises(users.UsageError, match="is there already"):
        api_tokens.create(context.store, wanted, 1)
    assert api_tokens.revoke(context.store, "m")
    assert api_tokens.find(context.store, token) is None
    assert not api_tokens.revoke(context.store, "m")
    with context.store.write() as tx:
        tx.execute(api_tokens.api_tokens.update().values(revoked_ms=None, expires_ms=1))
    assert api_tokens.find(context.store, token) is None


def test_the_command_makes_lists_and_ends_them(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from streams.cli import run, tokens as command

    def cityops(*args: str) -> tuple[int, str, str]:
        code = run(["tokens", *args, "--data", str(tmp_path)])
        return code, *capfd.readouterr()

    assert command.SCOPES.split(", ") == list(SCOPES)
    code, out, err = cityops("create", "gis", "--unit", "522601", "--scope", "alerts:read", "--days", "7")
    assert (code, out[:4]) == (0, api_tokens.PREFIX)
    assert "viewer of 522601, alerts:read" in err
    kept = json.loads(cityops("list", "--json")[1])
    assert (kept[0]["name"], kept[0]["scopes"], kept[0]["revoked"]) == ("gis", ["alerts:read"], None)
    assert out.strip() not in json.dumps(kept)
    assert "alerts:read" in cityops("list")[1]
    for wrong in (
        ("create", "x", "--scope", "alerts:read"),
        ("create", "x", "--scope", "everything", "--unit", "522601"),
        ("create", "x", "--scope", "ingest", "--zone", "522601-W-DMA03"),
        ("create", "x", "--unit", "522601", "--role", "admin"),
        ("create", "gis", "--unit", "522601", "--scope", "alerts:read"),
        ("create", "x", "--unit", "522601", "--scope", "alerts:read", "--days", "0"),
    ):
        assert cityops(*wrong)[0] == 2, wrong
    assert cityops("revoke", "gis")[0] == 0
    assert cityops("revoke", "gis")[0] == 2
