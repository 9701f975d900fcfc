"""Signing in at an OpenID provider: a small one in this process, the way there and back, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api import audit, users
from api.app import create_app
from api.context import Context
from api.oidc import Provider
from api.oidc_claims import ClaimRules, Unmapped, account
from geo.divisions import Divisions
from streams.errors import UsageError
from tests.unit.api.conftest import OWN_ORG

pytest.importorskip("authlib", reason="authlib is not installed: it is the extra cityops[oidc]; make env")
jwk = pytest.importorskip("joserfc.jwk")
jose = pytest.importorskip("joserfc.jwt")

ISSUER = "https://idp.test"
ME = "https://cityops.test"
KEY = jwk.RSAKey.generate_key(2048, {"kid": "k1"})
RULES = {
    "oidc_issuer": ISSUER, "oidc_client_id": "cityops", "oidc_client_secret": "s3cret", "oidc_public_url": ME,
    "oidc_roles": "chiefs=commander,duty=officer", "oidc_org_claim": "org",
}  # fmt: skip


class Idp:
    """An OpenID provider that signs in whom the test says, and checks what a client has to send."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {
            "sub": "7",
            "preferred_username": "wang.wei",
            "groups": ["duty"],
            "unit": "522601",
        }
        self.key = KEY
        self.asked: dict[str, str] = {}
        self.down = False
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.about),
                Route("/token", self.token, methods=["POST"]),
                Route("/jwks", self.jwks),
            ]
        )

    async def about(self, request: Request) -> Response:
        if self.down:
            return Response("down", 500)
        ends = {f"{n}_endpoint": f"{ISSUER}/{p}" for n, p in (("authorization", "authorize"), ("token", "token"))}
        return JSONResponse({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks", **ends})

    async def jwks(self, request: Request) -> Response:
        return JSONResponse({"keys": [KEY.as_dict(private=False)]})

    def authorize(self, url: str) -> dict[str, str]:
        """The person signs in: what the browser brings back."""
        self.asked = dict(parse_qsl(urlsplit(url).query))
        return {"code": "c0de", "state": self.asked["state"]}

    async def token(self, request: Request) -> Response:
        form = dict((await request.form()).items())
        proof = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest()).rstrip(b"=")
        basic = base64.b64decode(request.headers["authorization"].split()[1]).decode()
        good = (
            form["code"] == "c0de" and proof.decode() == self.asked["code_challenge"] and basic == "cityops:s3cret"
            and form["redirect_uri"] == self.asked["redirect_uri"]
        )  # fmt: skip
        if not good:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": "cityops", "iat": now, "exp": now + 60, "nonce": self.asked["nonce"]}
        token = jose.encode({"alg": "RS256", "kid": "k1"}, {**usual, **self.claims}, self.key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": token})


@pytest.fixture
def idp(context: Context) -> Idp:
    made = Idp()
    context.settings = context.settings.replace(**RULES)
    context.provider = Provider(context.settings, "k" * 32, httpx.ASGITransport(app=made.app))
    return made


@pytest.fixture
async def browser(context: Context, idp: Idp) -> AsyncIterator[httpx.AsyncClient]:
    """Keeps cookies as a browser does."""
    transport = httpx.ASGITransport(app=create_app(context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ME) as made:
        yield made


async def there_and_back(browser: httpx.AsyncClient, idp: Idp, **changed: str) -> httpx.Response:
    to = await browser.get("/api/v1/auth/oidc/login")
    assert to.status_code == 302
    return await browser.get("/api/v1/auth/oidc/callback", params={**idp.authorize(to.headers["location"]), **changed})


async def handed_over(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.post("/api/v1/auth/token", data={"grant_type": "handover"})


async def test_there_and_back(browser: httpx.AsyncClient, idp: Idp, context: Context) -> None:
    back = await there_and_back(browser, idp)
    assert (back.status_code, back.headers["location"]) == (302, "/")
    assert (idp.asked["code_challenge_method"], idp.asked["response_type"]) == ("S256", "code")
    assert idp.asked["redirect_uri"] == f"{ME}/api/v1/auth/oidc/callback"
    cookies = back.headers.get_list("set-cookie")
    handover = next(c for c in cookies if c.startswith("cityops_handover="))
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/api/v1/auth/token"} <= set(handover.split("; "))
    given = (await handed_over(browser)).json()
    assert given["user"] == {"user": "wang.wei", "role": "officer", "unit": "522601", "orgs": []}
    me = await browser.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {given['access_token']}"})
    assert me.json()["user"] == "wang.wei"
    assert (await handed_over(browser)).status_code == 401  # once
    rows = audit.listed(context.store, audit.Asked(prefix="5226"), 10, None)[0]
    assert [(r["action"], r["by"]) for r in rows] == [("sign-in (OpenID)", "wang.wei")]


async def test_the_account_follows_the_claims_and_has_no_password(
    browser: httpx.AsyncClient, idp: Idp, context: Context
) -> None:
    await there_and_back(browser, idp)
    first = (await handed_over(browser)).json()
    idp.claims |= {"groups": ["other", "chiefs"], "unit": "522600", "org": [OWN_ORG]}
    await there_and_back(browser, idp)
    user = users.get(context.store, "wang.wei")
    assert user is not None
    assert (user.role, user.unit, user.orgs) == ("commander", "522600", (OWN_ORG,))
    context.auth._seen.clear()
    old = {"Authorization": f"Bearer {first['access_token']}"}
    assert (await browser.get("/api/v1/auth/me", headers=old)).status_code == 401
    for password in ("", user.hash, "x"):
        assert not users.verify(user, password)


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"groups": ["nobody"]}, 403),
        ({"unit": "999999"}, 403),
        ({"unit": None}, 403),
        ({"preferred_username": "admin"}, 403),  # a local account's name
        ({"iss": "https://evil.test"}, 401),
        ({"aud": "another"}, 401),
        ({"exp": 1}, 401),
        ({"nonce": "x"}, 401),
        ({"azp": "another"}, 401),
    ],
)
async def test_claims_that_are_refused(
    browser: httpx.AsyncClient, idp: Idp, context: Context, claims: dict[str, Any], status: int
) -> None:
    before = users.everyone(context.store)
    idp.claims |= claims
    back = await there_and_back(browser, idp)
    assert back.status_code == status
    assert (await handed_over(browser)).status_code == 401
    assert users.everyone(context.store) == before


