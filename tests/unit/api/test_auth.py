"""Signing in, tokens and their ends, throttling, the cookie, demo accounts."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import httpx
import jwt
import pytest

from api import demo, tokens, users
from api.auth import Auth
from api.context import Context
from api.guard import COOKIE
from api.store import Store
from streams.errors import UsageError
from streams.settings import Settings
from tests.unit.api.conftest import KEY, PASSWORD, bearer

URL = "/api/v1/auth/token"


def form(user: str = "kaili", password: str = PASSWORD, **more: str) -> dict[str, str]:
    return {"grant_type": "password", "username": user, "password": password, **more}


async def test_a_password_gives_tokens_that_work(client: httpx.AsyncClient) -> None:
    response = await client.post(URL, data=form(), headers={"Authorization": ""})
    body = response.json()
    assert response.status_code == 200
    assert (body["token_type"], body["expires_in"]) == ("bearer", 3600)
    me = await client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert me.json() == {"user": "kaili", "role": "officer", "unit": "522601", "orgs": []}
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (form(password="wrong horse"), 401),
        (form(user="nobody"), 401),
        (form(user=""), 422),
        ({}, 422),
        ({"grant_type": "magic"}, 422),
        ({"grant_type": "refresh_token"}, 422),
        ({"grant_type": "refresh_token", "refresh_token": "junk"}, 401),
        (form(password="x" * 300), 422),
    ],
)
async def test_bad_sign_ins(client: httpx.AsyncClient, data: dict[str, str], status: int) -> None:
    response = await client.post(URL, data=data)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert PASSWORD not in response.text
    assert "wrong horse" not in response.text


async def test_a_refresh_token_works_once_and_its_reuse_ends_the_sign_in(client: httpx.AsyncClient) -> None:
    first = (await client.post(URL, data=form())).json()["refresh_token"]

    async def refresh(token: str) -> httpx.Response:
        return await client.post(URL, data={"grant_type": "refresh_token", "refresh_token": token})

    second = (await refresh(first)).json()["refresh_token"]
    assert (await refresh(first)).status_code == 401
    assert (await refresh(second)).status_code == 401  # a thief or the owner had the first: both begin anew


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer junk", "Basic a2FpbGk6eA==", "bearer  "])
async def test_no_or_bad_token_is_401(client: httpx.AsyncClient, header: str) -> None:
    response = await client.get("/api/v1/alerts", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_forged_and_expired_tokens_are_401(client: httpx.AsyncClient, context: Context) -> None:
    user = users.get(context.store, "admin")
    assert user is not None
    claims = {"sub": "admin", "gen": user.generation, "exp": 2**31, "use": "access"}
    bad = [
        jwt.encode(claims, "f" * 48, "HS256"),
        jwt.encode(claims, None, "none"),
        jwt.encode({**claims, "use": "refresh"}, KEY, "HS256"),
        jwt.encode({k: v for k, v in claims.items() if k != "exp"}, KEY, "HS256"),
        tokens.access_token(KEY, user, -10),
    ]
    for token in bad:
        response = await client.get("/api/v1/alerts", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 401


async def test_a_new_password_or_removal_ends_old_tokens(client: httpx.AsyncClient, context: Context) -> None:
    headers = bearer(context, "kaili")
    refresh = (await client.post(URL, data=form())).json()["refresh_token"]
    users.put(context.store, "kaili", "another password", "officer", "522601")
    context.auth._seen.clear()
    assert (await client.get("/api/v1/alerts", headers=headers)).status_code == 401
    again = await client.post(URL, data={"grant_type": "refresh_token", "refresh_token": refresh})
    assert again.status_code == 401
    headers = bearer(context, "town")
    assert users.remove(context.store, "town")
    assert (await client.get("/api/v1/alerts", headers=headers)).status_code == 401


async def test_too_many_wrong_passwords_make_one_wait(client: httpx.AsyncClient) -> None:
    statuses = [(await client.post(URL, data=form(password=f"wrong {n}"))).status_code for n in range(9)]
    assert statuses == [401] * 8 + [429]
    locked = await client.post(URL, data=form())
    assert locked.status_code == 429
    assert 0 < int(locked.headers["retry-after"]) <= 61
    assert (await client.post(URL, data=form("town"))).status_code == 200


async def test_the_cookie_opens_the_feed_alone(client: httpx.AsyncClient, context: Context) -> None:
    client.headers["Authorization"] = ""
    response = await client.post(URL, data=form(session="cookie"))
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    token = response.json()["access_token"]
    assert (await client.get("/api/v1/alerts")).status_code == 401
    headers = {"Cookie": f"{COOKIE}={token}"}
    assert (await client.get("/api/v1/feed", params={"after": "junk"}, headers=headers)).status_code == 422
    evil = {**headers, "Origin": "https://evil.example"}
    assert (await client.get("/api/v1/feed", params={"after": "junk"}, headers=evil)).status_code == 401
    client.cookies.clear()
    assert (await client.get("/api/v1/feed", params={"token": token, "access_token": token})).status_code == 401


def test_the_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(env={})
    key = tokens.signing_key(settings, tmp_path)
    assert tokens.signing_key(settings, tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="CITYOPS_SECRET has 5 characters"):
        tokens.signing_key(settings.replace(secret="short"), tmp_path)


def test_demo_accounts_are_kept_and_do_not_work_outside_the_demo(store: Store, tmp_path: Path) -> None:
    made = demo.accounts(store, tmp_path)
    assert demo.accounts(store, tmp_path) == made
    assert stat.S_IMODE((tmp_path / demo.FILE).stat().st_mode) == 0o600
    assert json.loads((tmp_path / demo.FILE).read_text()) == made
    roles = {(a["role"], len(a["unit"])) for a in made}
    assert {("commander", 6), ("officer", 6), ("officer", 9), ("officer", 12)} <= roles
    one = made[0]
    assert Auth(store, KEY, 60, demo=True).sign_in(one["user"], one["password"], "").user.demo
    with pytest.raises(Exception, match="wrong user name or password"):
        Auth(store, KEY, 60, demo=False).sign_in(one["user"], one["password"], "")


def test_a_real_account_with_a_demo_name_is_left_alone(store: Store, tmp_path: Path) -> None:
    users.put(store, "admin", "a real password", "admin", "522600")
    assert "admin" not in {a["user"] for a in demo.accounts(store, tmp_path)}
    assert users.verify(users.get(store, "admin"), "a real password")


@pytest.mark.parametrize(
    ("name", "password", "role", "unit", "words"),
    [
        ("a b", "long enough", "viewer", "522600", "user 'a b'"),
        ("ab", "short", "viewer", "522600", "8 to 256"),
        ("ab", "long enough", "king", "522600", "role 'king'"),
        ("ab", "long enough", "viewer", "5226x", "unit"),
    ],
)
def test_bad_accounts(store: Store, name: str, password: str, role: str, unit: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        users.put(store, name, password, role, unit)


def test_the_users_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    from streams.cli import run as cityops

    def run(*args: str, stdin: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = cityops(["users", *args, "--data", str(tmp_path)])
        return code, "".join(capfd.readouterr())

    make = ("create", "anna", "--role", "admin", "--unit", "5226", "--password-stdin")
    assert run(*make, stdin="a long password\n")[0] == 0
    assert json.loads(run("list", "--json")[1]) == [
        {"user": "anna", "role": "admin", "unit": "522600", "orgs": [], "demo": False}
    ]
    store = Store.in_folder(tmp_path)
    assert users.verify(users.get(store, "anna"), "a long password")
    store.close()
    for args, stdin in (
        (make, "short\n"),
        (("create", "anna", "--role", "admin", "--unit", "999999", "--password-stdin"), "a long password\n"),
        (("create", "anna", "--role", "king", "--unit", "5226"), ""),
        (("create", "anna", "--role", "admin", "--unit", "5226"), ""),
        (("remove", "nobody"), ""),
    ):
        code, told = run(*args, stdin=stdin)
        assert code == 2, told
        assert told.startswith("cityops users")
    assert run("remove", "anna")[0] == 0
