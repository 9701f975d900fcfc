"""Every route × every role × own and foreign unit × own and foreign organisation: one table, and a check that no route
is left out of it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from msgspec.structs import replace
from sqlalchemy import insert

from api import duty_store, webhook_store
from api.app import create_app
from api.context import Context
from api.guard import API
from api.photos import Photos
from api.roles import COMMANDS, ROLES
from api.routes import sensor_health
from api.run_files import Run
from api.webhook_sender import WebhookSender
from api.webhook_table import webhook_dead, webhooks
from geo.fence_wire import public
from geo.fences import Circle, Fence
from streams.alerts import policy_text
from streams.alerts.policy_file import default_policy
from streams.drills import burst
from streams.drills.rehearsal import rehearse
from streams.duty.records import Contact, Person, Roster
from streams.duty.wire import parsed
from streams.notify import exercises
from tests.unit.api.conftest import (
    ORG_ACCOUNTS,
    OTHER_ORG,
    OWN_ORG,
    T0,
    FakeBus,
    FakePoster,
    FakeProjection,
    FakeRegistry,
    alert_json,
    bearer,
    keep,
    record,
    subscription,
)

W, G = "522601-W-PRS-000001", "522622-G-CH4-000001"
READINGS = b'[{"sensor": "%s", "ts": 1763884800000, "value": 1}]'
ACCOUNT = {"viewer": "looker", "officer": "kaili", "commander": "prefecture", "engineer": "engineer", "admin": "admin"}
ALL = set(ROLES)
FENCE = Fence(id="F-1", name_zh="一中", kind="school", shape=Circle(107.98, 26.58, 200.0))
V = "522601-W-VLV-000001"
NEW = {"id": "522601-W-VLV-000002", "unit_code": "522601001", "lon": 107.98, "lat": 26.58, "owner_org": OWN_ORG}
POLICY = replace(default_policy(), id="522601", version=1)
RULES = policy_text.public(POLICY)
EDITORS = {"engineer", "admin"}
LEAD = {"commander", "admin"}

DUTY_READERS, ACTORS, LEADERS = ALL - {"viewer"}, {"officer", "commander", "admin"}, {"commander", "admin"}
REPORT = {"source": "phone", "place": {"unit": "522601001"}, "domain": "water", "kind": "other", "severity": "III",
          "text": "路面冒水"}  # fmt: skip
BULK = {"command": "ack", "items": [{"id": "w", "version": 1}]}
FEED = [{"channel": "feed"}]
ROSTER = {"rotations": [{"role": "main", "teams": [["kaili", "town"]], "starts": "2020-01-06T08:30:00+08:00"}],
          "posts": {"main": 2}}  # fmt: skip
SWAP = {"unit": "522601", "person": "spare", "instead_of": "town", "from": "2099-01-01T00:00:00Z",
        "until": "2099-01-02T00:00:00Z"}  # fmt: skip

PNG = b"\x89PNG\r\n\x1a\n"
REF = str(Photos(Path()).ref_of(PNG))
PHOTO = {"data": {"version": "1"}, "files": {"photo": ("a.png", PNG, "image/png")}}
HOOK = {"name": "n", "url": "https://8.8.8.8/x"}
DONE = {"order": "w-1", "status": "on_site", "by": "王"}

# (method, template, path, body, roles that may, may an officer of another county)
TABLE: list[tuple[str, str, str, Any, set[str], bool]] = [
    ("GET", "/auth/me", "/auth/me", None, ALL, True),
    ("POST", "/auth/sign-out", "/auth/sign-out", None, ALL, True),
    ("GET", "/webhooks", "/webhooks", None, LEAD, False),
    ("POST", "/webhooks", "/webhooks", {**HOOK, "unit": "522601"}, LEAD, False),
    ("GET", "/webhooks/{id}", "/webhooks/h1", None, LEAD, False),
    ("POST", "/webhooks/{id}/test", "/webhooks/h1/test", None, LEAD, False),
    ("GET", "/webhooks/{id}/dead", "/webhooks/h1/dead", None, LEAD, False),
    ("POST", "/webhooks/{id}/dead/{event}/resend", "/webhooks/h1/dead/e-1/resend", None, LEAD, False),
    ("DELETE", "/webhooks/{id}", "/webhooks/h1", None, LEAD, False),
    ("GET", "/workorders/{id}", "/workorders/w", None, ALL, False),
    ("POST", "/workorders/{id}/status", "/workorders/w/status", DONE, ACTORS, False),
    ("GET", "/audit", "/audit", None, {"admin"}, False),
    ("GET", "/console", "/console", None, ALL, True),
    ("GET", "/runs", "/runs", None, EDITORS, False),
    ("POST", "/runs", "/runs", {"recording": "r.csv", "domain": "water"}, EDITORS, False),
    ("GET", "/runs/{id}", "/runs/r1", None, EDITORS, False),
    ("DELETE", "/runs/{id}", "/runs/r1", None, EDITORS, False),
    (
        "POST",
        "/profiles/preview",
        "/profiles/preview",
        {"domain": "water", "toml": "", "recording": "r.csv"},
        EDITORS,
        False,
    ),
    ("GET", "/alerts", "/alerts", None, ALL, True),
    ("GET", "/alerts", "/alerts?unit=522601", None, ALL, False),
    ("POST", "/alerts", "/alerts", REPORT, ACTORS, False),
    ("POST", "/alerts/commands", "/alerts/commands", BULK, ACTORS, False),
    ("GET", "/cap/index.atom", "/cap/index.atom", None, ALL, True),
    ("GET", "/cap/{id}.xml", "/cap/w.xml", None, ALL, False),
    ("GET", "/alerts/{id}", "/alerts/w", None, ALL, False),
    ("GET", "/alerts/{id}/actions", "/alerts/w/actions", None, ALL, False),
    ("GET", "/alerts/{id}/report", "/alerts/w/report", None, ALL, False),
    ("GET", "/alerts/{id}/playbook", "/alerts/w/playbook", None, ALL, False),
    ("POST", "/alerts/{id}/attachments", "/alerts/w/attachments", PHOTO, set(COMMANDS["attach"]), False),
    ("GET", "/alerts/{id}/attachments/{ref}", f"/alerts/w/attachments/{REF}", None, ALL, False),
    ("GET", "/feed", "/feed?unit=522601", None, ALL, False),
    ("GET", "/ws", "/ws", None, ALL, True),
    ("GET", "/units/{code}", "/units/522601", None, ALL, True),
    ("GET", "/units/{code}/children", "/units/522601/children", None, ALL, True),
    ("GET", "/map", "/map", None, ALL, True),
    ("GET", "/assets", "/assets", None, ALL, True),
    ("GET", "/assets", "/assets?unit=522601", None, ALL, False),
    ("GET", "/assets/{code}", f"/assets/{V}", None, ALL, False),
    ("POST", "/assets", "/assets", NEW, EDITORS, False),
    ("PUT", "/assets/{code}", f"/assets/{V}", {**NEW, "id": V, "version": 1}, EDITORS, False),
    ("DELETE", "/assets/{code}", f"/assets/{V}?version=1", None, EDITORS, False),
    ("GET", "/sensors", "/sensors", None, ALL, True),
    ("GET", "/sensors", "/sensors?unit=522601", None, ALL, False),
    ("GET", "/sensors/unknown", "/sensors/unknown", None, EDITORS, False),
    ("GET", "/profiles", "/profiles", None, ALL, True),
    ("GET", "/profiles/{domain}", "/profiles/water", None, ALL, True),
    ("POST", "/profiles/{domain}/check", "/profiles/water/check", {"toml": ""}, EDITORS, False),
    ("PUT", "/profiles/{domain}", "/profiles/water", {"toml": "", "version": 0}, EDITORS, False),
    ("GET", "/sensors/{id}", f"/sensors/{W}", None, ALL, False),
    ("GET", "/sensors/{id}/readings", f"/sensors/{W}/readings", None, ALL, False),
    ("GET", "/fences", "/fences", None, ALL, True),
    ("GET", "/fences", "/fences?unit=522601", None, ALL, False),
    ("GET", "/fences/{id}", "/fences/F-1", None, ALL, False),
    ("GET", "/fences/{id}/versions", "/fences/F-1/versions", None, ALL, False),
    ("POST", "/fences", "/fences", public(FENCE), {"engineer", "admin"}, False),
    ("PUT", "/fences/{id}", "/fences/F-1", public(FENCE), {"engineer", "admin"}, False),
    ("DELETE", "/fences/{id}", "/fences/F-1?version=9", None, {"engineer", "admin"}, False),
    ("GET", "/policies", "/policies", None, ALL, True),
    ("GET", "/policies/{id}", "/policies/522600", None, ALL, True),
    ("GET", "/policies/{id}", "/policies/522601", None, ALL, False),
    ("PUT", "/policies/{id}", "/policies/522601", RULES, {"admin"}, False),
    ("GET", "/where", "/where?lon=107.98&lat=26.58", None, ALL, False),
    ("GET", "/stats", "/stats", None, ALL, True),
    ("GET", "/stats", "/stats?unit=522601", None, ALL, False),
    ("GET", "/stats/alarms", "/stats/alarms", None, ALL, True),
    ("GET", "/stats/alarms", "/stats/alarms?unit=522601&format=csv", None, ALL, False),
    ("GET", "/stats/management", "/stats/management", None, ALL, True),
    ("GET", "/stats/management", "/stats/management?unit=522601&format=csv", None, ALL, False),
    ("GET", "/notifications", "/notifications", None, ALL, True),
    ("GET", "/notifications", "/notifications?unit=522601", None, ALL, False),
    ("GET", "/notifications/channels", "/notifications/channels", None, {"commander", "engineer", "admin"}, False),
    ("POST", "/notifications/{id}/resend", "/notifications/m1/resend", None, LEAD, False),
    ("GET", "/exercises", "/exercises", None, ALL, True),
    ("POST", "/exercises", "/exercises", {"run": "d1", "people": ["li"]}, LEAD, False),
    ("POST", "/exercises/{run}/approve", "/exercises/d2/approve", None, LEAD, False),
    ("POST", "/exercises/{run}/end", "/exercises/d2/end", None, LEAD, False),
    ("GET", "/exercises/{run}/report", "/exercises/d2/report", None, LEAD, False),
    ("POST", "/ingest", "/ingest?domain=water", READINGS % W.encode(), ALL - {"viewer"}, True),
    ("GET", "/duty", "/duty", None, DUTY_READERS, True),
    ("GET", "/duty", "/duty?unit=522601", None, DUTY_READERS, False),
    ("GET", "/duty/coverage", "/duty/coverage?unit=522601", None, DUTY_READERS, False),
    ("GET", "/duty/rosters", "/duty/rosters?unit=522601", None, DUTY_READERS, False),
    ("GET", "/duty/people", "/duty/people?unit=522601", None, DUTY_READERS, False),
    ("PUT", "/duty/rosters/{id}", "/duty/rosters/522601", {**ROSTER, "version": 1}, LEADERS, False),
    (
        "PUT",
        "/duty/people/{id}",
        "/duty/people/new",
        {"name": "新", "place": "522601", "contacts": FEED},
        LEADERS,
        False,
    ),
    ("POST", "/duty/swaps", "/duty/swaps", SWAP, LEADERS, False),
    ("GET", "/duty/log", "/duty/log?unit=522601", None, DUTY_READERS, False),
    ("POST", "/duty/log", "/duty/log", {"unit": "522601", "text": "核实"}, ACTORS, False),
    ("GET", "/duty/handovers", "/duty/handovers?unit=522601", None, DUTY_READERS, False),
    ("POST", "/duty/handovers", "/duty/handovers", {"unit": "522601", "to": "town"}, {"officer"}, False),
    ("POST", "/duty/handovers/{id}/sign", "/duty/handovers/1/sign", {}, {"officer"}, False),
    ("GET", "/duty/rollcalls", "/duty/rollcalls", None, DUTY_READERS, True),
    ("POST", "/duty/rollcalls", "/duty/rollcalls", {"unit": "522601"}, LEADERS, False),
    (
        "POST",
        "/duty/rollcalls/{id}/answer",
        "/duty/rollcalls/1/answer",
        {"person": "kaili", "note": "电话"},
        ACTORS,
        False,
    ),
    *(
        ("POST", "/alerts/{id}/commands", "/alerts/w/commands", {"command": name, "version": 1}, set(roles), False)
        for name, roles in COMMANDS.items()
    ),
]
# Accounts of organisations. What has an owner is theirs or not; what is the same for all who work in the area they see;
# all else belongs to units, and is closed to them (what nobody thought of, too).
OWNED = {
    "/alerts/{id}", "/alerts/{id}/actions", "/alerts/{id}/report", "/alerts/{id}/commands", "/alerts/commands",
    "/workorders/{id}", "/workorders/{id}/status", "/cap/{id}.xml", "/sensors/{id}", "/sensors/{id}/readings",
    "/assets/{code}", "POST /assets", "/alerts/{id}/playbook", "/alerts/{id}/attachments",
    "/alerts/{id}/attachments/{ref}",
}  # fmt: skip
OF_AREA = {  # lists show what is theirs
    "/alerts?unit=522601", "/feed?unit=522601", "/assets?unit=522601", "/stats?unit=522601", "/fences?unit=522601",
    "/sensors?unit=522601", "/fences/F-1", "/fences/F-1/versions", "/policies/522601",
    "/where?lon=107.98&lat=26.58",
}  # fmt: skip
OF_UNITS = {"/stats/alarms", "/stats/management", "/notifications"}
OPEN = {
    "/auth/token",
    "/auth/oidc/login",
    "/auth/oidc/callback",
    "/inbound/voice",
    "/inbound/sms",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/asyncapi.json",
}


@lru_cache(maxsize=1)
def exercise() -> bytes:
    """The first record of a drill."""
    return orjson.dumps(rehearse(burst.scene(), "d2")[0][0])


@pytest.fixture
def app(context: Context, projection: FakeProjection, bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(sensor_health, "read", lambda settings, last: [])
    Photos(context.folder).keep(REF, PNG)
    projection.feed(
        record("w", severity="III", owner_org=OWN_ORG, trigger="dispatch", attachments=[{"ref": REF}]),
        record("g", domain="gas", unit="522622001"),
    )
    bus.projection = projection
    bus.answer = {"accepted": True, "alert": alert_json("w", 2)}
    registry = context.registry
    assert isinstance(registry, FakeRegistry)
    registry.kept[FENCE.id] = FENCE
    registry.rules[POLICY.id] = POLICY
    for name in ("kaili", "town", "spare"):
        registry.duty.put(
            Person(id=name, name=name, place="522601", user=name, contacts=(Contact("sms", "13900000000"),))
        )
    registry.duty.put(parsed({**ROSTER, "type": "roster", "id": "522601"})[0])
    for org, unit in ((OWN_ORG, "522601"), (OTHER_ORG, "522622")):
        registry.duty.put(Roster(id=f"org:{org}", unit=unit))
    registry.duty.put(Roster(id="522600"))
    registry.duty.put(Roster(id="522622"))
    row = {"unit": "522601", "place": "522601", "at_ms": 1, "by": "town", "person": "town", "to_user": "kaili",
           "to_person": "kaili", "json": "{}"}  # fmt: skip
    assert duty_store.add_handover(context.store, row) == 1
    picked = {"seed": 1, "people": [{"place": "522601", "person": "kaili", "name": "", "user": "kaili"}]}
    assert duty_store.add_rollcall(context.store, "522601", 1, "prefecture", picked) == 1
    keep(context, state="dead", unit="522601001", id="m1")
    projection.feed(exercise())
    with context.store.write() as tx:
        tx.execute(insert(webhooks), subscription("h1", prefix="522601", orgs=[]))
        tx.execute(insert(webhook_dead), {"webhook": "h1", "event": "e-1", "alert": "w", "at_ms": 1, "attempts": 1,
                                          "why": "", "body": "{}"})  # fmt: skip
    for name in ("remove", "unbury"):  # for the next role it is there again
        monkeypatch.setattr(webhook_store, name, lambda *_: True)
    context.webhooks = WebhookSender(context.store, FakePoster, str)  # type: ignore[arg-type]
    exercises.propose(context.outbox, "d2", ["li"], "wu", T0)
    files = context.runs.files
    files.recordings.mkdir()
    (files.recordings / "r.csv").write_text("Time,p\n", "utf-8")
    files.keep(Run(id="r1", kind="preview", state="done", by="engineer", created_ms=T0))
    monkeypatch.setattr(context.runs, "start", lambda run, steps: files.keep(run))
    monkeypatch.setattr(files, "drop", lambda id_: None)
    context.hub.close()  # a feed that is opened ends at once
    return create_app(context)


async def ask(app: FastAPI, method: str, path: str, body: Any, headers: dict[str, str]) -> int:
    kind = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    if isinstance(body, dict) and "files" in body:
        kind = body
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        return (await client.request(method, path if path.startswith("/cap/") else API + path, **kind)).status_code


GOOD = {200, 201, 202, 204, 409, 426}  # 409: who may not is told so before a stale version is


@pytest.mark.parametrize(("method", "template", "path", "body", "roles", "foreign"), TABLE)
async def test_who_may(
    app: FastAPI, context: Context, method: str, template: str, path: str, body: Any, roles: set[str], foreign: bool
) -> None:
    assert await ask(app, method, path, body, {}) == 401
    for role, name in ACCOUNT.items():
        status = await ask(app, method, path, body, bearer(context, name))
        assert status in (GOOD if role in roles else {403}), (role, status)
    status = await ask(app, method, path, body, bearer(context, "huangping"))
    assert status in (GOOD if foreign else {403}), status
    await organisations(app, context, method, template, path, body, roles, foreign)


async def organisations(
    app: FastAPI, context: Context, method: str, template: str, path: str, body: Any, roles: set[str], foreign: bool
) -> None:
    """The same for accounts of the organisation that owns the things asked for, and of another one."""
    owned = bool({template, f"{method} {template}"} & OWNED)
    everybody = (method == "GET" and path in OF_AREA) or template == "/webhooks" or (foreign and path not in OF_UNITS)
    for name, (role, _, _) in ORG_ACCOUNTS.items():
        theirs = owned and name.endswith("@own")
        may = role in roles and (theirs or everybody)
        if name == "own@elsewhere" and not foreign and (method, path) != ("GET", "/webhooks"):
            may = False  # the organisation's own thing, but outside of the account's unit
        status = await ask(app, method, path, body, bearer(context, name))
        assert status in (GOOD if may else {403}), (name, status)


def test_routes_ask_the_scope_and_not_the_prefix_alone() -> None:
    """Who compares the caller's prefix forgets organisations: `covers`, `asking.scope`, `area` and `scoped` do not."""
    root = Path(__file__).parents[3] / "api"
    may = {"roles.py", "asking.py", "context.py", "duty_scope.py", "fences.py", "policies.py", "webhooks.py"}
    found = {path.name for path in root.rglob("*.py") if "caller.prefix" in path.read_text("utf-8")}
    assert found <= may


def test_every_route_is_in_the_table(app: FastAPI) -> None:
    paths = {p.removeprefix(API) for p in app.openapi()["paths"]} | {"/ws"}
    assert paths - OPEN - {""} == {template for _, template, *_ in TABLE}


async def test_officers_of_one_county_cannot_shelve_red_alerts(
    app: FastAPI, context: Context, projection: FakeProjection
) -> None:
    projection.feed(record("red", severity="I"))
    body = {"command": "shelve", "version": 1}
    assert await ask(app, "POST", "/alerts/red/commands", body, bearer(context, "kaili")) == 403
    assert await ask(app, "POST", "/alerts/red/commands", body, bearer(context, "prefecture")) == 200
    assert await ask(app, "POST", "/alerts/w/commands", body, bearer(context, "kaili")) == 200
