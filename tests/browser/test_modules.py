"""Modules of the console in a real browser: event-stream parser, store, readings, clusters, forms, routes, figures."""

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
          const { SseParser } = await import("/modules.js");
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
        "condition": "ACTIVE", "label": "UNACK", "count": 1, "first_seen": "2026-01-01T00:00:00.000Z",
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
          const { Store } = await import("/modules.js");
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
          const { Store } = await import("/modules.js");
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
          const { Store } = await import("/modules.js");
          const store = new Store();
          store.replace([old]);
          store.apply(fresh, null);
          return store.alerts.get("a").mark ?? null;
        }""",
        [alert("a"), alert("a", mark="fresh", **change)],
    )
    assert (got == "fresh") is kept


def test_the_line_breaks_at_gaps(modules: Page) -> None:
    got = modules.evaluate(
        """async () => {
          const { columns, segments, rangeOf } = await import("/modules.js");
          const steady = Array.from({ length: 60 }, (_, i) => [i * 1000, i % 3]);
          const holed = steady.slice(0, 20).concat(steady.slice(40, 60));
          const slowThenFast = [0, 30, 60, 90, 91, 92, 93, 94, 95, 96].map((second) => [second * 1000, 1]);
          const [times, values] = columns(holed);
          return {
            runs: segments(holed).map((run) => run.length), whole: segments(slowThenFast).length,
            points: times.length, breaks: values.flatMap((v, i) => (v === null ? [times[i]] : [])),
            near: rangeOf(40, 41, [39, 43, null, 38]), far: rangeOf(40, 41, [1000]),
          };
        }"""
    )
    assert got["runs"] == [20, 20]
    assert got["whole"] == 1  # another sampling interval is no gap
    assert (got["points"], got["breaks"]) == (41, [29.5])
    assert got["near"][0] < 38 < 43 < got["near"][1]
    assert got["far"][1] < 42  # a limit far away would squeeze the readings flat


def test_marks_that_lie_on_each_other_become_one(modules: Page) -> None:
    got = modules.evaluate(
        """async () => {
          const { cluster } = await import("/modules.js");
          const at = (x, y, item) => ({ x, y, item });
          const points = [at(0, 0, "a"), at(16, 0, "b"), at(16.9, 0, "c"), at(40, 0, "d"), at(41, 0, "e")];
          points.push(at(-5, -5, "f"));
          const show = (groups) => groups.map(({ items }) => items.join("")).sort();
          const many = Array.from({ length: 5000 }, (_, i) => at((i * 37) % 1000, (i * 91) % 800, i));
          const sizes = cluster(many, 17).reduce((sum, { items }) => sum + items.length, 0);
          return [show(cluster(points, 17)), show(cluster(points, 17, (item) => item === "e")), sizes];
        }"""
    )
    assert got == [["abcf", "de"], ["abcf", "d", "e"], 5000]


def test_a_border_that_two_cells_share_is_drawn_once(modules: Page) -> None:
    got = modules.evaluate(
        """async () => {
          const { edges } = await import("/modules.js");
          const seen = new Set();
          const left = [[[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]];
          const right = [[[[1, 0], [2, 0], [2, 1], [1, 1], [1, 0]]]];
          return [edges(left, seen), edges(right, seen)];
        }"""
    )
    assert got[0] == [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
    assert got[1] == [[[1, 0], [2, 0], [2, 1], [1, 1]]]


@pytest.mark.parametrize(
    ("hash_", "route", "written"),
    [
        ("", {"page": "operations", "alert": None}, ""),
        ("#alert=a%201", {"page": "operations", "alert": "a 1"}, "alert=a%201"),
        ("#page=duty&alert=x", {"page": "duty", "alert": "x"}, "page=duty&alert=x"),
        ("#page=nonsense", {"page": "operations", "alert": None}, ""),
    ],
)
def test_addresses(modules: Page, hash_: str, route: dict[str, Any], written: str) -> None:
    got = modules.evaluate(
        """async (hash) => {
          const { parse, write } = await import("/modules.js");
          return [parse(hash), write(parse(hash))];
        }""",
        hash_,
    )
    assert got == [route, written]


AT_5, AT_10, AT_20, AT_45 = (f"2026-01-01T00:{minute:02d}:00Z" for minute in (5, 10, 20, 45))
CLOCKS: list[tuple[dict[str, Any], Any]] = [
    ({}, None),
    ({"escalation": {"level": "county", "deadline": AT_5}}, ["ack", "county", 300]),
    ({"escalation": {"deadline": None}, "deadlines": [{"step": "dispatch", "due": AT_10}]}, ["dispatch", "", 600]),
    ({"deadlines": {"on_site": {"due": AT_45}, "assess": AT_20}}, ["assess", "", 1200]),
    ({"deadlines": {}, "escalation": {"exhausted": True}}, None),
    ({"handling": "CLOSED", "escalation": {"deadline": AT_5}}, None),
]


@pytest.mark.parametrize(("change", "due"), CLOCKS)
def test_the_clock_that_matters_now(modules: Page, change: dict[str, Any], due: Any) -> None:
    got = modules.evaluate(
        """async (alert) => {
          const { nextDue } = await import("/modules.js");
          const due = nextDue(alert);
          return due && [due.step, due.level, (due.due - Date.UTC(2026, 0, 1)) / 1000];
        }""",
        alert("a", **change),
    )
    assert got == due


def test_a_form_sends_what_was_filled_in(modules: Page) -> None:
    action = {
        "command": "shelve", "allowed": True,
        "params": [
            {"name": "until", "type": "time", "required": True, "label": {"zh": "挂起至", "en": "until"}},
            {"name": "seconds", "type": "seconds"}, {"name": "value", "type": "number"},
            {"name": "county", "type": "text"}, {"name": "verdict", "type": "choice", "choices": ["real", "else"]},
            {"name": "cause", "type": "text"}, {"name": "comment", "type": "text", "required": True},
        ],
    }  # fmt: skip
    values = {"until": "2026-01-01T12:00", "seconds": "1.5", "value": "0.5", "county": "522601", "comment": " 检修 "}
    got = modules.evaluate(
        """async ([action, values]) => {
          const { asked, choicesOf, kindOf, labelOf, missing, sent } = await import("/modules.js");
          return {
            kinds: asked(action).map(kindOf), labels: asked(action).map(labelOf), sent: sent(action, values),
            missing: missing(action, { comment: "  " }).map((p) => p.name), ready: missing(action, values).length,
            words: choicesOf(action.params[4]).map((c) => c.words), plain: asked({ command: "ack" }).map((p) => p.name),
          };
        }""",
        [action, values],
    )
    assert got["kinds"] == ["time", "minutes", "number", "choice", "long", "long"]  # the API knows the county
    assert got["labels"][:2] == ["挂起至", "延长（分钟）"]
    assert got["labels"][-1] == "理由"
    assert (got["missing"], got["ready"], got["plain"]) == (["until", "comment"], 0, ["comment"])
    params = {"until": 1767240000000, "seconds": 90, "value": 0.5}  # 04:00 UTC
    assert got["sent"] == {"comment": "检修", "params": params}
    assert got["words"] == ["属实", "else"]


MINE: list[tuple[dict[str, Any], bool]] = [
    ({}, True),  # nobody was told and nobody has acknowledged
    ({"escalation": {"level": "county"}}, True),
    ({"escalation": {"level": "township"}, "told": [{"unit": "522601001"}]}, False),
    ({"escalation": {"level": "township"}, "told": [{"unit": "522601"}]}, True),
    ({"acks": [{"level": "county", "by": "li"}], "told": [{"unit": "522601"}]}, False),
    ({"suppressions": [{"kind": "BY_RULE"}], "told": [{"unit": "522601"}]}, False),
]


@pytest.mark.parametrize(("change", "waits"), MINE)
def test_what_waits_for_my_level(modules: Page, change: dict[str, Any], waits: bool) -> None:
    got = modules.evaluate(
        """async (alert) => {
          const { waitsForMe, inMyUnits } = await import("/modules.js");
          const me = { user: "kaili", role: "officer", unit: "522601" };
          const seen = (unit) => inMyUnits([alert], { ...me, unit }).length;
          return [waitsForMe(alert, me, Date.UTC(2026, 0, 1)), seen("522601"), seen("522622")];
        }""",
        alert("a", **change),
    )
    assert got == [waits, 1, 0]


def test_a_hand_over_names_what_must_be_told(modules: Page) -> None:
    alerts = [
        alert("late", escalation={"deadline": "2026-01-01T00:01:00Z"}),
        alert("shelved", suppressions=[{"kind": "SHELVED", "why": {"zh": "检修"}}]),
        alert("nobody", escalation={"exhausted": True}),
    ]
    got = modules.evaluate(
        """async (alerts) => {
          const { handOver } = await import("/modules.js");
          const parts = Object.entries(handOver(alerts, Date.UTC(2026, 0, 1, 1)));
          return Object.fromEntries(parts.map(([key, rows]) => [key, rows.map((a) => a.id)]));
        }""",
        alerts,
    )
    ids = ["late", "shelved", "nobody"]
    assert got == {"open": ids, "shelved": ["shelved"], "exhausted": ["nobody"], "overdue": ["late"]}


def test_figures_are_read_as_people_read_them(modules: Page) -> None:
    got = modules.evaluate(
        """async (alerts) => {
          const { alertsBySensor, byCounty, change, faultOf, phoneOf, shown } = await import("/modules.js");
          const bySensor = alertsBySensor(alerts);
          return {
            shown: [shown(0.1234, "share"), shown(2.5), shown(null), shown(3.14159)],
            change: [change(12, 10), change(0.5, 0.6, "share"), change(1, 0), change(null, 1)],
            counties: byCounty(alerts, Date.UTC(2026, 0, 2)).map((r) => [r.code, r.total, r.unacked, r.overdue]),
            sensors: bySensor.get("522601-W-PRS-000001").map((a) => a.id),
            fault: faultOf([...bySensor.values()][0])?.id,
            phones: [phoneOf({ contacts: [{ channel: "feed" }, { channel: "sms", address: "139" }] }), phoneOf({})],
          };
        }""",
        [*ALERTS[:4], alert("f", **{"class": "equipment", "escalation": {"deadline": AT_5}})],
    )
    assert got["shown"] == ["12.3 %", "2.5", "–", "3.14"]
    assert got["change"] == ["+20 %", "-10.0 %", "", ""]
    assert got["counties"] == [["522601", 4, 3, 1], ["522622", 1, 1, 0]]
    assert (got["sensors"], got["fault"]) == (["b", "a", "f", "c", "d"], "f")
    assert got["phones"] == ["139", ""]


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
          const { whyNoAck, TEXTS } = await import("/modules.js");
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
