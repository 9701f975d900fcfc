"""The console in a real Chromium on the real system: Kafka, alerts worker, API."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from geo.divisions import Divisions
from geo.fences import Circle, Fence, Mark
from tests.browser.looking import SLOW, SignIn, opened, row
from tests.browser.system import HUANGPING, KAILI, System

pytestmark = [pytest.mark.browser, pytest.mark.integration]
UNTIL = 4_070_908_800_000


def test_a_wrong_password_is_told_in_words(new_page: Callable[..., Page], system: System) -> None:
    page = new_page()
    page.goto(system.url)
    page.fill("#signin-user", "commander")
    page.fill("#signin-password", "not the password")
    page.keyboard.press("Enter")
    expect(page.locator("#signin-why")).to_have_text("用户名或密码不对。")
    expect(page.locator("#desk")).to_be_hidden()


def test_sign_in_shows_who_and_sign_out_forgets(sign_in: SignIn) -> None:
    page = sign_in("officer", KAILI[:6])
    expect(page.locator("#me")).to_have_text("kaili 值班员 · 凯里市")
    page.reload()
    expect(page.locator("#link.live")).to_be_visible()
    page.click("#signout")
    expect(page.locator("#signin")).to_be_visible()
    page.reload()
    expect(page.locator("#signin")).to_be_visible()


def test_an_alert_arrives_without_reload_in_list_map_and_counters(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    sensor = system.sensor()
    expect(page.locator("#map .county")).to_have_count(16)
    before = int(page.locator('#counts [data-severity="III"] .n').inner_text())
    begin = time.monotonic()
    title = system.raise_(sensor)
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    assert time.monotonic() - begin < 5
    expect(row(page, title)).to_contain_text("凯里市 › ")
    expect(row(page, title)).to_contain_text("持续中")
    expect(row(page, title)).to_contain_text("测试")
    expect(row(page, title).get_by_role("img", name="黄色（三级）")).to_be_visible()
    expect(page.locator('#counts [data-severity="III"] .n')).to_have_text(str(before + 1))
    expect(page.locator('#map [data-code="522601"]')).to_have_attribute("aria-label", re.compile(r"凯里市：\d+ 条"))
    id_ = row(page, title).get_attribute("data-id")
    expect(page.locator(f'#map .place[data-ids~="{id_}"]')).to_have_count(1)

    system.clear(sensor)
    expect(row(page, title)).to_contain_text("已恢复", timeout=SLOW)
    expect(row(page, title).locator(".mark.hollow")).to_have_count(1)


def test_filters_by_unit_code_county_severity_and_domain(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    near, far = system.raise_(system.sensor()), system.raise_(system.sensor(HUANGPING, "traffic"), severity="IV")
    expect(row(page, near)).to_be_visible(timeout=SLOW)
    expect(row(page, far)).to_be_visible(timeout=SLOW)

    page.keyboard.press("/")
    page.keyboard.type("522", delay=1)
    page.evaluate("document.querySelector('#counts button').click()")  # a redraw while somebody types
    page.evaluate("document.querySelector('#counts button').click()")
    page.keyboard.type("622")
    expect(row(page, near)).to_have_count(0)
    expect(row(page, far)).to_be_visible()
    expect(page.locator("#map .county.chosen")).to_have_attribute("data-code", "522622")
    expect(page.locator("#map .cells .approximate")).to_have_count(len(Divisions.load().children("522622")))
    expect(page.locator("#map .cellnames")).to_contain_text("重安镇")
    expect(page.locator("#map-caption")).to_contain_text("位置概略")
    page.click("#filter-reset")
    expect(page.locator("#map .cells path")).to_have_count(0)
    expect(row(page, near)).to_be_visible()

    page.locator('#map [data-code="522601"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator("#filter-text")).to_have_value("522601")
    expect(row(page, near)).to_be_visible()
    expect(row(page, far)).to_have_count(0)
    page.click("#filter-reset")

    page.click('#counts [data-severity="IV"]')
    expect(row(page, near)).to_have_count(0)
    expect(row(page, far)).to_be_visible()
    page.click("#filter-reset")
    page.click('#filter-domain [data-domain="traffic"]')
    expect(row(page, near)).to_have_count(0)
    expect(row(page, far)).to_be_visible()
    page.select_option("#filter-mode", "actual")
    expect(page.locator("#list .row")).to_have_count(0)
    expect(page.locator("#list")).to_have_attribute("data-empty", "没有符合筛选条件的报警。")


def test_details_with_chart(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    sensor = system.sensor()
    system.readings(sensor)
    title = system.raise_(sensor, ago_s=20)
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    details = opened(page, title)
    for text in (
        "黔东南州 › 凯里市 › ",
        "读数 30.5 m，低于下限 39 m。",
        sensor.id,
        sensor.zone,
        "39 – 43 m",
        "38 m",
        "报警",
    ):
        expect(details).to_contain_text(text)
    plot = details.locator(".plot")
    expect(plot.locator("canvas")).to_be_visible()
    expect(plot).to_have_attribute("data-parts", "line band expected limit onset")  # as they were drawn
    expect(details.locator(".legend .threshold")).to_have_text(
        "限值 38"
    )  # the score's threshold is no line of readings
    expect(details).to_contain_text("0.91（报警阈值 0.5）")
    counted = re.search(r"(\d+) 点", plot.get_attribute("aria-label") or "")
    assert counted
    assert int(counted[1]) > 100
    plot.scroll_into_view_if_needed()
    plot.hover(position={"x": 200, "y": 100})
    expect(details.locator(".readout")).to_contain_text("41 m")
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()


def test_fences_on_the_map_and_what_they_do_in_the_details(sign_in: SignIn, system: System) -> None:
    sensor = system.sensor(HUANGPING)
    here = Circle(sensor.lon or 0.0, sensor.lat or 0.0, 400.0)
    mark = Mark(fence="works-1", kind="works", name_zh="北门开挖", suppress=True, until_ms=UNTIL)
    page = sign_in()
    expect(page.locator("#map path.county").first).to_be_attached(timeout=SLOW)
    page.wait_for_timeout(1500)  # the page has read the fences there are: the new one is missing until it reads again
    system.fence(
        Fence(id="works-1", name_zh="北门开挖", name_en="North gate dig", kind="works", shape=here, until_ms=UNTIL)
    )
    title = system.raise_(sensor, marks=(mark,), soft=True)
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    outline = page.locator("#map path.fence[data-fence='works-1']")
    expect(outline).to_have_class(re.compile(r"\bfence active\b"), timeout=SLOW)
    expect(outline.locator("title")).to_have_text("施工区 北门开挖 · 生效中")
    details = opened(page, title)
    for text in ("规则抑制", "周边", "施工区 北门开挖", "北门开挖期间不通知，至 "):
        expect(details).to_contain_text(text)


def test_an_acknowledgement_in_one_browser_is_seen_in_another(sign_in: SignIn, system: System) -> None:
    officer, commander = sign_in("officer", KAILI[:6]), sign_in()
    title = system.raise_(system.sensor(), severity="II")
    for page in (officer, commander):
        expect(row(page, title)).to_contain_text("未签收", timeout=SLOW)
    seen = opened(commander, title)
    details = opened(officer, title)
    details.locator(".note").fill("已电话通知抢修队")
    details.locator("#ack").click()
    expect(details).to_contain_text("已由 kaili 于", timeout=SLOW)
    expect(details.locator("#ack")).to_be_disabled()
    expect(details.locator("#ack-why")).to_have_text("本级已签收")
    expect(row(officer, title)).to_contain_text("县（市）已签收")

    expect(row(commander, title)).to_contain_text("县（市）已签收", timeout=SLOW)
    expect(seen.locator(".timeline")).to_contain_text("kaili 签收：已电话通知抢修队")
    expect(seen.locator("#ack")).to_be_enabled()  # the prefecture may acknowledge for its own level
    commander.keyboard.press("a")
    expect(seen).to_contain_text("已由 commander 于", timeout=SLOW)


def test_a_viewer_is_told_why_not(sign_in: SignIn, system: System) -> None:
    page = sign_in("viewer")
    title = system.raise_(system.sensor())
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    details = opened(page, title)
    expect(details.locator("#ack")).to_be_disabled()
    expect(details.locator("#ack-why")).to_have_text("此角色不能做此操作")


def test_a_county_officer_sees_only_the_own_county(sign_in: SignIn, system: System) -> None:
    page = sign_in("officer", KAILI[:6])
    far, near = system.raise_(system.sensor(HUANGPING)), system.raise_(system.sensor())
    expect(row(page, near)).to_be_visible(timeout=SLOW)
    page.wait_for_timeout(1000)
    expect(row(page, far)).to_have_count(0)
    everyone = sign_in()
    id_ = row(everyone, far).get_attribute("data-id")
    page.evaluate("id => { location.hash = 'alert=' + id }", id_)
    expect(page.locator("#details")).to_contain_text(re.compile("不在您的管辖范围|没有权限"))


def test_a_red_alert_has_a_banner_and_is_spoken(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    title = system.raise_(system.sensor(domain="gas"), severity="I")
    expect(page.locator("#red")).to_contain_text(title, timeout=SLOW)
    expect(page.locator("#spoken")).to_contain_text(f"新报警：红色（一级），{title}")
    expect(page.locator("#list .row").first).to_contain_text(title)
    page.click("#red button")
    page.click("#ack")
    expect(page.locator("#red")).to_be_hidden(timeout=SLOW)


def test_the_list_holds_still_under_the_pointer(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    calm = system.raise_(system.sensor(), severity="IV")
    expect(row(page, calm)).to_be_visible(timeout=SLOW)
    row(page, calm).hover()
    place = row(page, calm).bounding_box()
    urgent = system.raise_(system.sensor(), severity="II")
    expect(page.locator("#list-fresh")).to_have_text("1 条新报警", timeout=SLOW)
    assert row(page, calm).bounding_box() == place
    expect(row(page, urgent)).to_have_count(0)
    page.mouse.move(5, 5)
    expect(row(page, urgent)).to_be_visible()
    expect(page.locator("#list-fresh")).to_be_hidden()
    row(page, calm).hover()  # a mouse that was left lying in the list
    later = system.raise_(system.sensor(), severity="II")
    expect(page.locator("#list-fresh")).to_be_visible(timeout=SLOW)
    expect(row(page, later)).to_be_visible(timeout=SLOW)


def test_keyboard(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    system.raise_(system.sensor())
    title = system.raise_(system.sensor(), severity="II")
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.locator("#list .row").first
    expect(first).to_have_class(re.compile("current"))
    page.keyboard.press("Enter")
    expect(page.locator("#details h2")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("#list .row").nth(1)).to_have_class(re.compile("open"))
    page.keyboard.press("Escape")
    expect(page.locator("#details")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("键盘操作")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()


def test_english_is_remembered(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    sensor = system.sensor()
    title = system.raise_(sensor)
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    details = opened(page, title)
    page.click(".top .lang")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(details.locator("h2")).to_have_text(f"{sensor.name_en} is unusual")
    expect(details.locator("#ack")).to_contain_text("Acknowledge")
    expect(page.locator("#me")).to_have_text("commander Commander · Qiandongnan")
    page.reload()
    expect(page.locator("#link")).to_have_text("Live")
    shown = page.locator("#desk").inner_text()
    page.click(".top .lang")
    expect(page.locator("#link")).to_have_text("实时")
    assert "未签收" not in shown


def test_phone_width(sign_in: SignIn, system: System) -> None:
    page = sign_in("officer", KAILI[:6], phone=True)
    title = system.raise_(system.sensor())
    expect(row(page, title)).to_be_visible(timeout=SLOW)

    def overflow() -> int:
        return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    assert overflow() == 0
    page.click("#tab-map")
    expect(page.locator("#map")).to_be_visible()
    expect(page.locator("#list")).to_be_hidden()
    assert overflow() == 0
    page.click("#tab-list")
    details = opened(page, title)
    expect(details.locator(".plot canvas")).to_be_visible(timeout=SLOW)
    assert overflow() == 0
    box = details.locator("#ack").bounding_box()
    assert box
    assert box["height"] >= 56
    assert box["y"] + box["height"] < 844
    details.get_by_role("button", name="关闭").click()
    expect(row(page, title)).to_be_visible()


def test_the_console_comes_back_by_itself_after_the_api_was_restarted(sign_in: SignIn, system: System) -> None:
    page = sign_in()
    before = system.raise_(system.sensor())
    expect(row(page, before)).to_be_visible(timeout=SLOW)
    page.evaluate("window.sameDocument = true")
    opened(page, before)
    system.stop_api()
    expect(page.locator("#link")).to_have_text("正在重新连接…", timeout=SLOW)
    expect(page.locator("#stale")).to_contain_text("连接中断")
    expect(page.locator("#ack")).to_be_disabled()
    while_away = system.raise_(system.sensor())
    system.start_api()
    expect(page.locator("#link")).to_have_text("实时", timeout=SLOW)
    expect(page.locator("#stale")).to_be_hidden()
    expect(row(page, while_away)).to_be_visible(timeout=SLOW)
    after = system.raise_(system.sensor())
    expect(row(page, after)).to_be_visible(timeout=SLOW)
    assert page.evaluate("window.sameDocument") is True