async def test_a_token_of_another_key_a_wrong_state_and_another_browser(
    browser: httpx.AsyncClient, idp: Idp, context: Context
) -> None:
    assert (await there_and_back(browser, idp, state="x")).status_code == 401
    assert (await there_and_back(browser, idp, code="y")).status_code == 401
    assert (await there_and_back(browser, idp, error="access_denied")).status_code == 401
    idp.key = jwk.RSAKey.generate_key(2048, {"kid": "k1"})
    assert (await there_and_back(browser, idp)).status_code == 401
    idp.key = KEY
    to = await browser.get("/api/v1/auth/oidc/login")
    query = idp.authorize(to.headers["location"])
    browser.cookies.clear()
    assert (await browser.get("/api/v1/auth/oidc/callback", params=query)).status_code == 401
    assert audit.listed(context.store, audit.Asked(prefix="5226"), 10, None)[0] == []


async def test_a_provider_that_is_away_and_none(browser: httpx.AsyncClient, idp: Idp, context: Context) -> None:
    idp.down = True
    assert (await browser.get("/api/v1/auth/oidc/login")).status_code == 503
    context.provider = None
    assert (await browser.get("/api/v1/auth/oidc/login")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"oidc_roles": ""}, "OIDC_ROLES is empty"),
        ({"oidc_roles": "duty=king"}, "duty=king"),
        ({"oidc_client_id": ""}, "OIDC_CLIENT_ID"),
        ({"oidc_public_url": ""}, "OIDC_PUBLIC_URL"),
    ],
)
def test_settings_that_cannot_be_used(context: Context, changes: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Provider(context.settings.replace(**{**RULES, **changes}), "k" * 32)


def test_an_organisations_account_needs_no_unit() -> None:
    rules = ClaimRules.parse("groups", "duty=officer", "unit", "org")
    claims = {"iss": ISSUER, "sub": "7", "email": "王@x.cn", "groups": "duty", "org": OWN_ORG}
    made = account(claims, rules, Divisions.load())
    assert (made.name, made.unit, made.orgs) == ("_@x.cn", "522600", (OWN_ORG,))
    with pytest.raises(Unmapped, match="unit"):
        account({**claims, "org": []}, rules, Divisions.load())
