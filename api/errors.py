"""Errors of the HTTP API: every answer that is not a success is an RFC 9457 problem document.

Raise `Problem` in a route; `install` turns it, FastAPI's own validation errors, unknown paths and
crashes into `application/problem+json`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from streams.errors import CityopsError

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer with an HTTP status, one sentence in `detail`, and any extra members."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra


def body(status: int, detail: str, **extra: Any) -> bytes:
    """A problem document.

    >>> body(404, "no alert x")
    b'{"type":"about:blank","title":"Not Found","status":404,"detail":"no alert x"}'
    """
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    return orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail, **extra})


def answer(problem: Problem) -> Response:
    return Response(
        body(problem.status, problem.detail, **problem.extra),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )


def install(app: FastAPI) -> None:
    """Register the handlers on `app`."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Problem) -> Response:
        return answer(error)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        detail = {
            404: f"nothing is at {request.url.path}",
            405: f"{request.method} is not possible at {request.url.path}",
        }.get(error.status_code, str(error.detail))
        return answer(Problem(error.status_code, detail, error.headers))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        errors = [{"in": _place(e["loc"]), "message": _message(e)} for e in error.errors()]
        first = errors[0] if errors else {"in": "request", "message": "cannot be read"}
        return answer(Problem(422, f"{first['in']}: {first['message']}", errors=errors))

    @app.exception_handler(CityopsError)
    async def _unavailable(request: Request, error: CityopsError) -> Response:
        log.error("%s %s: %s", request.method, request.url.path, error)
        return answer(Problem(503, str(error), {"Retry-After": "2"}))

    @app.exception_handler(Exception)
    async def _crash(request: Request, error: Exception) -> Response:
        name = getattr(request.state, "request", "")
        log.error("%s %s failed (request %s)", request.method, request.url.path, name, exc_info=error)
        return answer(Problem(500, f"the server failed on this request; the log says more at {name}"))


def _message(error: Mapping[str, Any]) -> str:
    """What is wrong, in few words; the value itself is not repeated (it may be a secret)."""
    if error["type"] == "json_invalid":
        return "not valid JSON"
    return str(error["msg"])


def _place(loc: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in loc) or "request"
