"""What the console's tests look at and wait for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

SignIn = Callable[..., Page]
SLOW = 15_000
AXE = Path(__file__).resolve().parents[2] / "api" / "console" / "node_modules" / "axe-core" / "axe.min.js"


def row(page: Page, title: str) -> Locator:
    return page.locator("#list .row", has_text=title)


def opened(page: Page, title: str) -> Locator:
    """Click the row of an alert; its details."""
    row(page, title).click()
    details = page.locator("#details")
    expect(details.locator("h2")).to_have_text(title, timeout=SLOW)
    return details


def go(page: Page, address: str) -> None:
    """To `#address` without a reload."""
    page.evaluate("address => { location.hash = address }", address)


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def troubles(page: Page) -> list[Any]:
    """What axe finds against WCAG 2.1 A and AA: [rule, the elements]."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make console")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })")
    return [[v["id"], [node["html"][:160] for node in v["nodes"]][:3]] for v in found["violations"]]
