"""Every page in the light look, the engineer's rules and the leader's figures: what they do, and what axe finds."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.looking import SLOW, SignIn, go, opened, overflow, row, troubles
from tests.browser.system import System

pytestmark = [pytest.mark.browser, pytest.mark.integration]
READY = {
    "page=duty": ".handover", "page=sensors": "#sensors tbody tr", "page=rules": "#profiles tbody tr",
    "page=management": "#heat",
}  # fmt: skip


def test_every_page_in_the_light_look(sign_in: SignIn, system: System) -> None:
    """The dark one is looked at where each page is tested."""
    title = system.raise_(system.sensor(domain="gas"), severity="III")
    page = sign_in("admin")
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    details = opened(page, title)
    expect(details.locator(".d-book")).to_be_visible(timeout=SLOW)
    assert troubles(page) == []
    page.keyboard.press("n")
    expect(page.locator("#report form")).to_be_visible()
    assert troubles(page) == []
    page.keyboard.press("Escape")
    for address, ready in READY.items():
        go(page, address)
        expect(page.locator(ready).first).to_be_visible(timeout=SLOW)
        assert troubles(page) == [], address
        assert overflow(page) == 0, address
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")  # remembered
    page.click("#signout")
    assert troubles(page) == []


def test_an_engineer_tries_and_changes_rules(sign_in: SignIn, system: System) -> None:
    page = sign_in("engineer")
    go(page, "page=rules")
    expect(page.locator("[data-profile='water.pressure']")).to_be_visible(timeout=SLOW)
    assert troubles(page) == []
    page.get_by_role("button", name="从随系统提供的开始").click()
    text = page.locator("#profile-text")
    shipped = text.input_value()
    text.fill(shipped.replace("[pressure]", "[pressure]\nwrong = 1", 1))
    page.click("#profile-check")
    expect(page.get_by_role("alert")).to_contain_text("pressure.wrong")
    expect(page.locator("#profile-put")).to_be_disabled()
    text.fill(shipped)
    page.click("#profile-check")
    expect(page.locator("#profile-changes")).to_contain_text("校验通过")
    page.click("#profile-put")
    expect(page.get_by_role("status").filter(has_text="已生效：第 1 版")).to_be_visible(timeout=SLOW)
    expect(page.locator("[data-profile='water.pressure'] .tag")).to_have_text("自定")

    page.click("#fence-new")
    fence = json.loads(page.locator("#fence-text").input_value())
    fence |= {"id": "dig-9", "name": {"zh": "城西开挖", "en": "West dig"}}
    page.locator("#fence-text").fill(json.dumps({**fence, "until": None}))
    page.click("#fence-check")
    expect(page.get_by_role("alert")).to_contain_text("until")
    page.locator("#fence-text").fill(json.dumps(fence))
    page.click("#fence-check")
    expect(page.get_by_role("status").filter(has_text="校验通过，可以生效")).to_be_visible(timeout=SLOW)
    page.click("#fence-save")
    expect(page.locator("[data-fence='dig-9']")).to_contain_text("城西开挖", timeout=SLOW)
    page.locator("[data-form='try'] [name='kind']").select_option("gas_concentration")
    page.locator("[data-form='try'] [name='hard']").check()
    page.get_by_role("button", name="试算").click()
    expect(page.locator("#verdict")).to_contain_text("城西开挖", timeout=SLOW)
    expect(page.locator("#verdict")).to_contain_text("照常通知，级别为 橙色（二级）")  # works nearby raise gas by one


def test_a_leader_sees_shares_by_county_with_the_period_before(sign_in: SignIn, system: System) -> None:
    title = system.raise_(system.sensor(), severity="II")
    page = sign_in()
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    opened(page, title).locator("#ack").click()
    expect(page.locator("#ack-why")).to_contain_text("签收", timeout=SLOW)
    go(page, "page=management")
    page.click("[data-mode='test']")
    county = page.locator("#lead-unit [data-key='522601']")
    expect(county.locator("th")).to_have_text("凯里市", timeout=SLOW)
    expect(page.locator("[data-measure='ack_share'] strong")).to_contain_text("%")
    assert int(page.locator("[data-measure='alerts'] strong").inner_text()) >= 1
    assert sum(int(n) for n in page.locator("#heat td").all_inner_texts() if n) >= 1
    with page.expect_download() as download:
        page.click("#lead-csv")
    assert "签收及时率" in download.value.path().read_text("utf-8")
