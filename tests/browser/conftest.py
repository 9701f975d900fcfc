"""A real Chromium for the console's tests; they skip visibly where none is installed."""

from __future__ import annotations

import functools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.system import System

CONSOLE = Path(__file__).resolve().parents[2] / "api" / "console"
BUILT = CONSOLE / "dist" / "index.html"
MODULES = CONSOLE / "build" / "modules.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
WAIT_MS = 15_000


@pytest.fixture(scope="session")
def built() -> None:
    """The console as it is in this checkout, built; skips where it could not be, fails where it is an old one."""
    if not BUILT.is_file() or not MODULES.is_file():
        pytest.skip("the console is not built: make console")
    sources = [CONSOLE / "index.html", *CONSOLE.glob("src/**/*.*"), *CONSOLE.glob("public/*")]
    newer = [str(path) for path in sources if path.stat().st_mtime > BUILT.stat().st_mtime]
    assert not newer, f"{newer[0]} is newer than the built console: make console"


@pytest.fixture(scope="session")
def chromium(built: None) -> Iterator[Browser]:
    path = os.environ.get("CITYOPS_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip("no Chromium: apt-get install chromium, or name one in $CITYOPS_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Makes pages, each with a storage of its own; an error in a page's script fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(phone: bool = False, shell: bool = False) -> Page:
        """`shell`: with the service worker, behind which routes of a test would not be asked."""
        workers: Any = "allow" if shell else "block"
        context = chromium.new_context(
            viewport=PHONE if phone else DESK, is_mobile=phone, has_touch=phone, service_workers=workers
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Security Policy" in message.text else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="session")
def static_url(built: None) -> Iterator[str]:
    """The console's modules on loopback without an API."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(MODULES.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def modules(chromium: Browser, static_url: str) -> Page:
    """A page on which `import("/modules.js")` gives what the console's modules export."""
    page = chromium.new_page()
    page.goto(static_url)
    return page


@pytest.fixture(scope="session")
def system(broker: str, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """API and alerts worker on a real Kafka; started once, in a run of its own."""
    made = System(broker, tmp_path_factory.mktemp("console"))
    yield made
    made.close()


@pytest.fixture
def sign_in(new_page: Callable[..., Page], system: System) -> Callable[..., Page]:
    """Opens the console as an account of this role and unit and waits for the snapshot."""

    def enter(role: str = "commander", unit: str = "522600", phone: bool = False, shell: bool = False) -> Page:
        page = new_page(phone, shell)
        account = system.account(role, unit)
        page.goto(system.url)
        page.fill("#signin-user", account["user"])
        page.fill("#signin-password", account["password"])
        page.keyboard.press("Enter")
        page.wait_for_selector("#link.live")
        return page

    return enter
