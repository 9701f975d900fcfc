"""Signing in: the OAuth2 password form and the refresh of tokens."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import JSONResponse, Response

from api.context import Caller, Ctx
from api.docs import answer, problems
from api.errors import Problem
from api.guard import API, COOKIE

router = APIRouter(tags=["sign-in"])
HANDOVER, HANDOVER_S = "cityops_handover", 60  # a refresh token on its way to the console, used up by it
TOKENS = answer(
    "tokens",
    {
        "type": "object",
        "required": ["access_token", "token_type", "expires_in", "refresh_token"],
        "properties": {
            "access_token": {"type": "string"}, "token_type": {"const": "bearer"},
            "expires_in": {"type": "integer"}, "refresh_token": {"type": "string"},
            "user": {"type": "object"},
        },
    },
)  # fmt: skip


@router.post("/auth/token", responses={200: TOKENS, **problems(401, 422, 429)})
async def token(
    request: Request,
    ctx: Ctx,
    grant_type: Annotated[str, Form(description="password, refresh_token, or handover after OpenID")] = "password",
    username: Annotated[str, Form(max_length=256)] = "",
    password: Annotated[str, Form(max_length=256)] = "",
    refresh_token: Annotated[str, Form(max_length=256)] = "",
    session: Annotated[str, Form(description="cookie: also set a cookie that /feed and /ws take")] = "",
) -> Response:
    """Tokens for a user name and password, or for a refresh token (which is then used up)."""
    address = request.client.host if request.client else ""
    if grant_type == "password":
        if not username or not password:
            raise Problem(422, "username and password are both needed")
        given = await asyncio.to_thread(ctx.auth.sign_in, username, password, address)
    elif grant_type == "refresh_token":
        if not refresh_token:
            raise Problem(422, "refresh_token is needed")
        given = await asyncio.to_thread(ctx.auth.refresh, refresh_token)
    elif grant_type == "handover":  # the cookie that came with the redirect from an OpenID provider
        given = await asyncio.to_thread(ctx.auth.refresh, request.cookies.get(HANDOVER, ""))
    else:
        raise Problem(422, "grant_type: want password, refresh_token or handover")
    response = JSONResponse(given.public())
    if grant_type == "handover":
        response.delete_cookie(HANDOVER, path=f"{API}/auth/token")
    if session == "cookie":
        response.set_cookie(
            COOKIE, given.access_token, max_age=given.expires_in, path=API, httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
    return response


@router.post("/auth/sign-out", status_code=204, responses=problems(401))
async def sign_out(ctx: Ctx, caller: Caller) -> Response:
    """End this sign-in: its refresh token and its access tokens are refused from now on."""
    await asyncio.to_thread(ctx.auth.sign_out, caller)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path=API, httponly=True, samesite="strict")
    return response


@router.get("/auth/me", responses=problems(401))
async def me(caller: Caller) -> dict[str, Any]:
    """Who the token is: user, role, unit, organisations; of a machine also its scopes."""
    out = {"user": caller.name, "role": caller.role, "unit": caller.unit, "orgs": sorted(caller.orgs)}
    return out if caller.scopes is None else {**out, "scopes": sorted(caller.scopes)}
