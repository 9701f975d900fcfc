"""The installed page: it opens while the API is away, keeps no answer and no token, and takes a new build."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import CONSOLE
from tests.browser.looking import SLOW, SignIn
from tests.browser.system import System

pytestmark = [pytest.mark.browser, pytest.mark.integration]
CONTROLLED = """() => navigator.serviceWorker.controller ? 1 : new Promise((done) => {
  navigator.serviceWorker.addEventListener("controllerchange", () => done(1));
})"""
GONE = "async (url) => { while (await caches.match(url)) await new Promise((done) => setTimeout(done, 50)); }"
KEPT = """async () => {
  const out = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) out.push(request.url);
  }
  return out;
}"""


def test_the_page_opens_while_the_api_is_away(sign_in: SignIn, system: System) -> None:
    page = sign_in(shell=True)
    page.evaluate(CONTROLLED)
    page.reload()
    expect(page.locator("#link.live")).to_be_visible(timeout=SLOW)
    kept = page.evaluate(KEPT)
    assert {url.removeprefix(system.url).partition("/")[0] for url in kept} == {
        "", "assets", "icon.svg", "icon-192.png", "icon-512.png", "icon-maskable-512.png", "console.webmanifest",
    }  # fmt: skip
    token = json.loads(page.evaluate("sessionStorage.getItem('cityops.session')"))["access_token"]
    for url in kept:
        assert token not in page.evaluate("url => caches.match(url).then((r) => r.text())", url)
    system.stop_api()
    page.reload()
    expect(page.locator("#desk")).to_be_visible(timeout=SLOW)
    expect(page.locator("#stale")).not_to_be_empty()
    system.start_api()
    expect(page.locator("#link.live")).to_be_visible(timeout=SLOW)


def test_files_of_an_older_build_are_let_go(sign_in: SignIn, system: System) -> None:
    page = sign_in(shell=True)
    page.evaluate(CONTROLLED)
    page.evaluate(
        """async () => {
          const cache = await caches.open((await caches.keys())[0]);
          await cache.put("/assets/index-old.js", new Response("old"));
        }"""
    )
    page.reload()
    expect(page.locator("#link.live")).to_be_visible(timeout=SLOW)
    page.evaluate(GONE, "/assets/index-old.js")
    assert [url for url in page.evaluate(KEPT) if url.endswith(".js")]


def test_the_manifest_makes_it_installable(built: None) -> None:
    made = json.loads((CONSOLE / "dist" / "console.webmanifest").read_text("utf-8"))
    assert made["display"] == "standalone"
    assert {icon["sizes"] for icon in made["icons"]} >= {"192x192", "512x512"}
    assert any(icon["purpose"] == "maskable" for icon in made["icons"])
    for icon in made["icons"]:
        data = (CONSOLE / "dist" / icon["src"]).read_bytes()
        if icon["type"] == "image/png":
            side = int(icon["sizes"].partition("x")[0])
            assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (side, side)
