"""The FastAPI application, put together from its parts: routes, guard, problem documents, console."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI

from api import docs, errors, pages, playbooks as playbook_file
from api.context import Context
from api.guard import API, INGEST, OPEN, Guard
from api.ingest_docs import OPENAPI
from api.photos import MEGABYTE
from api.request_rate import RequestRate
from api.routes import (
    alerts,
    assets,
    attachments,
    audit,
    auth,
    bulk,
    cap,
    commands,
    console_info,
    duty,
    duty_log,
    feed,
    fences,
    handmade,
    handovers,
    health,
    inbound,
    ingest,
    notifications,
    oidc,
    places,
    playbooks,
    policies,
    profiles,
    reports,
    rollcalls,
    sensor_health,
    sensors,
    stats,
    webhooks,
    where,
    workorders,
)

PARTS = (
    auth,
    oidc,
    alerts,
    handmade,
    bulk,
    commands,
    attachments,
    playbooks,
    reports,
    feed,
    places,
    assets,
    sensor_health,
    sensors,
    profiles,
    fences,
    policies,
    where,
    stats,
    console_info,
    duty,
    duty_log,
    handovers,
    rollcalls,
    notifications,
    inbound,
    webhooks,
    workorders,
    audit,
)  # in the order of the OpenAPI document
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(context: Context, lifespan: Lifespan | None = None, console: Path = pages.CONSOLE) -> FastAPI:
    """The application of one context; the caller starts and stops what the context holds."""
    app = FastAPI(
        title="cityops",
        version=_version(),
        summary="City operations: alerts, their feed, commands and readings",
        docs_url=None,  # the documentation pages load scripts from outside, which our CSP forbids
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.context = context
    context.playbooks = playbook_file.load(context.settings.playbooks)
    errors.install(app)
    v1 = APIRouter(prefix=API)
    for part in PARTS:
        v1.include_router(part.router)
    app.router.routes.append(ingest.route(context))
    app.include_router(v1)
    app.include_router(cap.router)
    app.include_router(health.router)
    settings = context.settings
    app.add_middleware(
        Guard, auth=context.auth, metrics=context.metrics, journal=context.journal,
        rate=RequestRate(settings.requests_per_minute), tiles=settings.tile_url, photo=settings.photo_mb * MEGABYTE,
    )  # fmt: skip
    pages.mount(app, console)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """The OpenAPI document: our shapes and the sign-in join what FastAPI finds by itself."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            document["paths"][INGEST] = {"post": OPENAPI}
            parts = document.setdefault("components", {})
            parts["schemas"] = {**parts.get("schemas", {}), **docs.SCHEMAS}
            parts["securitySchemes"] = {
                "password": {
                    "type": "oauth2",
                    "flows": {"password": {"tokenUrl": f"{API}/auth/token", "scopes": {}}},
                }
            }
            for path, item in document["paths"].items():
                if path.startswith((API, "/cap/")) and path not in OPEN:
                    for operation in item.values():
                        operation["security"] = [{"password": []}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _version() -> str:
    try:
        return version("cityops")
    except PackageNotFoundError:
        return "0"
