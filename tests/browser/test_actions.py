"""What people do to an alert, in a real Chromium on the real system: forms, refusals, clocks, what others see."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.looking import SLOW, SignIn, opened, row
from tests.browser.system import HUANGPING, KAILI, System

pytestmark = [pytest.mark.browser, pytest.mark.integration]


def form(details: Locator, command: str) -> Locator:
    """The form of a command, opened."""
    button = details.locator(f"button[data-command='{command}']:not([disabled])")
    if not button.is_visible():
        details.locator(".more-actions > summary").click()
    button.click()
    return details.locator(f"form[data-form='{command}']")


def test_the_way_of_an_alert_from_assessment_to_closing(sign_in: SignIn, system: System) -> None:
    officer, commander = sign_in("officer", KAILI[:6]), sign_in()
    title = system.raise_(system.sensor(), severity="III")
    expect(row(officer, title)).to_be_visible(timeout=SLOW)
    details = opened(officer, title)
    expect(details.locator("[data-clock='ack'] .n")).to_have_text(re.compile(r"\d+:\d\d"))
    details.locator("#ack").click()
    expect(details.locator("#ack-why")).to_contain_text("签收", timeout=SLOW)

    assess = form(details, "assess")
    assess.get_by_role("button", name="确定研判").click()
    expect(assess.get_by_role("alert")).to_have_text("请填写：研判结论")
    assess.locator("[data-value='real']").click()
    assess.get_by_role("button", name="确定研判").click()
    expect(details.locator(".d-facts")).to_contain_text("已研判 · 属实", timeout=SLOW)

    dispose = form(details, "dispose")
    dispose.locator("[name='cause']").fill("阀门误关")
    dispose.locator("[name='action']").fill("已开启，压力恢复")
    dispose.get_by_role("button", name="确定处置完成").click()
    expect(details.locator(".d-done")).to_contain_text("阀门误关", timeout=SLOW)
    expect(row(officer, title)).to_contain_text("处置完成")
    details.locator(".more-actions > summary").click()
    refused = details.locator(".refused li", has=officer.locator("[data-command='reopen']"))
    expect(refused).to_contain_text("此角色不能做此操作")

    expect(row(commander, title)).to_contain_text("处置完成", timeout=SLOW)
    seen = opened(commander, title)
    verify = form(seen, "verify")
    verify.locator("[name='comment']").fill("看过现场照片")
    verify.get_by_role("button", name="确定核查通过").click()
    expect(seen.locator(".timeline")).to_contain_text("看过现场照片", timeout=SLOW)
    expect(details.locator(".timeline")).to_contain_text("处置完成 → 核查通过", timeout=SLOW)

    close = form(seen, "close")
    close.get_by_role("button", name="确定结案").click()
    expect(close.get_by_role("alert")).to_have_text("请填写：未恢复结案理由")
    close.locator("[name='override']").fill("传感器待检修")
    close.get_by_role("button", name="确定结案").click()
    expect(row(commander, title)).to_have_count(0, timeout=SLOW)


def test_shelving_needs_a_reason_and_shows_until_when(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    title = system.raise_(system.sensor(HUANGPING), soft=True)
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    details = opened(page, title)
    shelve = form(details, "shelve")
    shelve.get_by_role("button", name="确定挂起").click()
    expect(shelve.get_by_role("alert")).to_contain_text("请填写：理由")
    shelve.get_by_role("button", name="4 小时后").click()
    shelve.locator("[name='comment']").fill("管道冲洗")
    shelve.get_by_role("button", name="确定挂起").click()
    expect(details.locator(".chips")).to_contain_text("已挂起", timeout=SLOW)
    expect(details.locator(".d-around")).to_contain_text(re.compile("管道冲洗.*至 "))


def test_what_the_server_does_not_list_is_not_offered(sign_in: SignIn, system: System) -> None:
    page = sign_in("officer", KAILI[:6])
    page.route("**/actions", lambda route: route.fulfill(status=404, json={"title": "Not Found"}))
    title = system.raise_(system.sensor(), severity="IV")
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    details = opened(page, title)
    expect(details.locator("#ack")).to_be_enabled()
    expect(details.locator("[data-command]")).to_have_count(0)


def test_messages_and_who_was_told(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    message = {
        "id": "m1", "place": "522601", "role": "duty", "person": "wu", "channel": "sms", "address": "139****0001",
        "state": "failed", "reason": {"zh": "发送失败", "en": "failed"}, "created": "2026-01-01T00:00:00.000Z",
        "sent": None, "until": None, "attempts": 1,
    }  # fmt: skip
    page.route("**/notifications?*", lambda route: route.fulfill(body=json.dumps({"items": [message], "next": None})))
    title = system.raise_(system.sensor(), severity="II")
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    details = opened(page, title)
    expect(details.locator(".d-told li", has_text="凯里市")).to_contain_text("未签收")
    expect(details.locator(".d-deliveries li")).to_contain_text("将重试")
    expect(details.locator(".d-deliveries li")).to_contain_text("139****0001")
    details.locator(".d-report button", has_text="首报").click()
    expect(details.locator(".draft")).to_contain_text(title, timeout=SLOW)
