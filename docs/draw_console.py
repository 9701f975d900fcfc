"""Screenshots of the console's pages for docs/console.md, from a running demo.

cityops up --demo --json --no-browser > ready.json &
python docs/draw_console.py ready.json
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "img"
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
SETTLE_MS = 1500


def main(ready: dict[str, Any]) -> None:
    accounts = {a["user"]: a["password"] for a in ready["accounts"]}
    path = os.environ.get("CITYOPS_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])

        def enter(user: str, phone: bool = False, look: str = "dark", lang: str = "zh") -> Page:
            return signed_in(browser, ready["url"], user, accounts[user], phone, look, lang)

        desk(enter("commander"))
        details(enter("commander", lang="en"), "console-en")
        details(enter("commander", look="light"), "console-light")
        report(enter("commander"))
        page(enter("commander"), "management", "#heat", "console-figures")
        page(enter("engineer"), "sensors", "#sensors tbody tr", "console-sensors")
        page(enter("engineer"), "rules", "#profiles tbody tr", "console-rules")
        phone(enter("kaili", phone=True))
        browser.close()


def signed_in(browser: Browser, url: str, user: str, password: str, phone: bool, look: str, lang: str) -> Page:
    context = browser.new_context(
        viewport=PHONE if phone else DESK, is_mobile=phone, has_touch=phone, service_workers="block"
    )
    context.add_init_script(
        f"localStorage.setItem('cityops.theme', '{look}'); localStorage.setItem('cityops.lang', '{lang}')"
    )
    page = context.new_page()
    page.goto(url)
    page.fill("#signin-user", user)
    page.fill("#signin-password", password)
    page.keyboard.press("Enter")
    page.wait_for_selector("#link.live")
    page.wait_for_timeout(SETTLE_MS)
    return page


def shot(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png")


def desk(page: Page) -> None:
    page.wait_for_selector("#map .county")
    shot(page, "console")
    for box in page.locator("#list .c-pick").all()[2:5]:
        box.click()
    shot(page, "console-several")
    page.locator("#bulk > .bulkline .plain").last.click()
    details(page, "console-details")


def details(page: Page, name: str) -> None:
    page.locator("#list .row").first.click()
    page.wait_for_timeout(SETTLE_MS)
    page.mouse.move(720, 5)
    shot(page, name)


def report(page: Page) -> None:
    page.keyboard.press("n")
    page.locator("#report [data-value='12345']").click()
    page.locator("#report [data-value='water']").click()
    page.locator("#report [name='kind']").select_option("burst_suspected")
    page.locator("#report [name='text']").fill("北京西路路面冒水")
    shot(page, "console-report")


def page(page: Page, name: str, ready: str, image: str) -> None:
    page.evaluate("name => { location.hash = 'page=' + name }", name)
    page.wait_for_selector(ready)
    page.wait_for_timeout(SETTLE_MS)
    shot(page, image)


def phone(page: Page) -> None:
    shot(page, "console-phone")
    page.locator("#list .row").first.tap()
    page.wait_for_timeout(SETTLE_MS)
    shot(page, "console-phone-details")
    page.evaluate("location.hash = 'page=duty'")
    page.wait_for_timeout(SETTLE_MS)
    page.locator(".card .next").first.tap()
    page.locator(".card [data-command='attach']").first.tap()
    shot(page, "console-duty")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8").splitlines()[-1]))
