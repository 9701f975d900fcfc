"""The console's built files at `/`; where they are missing, a plain page that says how to build them."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

CONSOLE = Path(__file__).parent / "console" / "dist"
_NOT_BUILT = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>cityops</title></head><body>
<h1>控制台尚未构建</h1>
<p>在项目目录运行 <code>make console</code>（需要网络），然后重新启动。
接口照常工作：<a href="openapi.json">openapi.json</a></p>
<h1 lang="en">The console is not built</h1>
<p lang="en">Run <code>make console</code> in the project's folder (it needs a network), then start again.
The API works: <a href="openapi.json">openapi.json</a></p>
</body></html>
"""


class _Files(StaticFiles):
    """Files whose names hold a hash are kept by the browser; the others are asked for again each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        hashed = path.startswith("assets/") and response.status_code == 200
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return response


def mount(app: FastAPI, folder: Path) -> None:
    """Serve the console from `folder`, last of all routes."""
    if (folder / "index.html").is_file():
        app.mount("/", _Files(directory=folder, html=True), name="console")
    else:
        app.add_route("/", _not_built, include_in_schema=False)


async def _not_built(_: Request) -> Response:
    return HTMLResponse(_NOT_BUILT)
