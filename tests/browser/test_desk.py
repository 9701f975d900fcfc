"""Several alerts at once, alerts made by hand, playbooks and photos, on the real system."""

from __future__ import annotations

import re
import struct
import zlib

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import SLOW, SignIn, go, opened, overflow, row, troubles
from tests.browser.system import KAILI, LEISHAN, System

SPOT = re.compile(r"10\d\.\d{5}, 26\.\d{5}")
pytestmark = [pytest.mark.browser, pytest.mark.integration]


def png(side: int = 8) -> bytes:
    """A grey square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + b"\x80" * side for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def choose(page: Page, title: str) -> None:
    row(page, title).locator(".c-pick").click()


def test_chosen_alerts_are_acknowledged_and_shelved_at_once(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    soft = [system.raise_(system.sensor(LEISHAN), soft=True) for _ in range(2)]  # few come from there: no storm
    for title in soft:
        expect(row(page, title)).to_be_visible(timeout=SLOW)
    choose(page, soft[0])
    page.mouse.move(5, 5)
    page.keyboard.press("j")  # the keyboard begins at the first row
    expect(page.locator("#bulk")).to_contain_text("已选 1 条")
    expect(page.locator("#details")).to_be_hidden()
    choose(page, soft[1])
    expect(row(page, soft[1])).to_have_attribute("aria-selected", "true")
    assert troubles(page) == []
    page.click("[data-bulk='ack']")
    page.locator("[data-form='bulk-ack']").get_by_role("button", name="确定签收").click()
    expect(page.locator("#bulk")).to_contain_text("签收：2 条完成", timeout=SLOW)
    for title in soft:
        expect(row(page, title)).to_contain_text("州已签收", timeout=SLOW)
        choose(page, title)
    page.click("[data-bulk='shelve']")
    form = page.locator("[data-form='bulk-shelve']")
    form.get_by_role("button", name="确定挂起").click()
    expect(page.locator("#bulk")).to_contain_text("请填写：理由")
    form.locator("[name='comment']").fill("计划检修")
    form.get_by_role("button", name="确定挂起").click()
    expect(page.locator("#bulk")).to_contain_text("挂起：2 条完成", timeout=SLOW)


def test_a_refusal_of_some_is_told_and_they_stay_chosen(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    fine = system.raise_(system.sensor(LEISHAN), soft=True)
    hard = system.raise_(system.sensor(LEISHAN), severity="III")
    for title in (fine, hard):
        expect(row(page, title)).to_be_visible(timeout=SLOW)
        choose(page, title)
    page.click("[data-bulk='shelve']")
    form = page.locator("[data-form='bulk-shelve']")
    form.locator("[name='comment']").fill("计划检修")
    form.get_by_role("button", name="确定挂起").click()
    expect(page.locator("#bulk .warn")).to_contain_text("1 条没有完成", timeout=SLOW)
    expect(page.locator("#bulk")).to_contain_text("已选 1 条")
    expect(row(page, hard)).to_have_class(re.compile("picked"))


def test_an_alert_made_by_hand_on_the_map_and_what_it_may_be_merged_with(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    expect(page.locator("#map .county")).to_have_count(16)
    page.keyboard.press("n")
    form = page.locator("#report form")
    form.get_by_role("button", name="生成报警").click()
    expect(form.get_by_role("alert")).to_have_text("请填写：领域、险情、地点、情况描述")
    form.locator("[data-value='12345']").click()
    form.locator("[data-value='water']").click()
    form.locator("[name='kind']").select_option("burst_suspected")
    form.locator("[data-value='II']").click()
    form.locator("[name='text']").fill("北京西路路面冒水")
    box = page.locator('#map [data-code="522601"]').bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.52, box["y"] + box["height"] * 0.5)
    expect(form).to_contain_text(SPOT)
    lon, lat = (float(n) for n in SPOT.findall(form.inner_text())[0].split(", "))
    expect(page.locator("#filter-text")).to_have_value("")  # the click was for the form, not the filter
    assert troubles(page) == []
    form.get_by_role("button", name="生成报警").click()
    expect(page.locator("#report .calm")).to_contain_text("已生成报警：疑似爆管", timeout=SLOW)
    page.locator("#report .primary").click()
    expect(page.locator("#details h2")).to_have_text("疑似爆管", timeout=SLOW)
    expect(page.locator("#details")).to_contain_text("12345 热线：北京西路路面冒水")

    page.keyboard.press("n")
    form.locator("[data-value='water']").click()
    form.locator("[name='kind']").select_option("burst_suspected")
    form.locator("[name='text']").fill("同一处")
    page.context.grant_permissions(["geolocation"], origin=system.url)
    page.context.set_geolocation({"longitude": lon, "latitude": lat, "accuracy": 5})
    form.locator("[data-value='here']").click()
    expect(form).to_contain_text(f"{lon:.5f}")
    form.get_by_role("button", name="生成报警").click()
    offer = page.locator("#report [data-offer]").first
    expect(offer).to_contain_text("疑似爆管", timeout=SLOW)
    offer.get_by_role("button", name="并案").click()
    expect(page.locator("#report .calm")).to_have_text("已并入：疑似爆管", timeout=SLOW)


def test_playbook_ticks_are_seen_by_everybody(sign_in: SignIn, system: System) -> None:
    officer, commander = sign_in("officer", KAILI[:6]), sign_in("viewer")
    title = system.raise_(system.sensor(domain="gas"), severity="III")
    for page in (officer, commander):
        expect(row(page, title)).to_be_visible(timeout=SLOW)
    mine, theirs = opened(officer, title), opened(commander, title)
    step = mine.locator("[data-step='cordon']")
    expect(step).to_contain_text("警戒")
    expect(mine.locator(".d-book")).to_contain_text("CJJ 51")
    step.locator("input").click()
    expect(step).to_contain_text("kaili，", timeout=SLOW)
    seen = theirs.locator("[data-step='cordon']")
    expect(seen).to_contain_text("kaili，", timeout=SLOW)
    expect(seen.locator("input")).to_be_checked()
    expect(seen.locator("input")).to_be_disabled()
    step.locator("input").click()
    expect(seen.locator("input")).not_to_be_checked(timeout=SLOW)


def test_a_photo_from_the_telephone_with_its_time_and_place(sign_in: SignIn, system: System) -> None:
    title = system.raise_(system.sensor(), severity="III")
    page = sign_in("officer", KAILI[:6], phone=True)
    page.context.grant_permissions(["geolocation"], origin=system.url)
    page.context.set_geolocation({"longitude": 107.981, "latitude": 26.581, "accuracy": 9})
    go(page, "page=duty")
    card = page.locator(".card", has_text=title)
    card.locator(".next").tap(timeout=SLOW)
    card.locator("[data-command='attach']").tap()
    form = card.locator("[data-form='photo']")
    form.locator("[name='photo']").set_input_files({"name": "井盖.png", "mimeType": "image/png", "buffer": png()})
    form.locator("[name='note']").fill("井盖缺失")
    assert overflow(page) == 0
    assert troubles(page) == []
    form.get_by_role("button", name="上传照片").tap()
    expect(form).to_have_count(0, timeout=SLOW)
    card.get_by_role("button", name="详情").tap()
    photo = page.locator("#details .photos li")
    expect(photo.locator("img")).to_have_attribute("src", re.compile("^data:image/jpeg;base64,"), timeout=SLOW)
    expect(photo).to_contain_text("井盖缺失")
    expect(photo).to_contain_text("位置 107.98100, 26.58100 ±9 米")
    expect(photo).to_contain_text("拍摄")
    expect(page.locator("#details .timeline")).to_contain_text("附件")
    assert troubles(page) == []
