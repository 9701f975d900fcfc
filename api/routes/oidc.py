"""Signing in at an OpenID provider: there and back. Tokens are handed over by a cookie, never in a URL."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from api import audit_note
from api.context import Context, Ctx
from api.docs import problems
from api.errors import Problem
from api.guard import API
from api.oidc import WAIT_S, Provider
from api.oidc_claims import Unmapped, account
from api.routes.auth import HANDOVER, HANDOVER_S
from streams.errors import UsageError

router = APIRouter(tags=["sign-in"])
COOKIE, PATH = "cityops_oidc", f"{API}/auth/oidc"


@router.get(
    "/auth/oidc/login", status_code=302, responses={302: {"description": "to the provider"}, **problems(404, 503)}
)
async def login(request: Request, ctx: Ctx) -> Response:
    """Begin: to the OpenID provider."""
    started = await _provider(ctx).start()
    response = RedirectResponse(started.url, 302)
    response.set_cookie(
        COOKIE, started.cookie, max_age=WAIT_S, path=PATH, httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


@router.get(
    "/auth/oidc/callback",
    status_code=302,
    responses={302: {"description": "to the console, signed in"}, **problems(401, 403, 404, 503)},
)
async def callback(
    request: Request,
    ctx: Ctx,
    code: Annotated[str, Query(max_length=4000)] = "",
    state: Annotated[str, Query(max_length=400)] = "",
    error: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """Back from the provider: the account is made or brought up to date. The console then asks for its tokens with
    `grant_type=handover`, for which a cookie of a minute is set."""
    provider = _provider(ctx)
    if error or not code:
        said = error[:80].encode("ascii", "replace").decode() or "no code"
        raise Problem(401, f"the OpenID provider did not sign in: {said}")
    claims = await provider.finish(request.cookies.get(COOKIE, ""), state, code)
    audit_note.acting("sign-in failed (OpenID)", "")  # the provider knows them; we may not
    try:
        wanted = account(claims, provider.rules, ctx.divisions)
        given = await asyncio.to_thread(ctx.auth.sign_in_as, wanted)
    except (Unmapped, UsageError) as refused:
        raise Problem(403, f"the OpenID provider's account has no place here: {refused}") from None
    response = RedirectResponse("/", 302)
    response.delete_cookie(COOKIE, path=PATH)
    response.set_cookie(
        HANDOVER, given.refresh_token, max_age=HANDOVER_S, path=f"{API}/auth/token", httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


def _provider(ctx: Context) -> Provider:
    if ctx.provider is None:
        raise Problem(404, "no OpenID provider is set up (CITYOPS_OIDC_ISSUER)")
    return ctx.provider
