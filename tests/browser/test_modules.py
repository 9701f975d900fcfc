"""Single modules of the console in a real browser: event-stream parser, store, chart and map arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

STREAM = (
    "\ufeffretry: 2000\n\n"
    ": ping\r\n\r\n"
    'id: e-1\nevent: alert\ndata: {"a":\ndata:1}\n\n'
    "data: 汉字 text\r\n\r\n"
    "event: alert\rdata\r\r"
    "event: lost\n\n"
    "data: the end is missing"
)
EVENTS = [
    {"event": "alert", "data": '{"a":\n1}', "id": "e-1"},
    {"event": "message", "data": "汉字 text", "id": "e-1"},
    {"event": "alert", "data": "", "id": "e-1"},
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_parser_takes_any_split_of_the_stream(modules: Page, size: int) -> None:
    got = modules.evaluate(
        """async ([text, size]) => {
          const { SseParser } = await import("/sse.js");
          const out = [], parser = new SseParser((event) => out.push(event));
          for (let i = 0; i < text.length; i += size) parser.push(text.slice(i, i + size));
          return { out, retry: parser.retryMs };
        }""",
        [STREAM, size],
    )
    assert got == {"out": EVENTS, "retry": 2000}


def alert(id_: str, **over: Any) -> dict[str, Any]:
    return {
        "id": id_, "version": 1, "severity": "III", "domain": "water", "mode": "actual", "handling": "NEW",
        "condition": "ACTIVE", "label": "UNACK", "first_seen": "2026-01-01T00:00:00.000Z",
        "last_seen": "2026-01-01T00:00:00.000Z", "unit": {"code": "522601001", "name": "城西街道"},
        "path": {"prefecture": "522600", "county": "522601", "township": "522601001", "village": None},
        "title": {"zh": "压力过低", "en": "Pressure low"}, "sensors": ["522601-W-PRS-000001"], **over,
    }  # fmt: skip


ALERTS = [
    alert("a"),
    alert("b", severity="I", domain="gas", unit={"code": "522622", "name": "黄平县"}, path={"county": "522622"}),
    alert("c", first_seen="2026-01-01T00:01:00.000Z", condition="CLEARED", label="RTNUN"),
    alert("d", severity="IV", mode="test", label="ACKED"),
    alert("e", severity="II", handling="CLOSED", label="NORM"),
]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, "bacd"),  # by severity, what goes on first; the closed one is not shown
        ({"text": "522600"}, "bacd"),
        ({"text": "5226"}, "bacd"),
        ({"text": "522601"}, "acd"),
        ({"text": "522601001"}, "acd"),
        ({"text": "522622"}, "b"),
        ({"text": "522601002"}, ""),
        ({"text": "pressure LOW"}, "bacd"),
        ({"text": "城西"}, "acd"),
        ({"text": "黄平"}, "b"),
        ({"text": "W-PRS-000001"}, "bacd"),
        ({"severity": ["I", "IV"]}, "bd"),
        ({"domain": ["gas"]}, "b"),
        ({"state": "closed"}, "e"),
        ({"state": "active"}, "bad"),
        ({"state": "all"}, "beacd"),
        ({"mode": "test"}, "d"),
    ],
)
def test_filters(modules: Page, filters: dict[str, Any], ids: str) -> None:
    got = modules.evaluate(
        """async ([alerts, filters]) => {
          const { Store } = await import("/store.js");
          const store = new Store();
          store.replace(alerts);
          store.filter(filters);
          return store.visible().map((alert) => alert.id).join("");
        }""",
        [ALERTS, filters],
    )
    assert got == ids


def test_counters_and_red_alerts(modules: Page) -> None:
    got = modules.evaluate(
        """async (alerts) => {
          const { Store } = await import("/store.js");
          const store = new Store();
          store.replace(alerts);
          return { ...store.counts(), reds: store.reds().map((alert) => alert.id) };
        }""",
        ALERTS,
    )
    assert got["severity"]["I"] == {"open": 1, "active": 1, "unacked": 1}
    assert got["severity"]["II"] == {"open": 0, "active": 0, "unacked": 0}
    assert got["severity"]["IV"] == {"open": 1, "active": 1, "unacked": 0}
    assert got["county"] == {"522601": {"open": 3, "worst": "III"}, "522622": {"open": 1, "worst": "I"}}
    assert got["reds"] == ["b"]


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"version": 2}, True),
        ({"version": 0}, False),
        ({"version": 1, "last_seen": "2026-01-01T00:00:30.000Z"}, True),  # a repeat: same version, seen later
        ({"version": 1, "last_seen": "2025-12-31T00:00:00.000Z"}, False),
    ],
)
def test_an_older_state_never_replaces_a_newer_one(modules: Page, change: dict[str, Any], kept: bool) -> None:
    got = modules.evaluate(
        """async ([old, fresh]) => {
          const { Store } = await import("/store.js");
          const store = new Store();
          store.replace([old]);
          store.apply(fresh, null);
          return store.alerts.get("a").mark ?? null;
        }""",
        [alert("a"), alert("a", mark="fresh", **change)],
    )
    assert (got == "fresh") is kept


def test_the_line_breaks_at_gaps_and_thinning_keeps_the_peaks(modules: Page) -> None:
    got = modules.evaluate(
        """async () => {
          const { segments, thin, ticks, timeTicks } = await import("/chart.js");
          const steady = Array.from({ length: 1000 }, (_, i) => [i * 1000, i === 500 ? 99 : i === 700 ? -99 : i % 3]);
          const holed = steady.slice(0, 20).concat(steady.slice(40, 60));
          const slowThenFast = [0, 30, 60, 90, 91, 92, 93, 94, 95, 96].map((second) => [second * 1000, 1]);
          const small = thin(steady, 50);
          return {
            runs: segments(holed).map((run) => run.length), whole: segments(slowThenFast).length, points: small.length,
            max: Math.max(...small.map((p) => p[1])), min: Math.min(...small.map((p) => p[1])),
            ordered: small.every((p, i) => !i || p[0] > small[i - 1][0]),
            ticks: ticks(0.13, 0.61, 5),
            hours: timeTicks(Date.UTC(2026, 0, 1, 15, 30), Date.UTC(2026, 0, 1, 17, 30), 2),
          };
        }"""
    )
    assert got["runs"] == [20, 20]
    assert got["whole"] == 1  # another sampling interval is no gap
    assert got["points"] <= 102  # lowest and highest of each of 50 spans, and the last point
    assert (got["max"], got["min"], got["ordered"]) == (99, -99, True)
    assert got["ticks"] == [0.2, 0.3, 0.4, 0.5, 0.6]
    assert got["hours"] == [1767283200000, 1767286800000]  # 00:00 and 01:00 Beijing time


def test_projection_keeps_shape_and_direction(modules: Page) -> None:
    got = modules.evaluate(
        """async () => {
          const { projection } = await import("/map.js");
          const { project, width, height } = projection([107, 25, 110, 28]);
          return { nw: project(107, 28), se: project(110, 25), width, height };
        }"""
    )
    assert got["nw"] == [0, 0]
    assert got["se"] == pytest.approx([got["width"], got["height"]])
    assert got["height"] / got["width"] == pytest.approx(1 / 0.8949, rel=1e-3)  # cos 26.5°


@pytest.mark.parametrize(
    ("me", "change", "reason"),
    [
        ({"role": "officer", "unit": "522601"}, {}, None),
        ({"role": "commander", "unit": "522600"}, {}, None),
        ({"role": "viewer", "unit": "522600"}, {}, "no.role"),
        ({"role": "engineer", "unit": "522600"}, {}, "no.role"),
        ({"role": "officer", "unit": "522622"}, {}, "no.unit"),
        ({"role": "officer", "unit": "522601"}, {"handling": "CLOSED"}, "no.closed"),
        ({"role": "officer", "unit": "522601"}, {"acks": [{"level": "county", "by": "li"}]}, "no.acked"),
        ({"role": "officer", "unit": "522601"}, {"acks": [{"level": "township", "by": "li"}]}, None),
        (
            {"role": "officer", "unit": "522601"},
            {"acks": [{"level": "county", "by": "li", "expires": "2026-01-01T00:00:00Z"}]},
            None,
        ),
    ],
)
def test_why_an_alert_cannot_be_acknowledged(
    modules: Page, me: dict[str, str], change: dict[str, Any], reason: str | None
) -> None:
    got = modules.evaluate(
        """async ([alert, me, key]) => {
          const { whyNoAck } = await import("/actions.js");
          const { TEXTS } = await import("/texts.js");
          const why = whyNoAck(alert, me, Date.UTC(2026, 0, 1, 1), true);
          return why === null ? null : [why, key ? TEXTS[key][0].split("{")[0] : ""];
        }""",
        [alert("a", **change), me, reason],
    )
    if reason is None:
        assert got is None
    else:
        assert got is not None
        assert got[0].startswith(got[1])
        assert "{" not in got[0]
