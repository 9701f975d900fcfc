"""The console in headless Chromium on a real API with 2,000 open alerts and 5,000 assets: size, first list, panning."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import shutil
import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from api.pages import CONSOLE
from geo.assets import Asset
from streams import topics
from streams.cli.benches.alerts_bed import Api, Minded, api, bed, load_average, sending
from streams.cli.benches.alerts_load import BOX, detection, message
from streams.cli.benches.alerts_log import settled
from streams.cli.benches.bed import wait_for
from streams.cli.benches.figure import Figure, Say
from streams.errors import CityopsError
from streams.registry import publish
from streams.settings import Settings

OPEN, QUICK_OPEN = 2_000, 300
ASSETS, QUICK_ASSETS = 5_000, 500
VISITS, SWEEPS = 5, 12
SETTLE_MS = 1_000
NAMES = ("chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1440, "height": 900}
# when the first row of the list stood in the page, in milliseconds from the begin of the visit
FIRST_ROW = """
new MutationObserver((_, watch) => {
  if (document.querySelector("#list .row")) { window.firstRow = performance.now(); watch.disconnect(); }
}).observe(document, { childList: true, subtree: true });
"""
FRAMES = """() => {
  window.frames_ = [];
  window.watching = true;
  const frame = (at) => { window.frames_.push(at); if (window.watching) requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `console.size_gzip_kb`, `.first_list_ms`, `.pan_fps`, `.pan_frame_p95_ms`.

    Raises CityopsError where there is no built console or no Chromium, or the page does not show every alert.
    """
    yield size()
    n, assets = (QUICK_OPEN, QUICK_ASSETS) if quick else (OPEN, ASSETS)
    with bed(say) as settings:
        publish(settings, list(_assets(assets)))
        worker = Minded(settings)
        try:
            with api(settings) as server:
                say(f"{n:,} open alerts, {assets:,} assets…")
                _fill(settings, n)
                settled(settings)
                wait_for("the API's list", lambda: _open(server) >= n, 60)
                with _chromium() as browser:
                    yield from _seen(browser, server, _open(server), assets, say)
        finally:
            worker.stop()


def size() -> Figure:
    """All built files, each gzipped."""
    files = [path for path in CONSOLE.rglob("*") if path.is_file()]
    if not files:
        raise CityopsError(f"{CONSOLE}: the console is not built: make console")
    packed = {path.name: len(gzip.compress(path.read_bytes())) for path in files}
    largest = max(packed, key=lambda name: packed[name])
    return Figure(
        "console.size_gzip_kb", sum(packed.values()) / 1000, "kB", "<= 400", len(files), {largest: packed[largest]}
    )


def _assets(n: int) -> Iterator[Asset]:
    west, south, east, north = BOX
    across = 100
    for k in range(n):
        county = topics.COUNTIES[k % 16]
        yield Asset(
            id=f"{county}-W-VLV-{k:06d}", domain="water", kind="valve", unit_code=county, name_zh=f"阀门 {k}",
            lon=round(west + (east - west) * (k % across) / across, 5),
            lat=round(south + (north - south) * (k // across) / (n / across), 5), approximate=True,
        )  # fmt: skip


def _fill(settings: Settings, n: int) -> None:
    with sending(settings) as producer:
        for k in range(n):
            producer.send(**message(settings, detection(k, int(time.time() * 1000))))


def _open(server: Api) -> int:
    ask = urllib.request.Request(
        f"{server.url}/api/v1/stats", headers={"Authorization": f"Bearer {server.token('commander')}"}
    )
    with urllib.request.urlopen(ask, timeout=20) as answer:
        return int(json.load(answer)["total"])


@contextmanager
def _chromium() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise CityopsError(
            "playwright is not installed: pip install playwright, which is part of the extra dev"
        ) from None
    path = os.environ.get("CITYOPS_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        raise CityopsError("no Chromium: apt-get install chromium, or name one in $CITYOPS_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def _seen(browser: Any, server: Api, n: int, assets: int, say: Say) -> Iterator[Figure]:
    account = next(a for a in server.accounts if a["user"] == "commander")
    page = browser.new_page(viewport=SIZE, service_workers="block")
    page.add_init_script(FIRST_ROW)
    page.goto(server.url)
    page.fill("#signin-user", account["user"])
    page.fill("#signin-password", account["password"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#list .row")
    say(f"{VISITS} visits…")
    busy = _busy(page)
    visits, spent = [], []
    for _ in range(VISITS):
        page.wait_for_timeout(SETTLE_MS)
        before = busy()
        page.reload()
        page.wait_for_selector("#list .row")
        visits.append(float(page.evaluate("window.firstRow")))
        after = busy()
        spent.append(after - before if after >= before else after)  # a new process counts anew
        page.locator("#list-info", has_text=f"{n} ").wait_for()
    detail = {
        "open": n, "visits_ms": [round(v) for v in visits], "page_busy_ms": round(statistics.median(spent)),
        "load": load_average(),
    }  # fmt: skip
    yield Figure("console.first_list_ms", statistics.median(visits), "ms", "<= 1000", len(visits), detail)
    say("panning…")
    intervals, spent_ms = _panned(page, busy)
    seconds = sum(intervals) / 1000
    detail = {
        "open": n, "assets": assets, "marks": page.locator("#map .place").count(),
        "page_busy_ms_a_frame": round(spent_ms / len(intervals), 1),
        "median_ms": round(statistics.median(intervals), 1),
        "longest_ms": round(max(intervals)), "load": load_average(),
    }  # fmt: skip
    yield Figure("console.pan_fps", len(intervals) / seconds, "frames/s", ">= 30", len(intervals), detail)
    yield Figure("console.pan_frame_p95_ms", statistics.quantiles(intervals, n=20)[-1], "ms", "", len(intervals))


def _busy(page: Any) -> Callable[[], float]:
    """How long the page's main thread has worked, ms: says more than the clock where others work, too."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def ask() -> float:
        told = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
        return float(told["TaskDuration"]) * 1000

    return ask


def _panned(page: Any, busy: Callable[[], float]) -> tuple[list[float], float]:
    """Milliseconds between frames while a hand drags the zoomed map to and fro with all layers on; how long the
    page worked meanwhile."""
    page.wait_for_selector("#map .county")
    page.check("#layer-assets")
    page.wait_for_selector("#map .leaflet-assets-pane canvas")
    for _ in range(2):
        page.click("#map-in")
        page.wait_for_timeout(600)
    box = page.locator("#map").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    before = busy()
    page.evaluate(FRAMES)
    for k in range(SWEEPS):
        side = 1 if k % 2 else -1
        page.mouse.move(x + side * box["width"] * 0.3, y + side * box["height"] * 0.15, steps=40)
    page.evaluate("window.watching = false")
    spent_ms = busy() - before
    page.mouse.up()
    at: list[float] = page.evaluate("window.frames_")
    if len(at) < 20:
        raise CityopsError(f"only {len(at)} frames were drawn while the map was panned")
    return [b - a for a, b in itertools.pairwise(at)], spent_ms
