"""Signing in at an OpenID provider: authorisation code with PKCE (RFC 7636), ID token checked against its keys.

An option: it needs the extra `cityops[oidc]` (Authlib). State, nonce and PKCE verifier travel in a signed cookie, so
that any API process can take the answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

from api.errors import Problem
from api.oidc_claims import ClaimRules
from streams.errors import UsageError
from streams.settings import Settings

if TYPE_CHECKING:
    import httpx

ALGORITHMS = ["RS256", "ES256", "PS256"]
WAIT_S = 600  # for the person at the provider
TIMEOUT_S = 10.0
LEEWAY_S = 60
SCOPE = "openid profile email"


@dataclass(frozen=True)
class Started:
    """Where the browser goes, and what its cookie keeps meanwhile."""

    url: str
    cookie: str


class Provider:
    """One OpenID provider. Raises Problem 503 where it does not answer, 401 where its answer is not good."""

    def __init__(self, settings: Settings, key: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.issuer, self._id, self._secret = settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret
        self.redirect = f"{settings.oidc_public_url.rstrip('/')}/api/v1/auth/oidc/callback"
        self.rules = ClaimRules.parse(
            settings.oidc_role_claim, settings.oidc_roles, settings.oidc_unit_claim, settings.oidc_org_claim
        )
        self._key, self._transport = key, transport
        self._found: dict[str, Any] = {}
        try:
            import authlib  # noqa: F401 - only to say it in time
        except ModuleNotFoundError:
            raise UsageError("CITYOPS_OIDC_ISSUER is set: install the extra, pip install 'cityops[oidc]'") from None
        for name in ("oidc_client_id", "oidc_public_url"):
            if not getattr(settings, name):
                raise UsageError(f"CITYOPS_{name.upper()} is empty: the OpenID provider needs it")

    async def start(self) -> Started:
        """Begin: a new state, nonce and verifier."""
        from authlib.common.security import generate_token

        found = await self._discovered()
        kept = {name: generate_token(48) for name in ("state", "nonce", "verifier")}
        url, _ = self._client().create_authorization_url(
            found["authorization_endpoint"], state=kept["state"], nonce=kept["nonce"], code_verifier=kept["verifier"]
        )
        cookie = jwt.encode({**kept, "use": "oidc", "exp": int(time.time()) + WAIT_S}, self._key, "HS256")
        return Started(url, cookie)

    async def finish(self, cookie: str, state: str, code: str) -> dict[str, Any]:
        """The claims of the ID token that the code is exchanged for."""
        import httpx
        from authlib.integrations.base_client.errors import OAuthError

        kept = self._kept(cookie, state)
        found = await self._discovered()
        try:
            async with self._client() as client:
                answer = await client.fetch_token(
                    found["token_endpoint"], code=code, code_verifier=kept["verifier"], grant_type="authorization_code"
                )
        except OAuthError as error:
            raise Problem(401, f"the OpenID provider refused the code: {error.error}") from None
        except (httpx.HTTPError, ValueError):
            raise Problem(503, "the OpenID provider does not answer; try again", {"Retry-After": "5"}) from None
        return await self._checked(str(answer.get("id_token", "")), kept["nonce"])

    def _kept(self, cookie: str, state: str) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = jwt.decode(cookie, self._key, ["HS256"], options={"require": ["exp"]})
        except jwt.InvalidTokenError:
            kept = {}
        if kept.get("use") != "oidc" or not state or kept.get("state") != state:
            raise Problem(401, "this sign-in was not begun in this browser, or more than 10 min ago: begin again")
        return kept

    async def _checked(self, token: str, nonce: str) -> dict[str, Any]:
        """Signature, issuer, audience, times and nonce of an ID token (OpenID Connect Core, ID Token Validation)."""
        from joserfc import errors, jwk, jwt as jose

        keys = jwk.KeySet.import_key_set(await self._get((await self._discovered())["jwks_uri"]))
        wanted = jose.JWTClaimsRegistry(
            leeway=LEEWAY_S, iss={"essential": True, "value": self.issuer}, aud={"essential": True, "value": self._id},
            sub={"essential": True}, exp={"essential": True}, nonce={"essential": True, "value": nonce},
        )  # fmt: skip
        try:
            claims = jose.decode(token, keys, algorithms=ALGORITHMS).claims
            wanted.validate(claims)
        except (errors.JoseError, ValueError) as error:
            raise Problem(401, f"the OpenID provider's ID token is not good ({type(error).__name__})") from None
        azp = claims.get("azp")
        if azp is not None and azp != self._id:
            raise Problem(401, "the OpenID provider's ID token is for another client")
        return dict(claims)

    async def _discovered(self) -> dict[str, Any]:
        """The provider's own description, read once."""
        if not self._found:
            found = await self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if found.get("issuer") != self.issuer or not all(isinstance(found.get(name), str) for name in names):
                raise Problem(503, f"{self.issuer} describes another issuer, or no OpenID provider")
            self._found = found
        return self._found

    async def _get(self, url: str) -> Any:
        import httpx

        try:
            async with httpx.AsyncClient(transport=self._transport, timeout=TIMEOUT_S) as client:
                return (await client.get(url)).raise_for_status().json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            raise Problem(503, "the OpenID provider does not answer; try again", {"Retry-After": "5"}) from None

    def _client(self) -> Any:
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        return AsyncOAuth2Client(
            self._id, self._secret or None, scope=SCOPE, redirect_uri=self.redirect, code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none",
            transport=self._transport, timeout=TIMEOUT_S,
        )  # fmt: skip
