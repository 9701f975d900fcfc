"""The pages beside the operations centre, and the access checks of all of them, on the real system."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from streams import tables, topics, versions
from streams.duty.records import Contact, Person, Roster, Shift, encode
from tests.browser.looking import SLOW, SignIn, go, opened, overflow, row, troubles
from tests.browser.system import KAILI, System

pytestmark = [pytest.mark.browser, pytest.mark.integration]
HOUR_MS = 3_600_000


def on_duty(system: System) -> None:
    """kaili is on duty in Kaili now, kaili2 comes after."""
    now = int(time.time() * 1000)
    records = [
        Person(id="wu", name="吴芳", place="522601", user="kaili", contacts=(Contact("voice", "13900000001"),)),
        Person(id="yang", name="杨波", place="522601", user="kaili2", contacts=(Contact("voice", "13900000002"),)),
        Roster(
            id="522601",
            shifts=(
                Shift(role="main", person="wu", from_ms=now - HOUR_MS, until_ms=now + HOUR_MS),
                Shift(role="deputy", person="yang", from_ms=now - HOUR_MS, until_ms=now + 9 * HOUR_MS),
            ),
        ),
    ]
    tables.write(system.settings, topics.DUTY, versions.rows([(r.id, r.version, encode(r)) for r in records]))


def test_the_duty_officer_on_a_phone(sign_in: SignIn, system: System) -> None:
    on_duty(system)
    title = system.raise_(system.sensor(), severity="II")
    page = sign_in("officer", KAILI[:6], phone=True)
    go(page, "page=duty")
    card = page.locator(".card", has_text=title)
    expect(page.locator("[data-group='duty.unacked']")).to_contain_text(title, timeout=SLOW)
    assert overflow(page) == 0
    box = card.locator(".ack").bounding_box()
    assert box
    assert box["height"] >= 56
    card.locator(".ack").tap()
    expect(page.locator("[data-group='duty.running']")).to_contain_text(title, timeout=SLOW)
    card.locator(".next").tap()
    card.locator("[data-command='assess']").tap()
    card.locator("[data-value='false_alarm']").tap()
    card.get_by_role("button", name="确定研判").tap()
    expect(card.locator(".chips")).to_contain_text("已研判", timeout=SLOW)
    assert overflow(page) == 0
    assert troubles(page) == []

    roster = page.locator(".roster")
    expect(roster).to_contain_text("主班 吴芳")
    expect(roster.locator("a[href='tel:13900000001']")).to_be_visible()
    hand = page.locator("form[data-form='handover']")
    hand.locator("select").select_option(label="杨波")
    hand.locator("textarea").fill("夜间注意城西压力")
    hand.get_by_role("button", name="交班签字").tap()
    expect(page.locator("[data-handover]").first).to_contain_text("夜间注意城西压力", timeout=SLOW)
    expect(page.locator("[data-handover]").first).to_contain_text("待接班人签字")


def test_sensors_with_their_alerts_and_readings(sign_in: SignIn, system: System) -> None:
    sensor = system.sensor()
    system.readings(sensor)
    title = system.raise_(sensor)
    page = sign_in()
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    asked = re.compile(r"/sensors/[^/]+/readings$")  # live operation; the tests' system is a run
    page.route(asked, lambda route: route.continue_(url=f"{route.request.url}?run={system.settings.run}"))
    go(page, "page=sensors")
    page.fill("#sensor-search", sensor.id)
    line = page.locator(f"tr[data-sensor='{sensor.id}']")
    expect(line).to_contain_text(sensor.name_zh)
    expect(page.locator("#sensors tbody tr")).to_have_count(1)
    line.click()
    expect(page.locator(".sensorchart canvas")).to_be_visible(timeout=SLOW)
    assert troubles(page) == []
    line.get_by_role("button", name=title).click()
    expect(page.locator("#details h2")).to_have_text(title, timeout=SLOW)
    expect(page).to_have_url(re.compile("#page=sensors&alert="))


def test_figures_for_management(sign_in: SignIn, system: System) -> None:
    title = system.raise_(system.sensor())
    page = sign_in()
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    go(page, "page=management")
    expect(page.locator("[data-county='522601'] th")).to_have_text("凯里市")
    page.click("[data-mode='test']")
    expect(page.locator("[data-figure='alarms'] td").first).to_have_text(re.compile(r"^[1-9]\d*$"), timeout=SLOW)
    expect(page.locator("[data-figure='per_hour']")).to_contain_text("ISA-18.2")
    assert troubles(page) == []
    with page.expect_download() as download:
        page.click("#kpi-csv")
    assert download.value.suggested_filename.endswith(".csv")
    assert "EEMUA 191" in download.value.path().read_text("utf-8")


def test_nothing_hinders_screen_readers_and_keyboards(
    sign_in: SignIn, new_page: Callable[..., Page], system: System
) -> None:
    page = new_page()
    page.goto(system.url)
    expect(page.locator("#signin-user")).to_be_visible()
    assert troubles(page) == []
    title = system.raise_(system.sensor(domain="gas"), severity="I")
    page = sign_in()
    expect(row(page, title)).to_be_visible(timeout=SLOW)
    expect(page.locator("#map .county")).to_have_count(16)
    details = opened(page, title)
    expect(details.locator(".plot canvas")).to_be_visible(timeout=SLOW)
    details.locator(".more-actions > summary").click()
    assert troubles(page) == []
    page.click(".top .lang")
    page.keyboard.press("?")
    assert troubles(page) == []


def test_thousands_of_alerts_and_assets_stay_few_elements(sign_in: SignIn, system: System) -> None:
    """2,000 alerts and 5,000 assets: rows by the hundred, marks in groups, assets on one canvas."""
    system.raise_(system.sensor())
    page = sign_in()
    expect(page.locator("#list .row").first).to_be_visible(timeout=SLOW)
    token = json.loads(page.evaluate("sessionStorage.getItem('cityops.session')"))["access_token"]
    answer = page.request.get(f"{system.url}api/v1/alerts?limit=1", headers={"Authorization": f"Bearer {token}"}).json()
    one = answer["items"][0]
    alerts = [
        {**one, "id": f"x{n}", "lon": 107.5 + (n % 50) * 0.035, "lat": 25.7 + (n // 50) * 0.035} for n in range(2000)
    ]
    assets = [
        {
            "type": "Feature", "geometry": {"type": "Point", "coordinates": [107.5 + (n % 100) / 60, 25.8 + n / 5000]},
            "properties": {"id": f"a{n}", "domain": "water"},
        }
        for n in range(5000)
    ]  # fmt: skip
    page.route("**/api/v1/alerts?*", lambda route: route.fulfill(json={**answer, "items": alerts, "next": None}))
    page.route("**/api/v1/assets?*", lambda route: route.fulfill(json={"features": assets}))
    page.reload()
    expect(page.locator("#list-info")).to_have_text("2000 条", timeout=SLOW)
    page.check("#layer-assets")
    expect(page.locator("#map .leaflet-assets-pane canvas")).to_have_count(1)
    expect(page.locator("#list .row")).to_have_count(150)
    marks = page.locator("#map .place")
    expect(marks.first).to_be_attached()
    assert 50 < marks.count() <= 250
    sizes = page.evaluate(
        "() => [...document.querySelectorAll('#map .place')].map((node) => node.dataset.ids.split(' ').length)"
    )
    assert sum(sizes) == 2000
    assert page.evaluate("document.querySelectorAll('#map *').length") < 12_000
