"""The audit log: what gets a row and what is in it, the chain and what breaks it, who may read it, the commands."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api import audit
from api.audit import Asked
from api.audit_chain import ZERO, Entry
from api.context import Context
from api.store import Store
from geo.fence_wire import public
from geo.fences import Circle, Fence
from tests.postgres import BOTH
from tests.unit.api.conftest import PASSWORD, FakeBus, FakeProjection, FakeRegistry, alert_json, bearer, record

V = "522601-W-VLV-000001"
FENCE = {**public(Fence(id="F-1", name_zh="一中", kind="school", shape=Circle(107.98, 26.58, 200.0))), "version": 0}


def rows(store: Store, **asked: Any) -> list[dict[str, Any]]:
    """Oldest first."""
    return audit.listed(store, Asked(prefix="5226", **asked), 500, None)[0][::-1]


def entry(n: int = 0, **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "at_ms": 1_763_884_800_000 + n, "by": f"u{n}", "role": "officer", "unit": "522601", "address": "10.0.0.1",
        "request": str(n), "action": "POST /x", **changes,
    }  # fmt: skip
    return Entry(**fields)


async def test_a_command_says_who_what_from_where_and_both_versions(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection, bus: FakeBus
) -> None:
    projection.feed(record("w", version=3))
    bus.answer = {"accepted": True, "alert": alert_json("w", 4)}
    answer = await client.post(
        "/api/v1/alerts/w/commands", json={"command": "ack", "version": 3}, headers={"X-Request-Id": "abc-1"}
    )
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, "abc-1")
    (row,) = rows(context.store)
    assert (row["by"], row["role"], row["unit"], row["address"]) == ("prefecture", "commander", "522600", "127.0.0.1")
    assert (row["action"], row["target"], row["status"], row["request"], row["place"]) == (
        "POST /alerts/{id}/commands", "/api/v1/alerts/w/commands", 200, "abc-1", "522601001001",
    )  # fmt: skip
    (change,) = row["changes"]
    assert (change["target"], change["command"], change["id"]) == ("alerts/w", "ack", bus.sent[0].id)
    assert (change["before"], change["after"]) == ({"version": 3}, {"version": 4})


async def test_refused_commands_are_kept_and_reads_and_readings_are_not(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection
) -> None:
    projection.feed(record("w"))
    foreign = bearer(context, "huangping")
    body = {"command": "ack", "version": 1}
    assert (await client.post("/api/v1/alerts/w/commands", json=body, headers=foreign)).status_code == 403
    assert (await client.get("/api/v1/alerts")).status_code == 200
    assert (await client.post("/api/v1/ingest?domain=water", content=b"[]")).status_code < 500
    assert (await client.post("/api/v1/alerts/w/commands", json={"command": "ack"})).status_code == 422
    assert [(r["by"], r["status"], r["changes"]) for r in rows(context.store)] == [("huangping", 403, [])]


async def test_what_leaves_the_system_as_a_file_has_a_row(
    client: httpx.AsyncClient, context: Context, projection: FakeProjection
) -> None:
    projection.feed(record("w"))
    for path in ("/api/v1/stats/alarms?format=csv", "/api/v1/alerts/w/report", "/cap/w.xml", "/cap/index.atom"):
        assert (await client.get(path)).status_code == 200
    assert [(r["target"], r["query"]) for r in rows(context.store)] == [
        ("/api/v1/stats/alarms", "format=csv"), ("/api/v1/alerts/w/report", ""), ("/cap/w.xml", ""),
    ]  # fmt: skip


async def test_changes_have_before_and_after_without_what_stayed(client: httpx.AsyncClient, context: Context) -> None:
    client.headers.update(bearer(context, "admin"))
    assert (await client.post("/api/v1/fences", json=FENCE)).status_code == 201
    again = {**FENCE, "version": 1, "name": {"zh": "二中", "en": ""}}
    assert (await client.put("/api/v1/fences/F-1", json=again)).status_code == 200
    assert (await client.delete("/api/v1/fences/F-1?version=2")).status_code == 200
    policy = (await client.get("/api/v1/policies/522600")).json()
    policy.pop("versions")
    assert (await client.put("/api/v1/policies/522600", json={**policy, "supervise_after": 0.7})).status_code == 200
    assert (await client.delete(f"/api/v1/assets/{V}?version=1")).status_code == 200
    first, second, third, rules, asset = (r["changes"][0] for r in rows(context.store))
    assert (first["target"], first["before"], first["after"]["kind"]) == ("fences/F-1", None, "school")
    assert second["before"]["name"]["zh"] == "一中"
    assert second["after"]["name"]["zh"] == "二中"
    assert "shape" not in second["before"]
    assert (third["before"]["kind"], third["after"]) == ("school", None)
    assert rules["after"]["supervise_after"] == 0.7
    assert (asset["before"]["retired"], asset["after"]["retired"]) == (False, True)
    assert "lon" not in asset["after"]


async def test_numbers_of_people_are_masked(client: httpx.AsyncClient, context: Context) -> None:
    registry = context.registry
    assert isinstance(registry, FakeRegistry)
    body = {"name": "李", "place": "522601", "contacts": [{"channel": "sms", "address": "13812345678"}]}
    assert (await client.put("/api/v1/duty/people/li", json=body)).status_code == 200
    (row,) = rows(context.store)
    assert row["changes"][0]["after"]["contacts"] == [{"channel": "sms", "address": "138****5678"}]
    assert "13812345678" not in json.dumps(row)


async def test_sign_ins_and_their_failures(client: httpx.AsyncClient, context: Context) -> None:
    async def sign_in(name: str, password: str) -> int:
        form = {"grant_type": "password", "username": name, "password": password}
        return (await client.post("/api/v1/auth/token", data=form, headers={"Authorization": ""})).status_code

    assert await sign_in("kaili", PASSWORD) == 200
    assert await sign_in("my secret typed here", "x" * 9) == 401
    for _ in range(8):
        assert await sign_in("kaili", "wrong horse") == 401
    assert await sign_in("kaili", PASSWORD) == 429
    kept = rows(context.store)
    assert [(r["action"], r["by"], r["unit"], r["status"]) for r in kept] == [
        ("sign-in", "kaili", "522601", 200),
        ("sign-in failed", "", "", 401),
        *[("sign-in failed", "kaili", "522601", 401)] * 7,
        ("sign-in failed, now locked", "kaili", "522601", 401),
    ]
    for secret in (PASSWORD, "wrong horse", "my secret"):
        assert secret not in json.dumps(kept)


async def test_an_answer_does_not_wait_for_a_table_that_cannot_be_written(
    client: httpx.AsyncClient, context: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> str:
        raise audit.CityopsError("the disk is full")

    monkeypatch.setattr(audit, "append", full)
    assert (await client.post("/api/v1/auth/sign-out")).status_code == 204
    assert context.journal.failures == 1
    assert '"action":"sign-out"' in caplog.text


async def test_rows_that_come_together_are_one_chain(context: Context) -> None:
    await asyncio.gather(*(context.journal.add(entry(n)) for n in range(50)))
    assert audit.verify(context.store) == audit.Verdict(50, rows(context.store)[-1]["hash"])
    assert sorted(r["by"] for r in rows(context.store)) == sorted(f"u{n}" for n in range(50))


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_several_processes_on_one_database_make_one_chain(database: str) -> None:
    stores = [Store(database) for _ in range(3)]

    def write(store: Store) -> None:
        for n in range(10):
            audit.append(store, [entry(n)])

    threads = [threading.Thread(target=write, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = audit.verify(stores[0])
    assert (found.rows, found.bad) == (30, 0)
    for store in stores:
        store.close()


def tampered(store: Store, statement: str) -> None:
    """As somebody with the file does it: the triggers that forbid it are dropped first."""
    with store.write() as tx:
        for what in ("update", "delete"):
            tx.execute(text(f"DROP TRIGGER IF EXISTS audit_no_{what}"))
        tx.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "bad", "why"),
    [
        ("UPDATE audit SET json = replace(json, '10.0.0.1', '10.0.0.2') WHERE seq = 3", 3, "its text"),
        ("UPDATE audit SET \"by\" = 'other' WHERE seq = 2", 2, "its columns"),
        ("UPDATE audit SET at_ms = 1 WHERE seq = 2", 2, "its columns"),
        ("UPDATE audit SET hash = prev WHERE seq = 4", 4, "its text"),
        ("UPDATE audit SET prev = hash WHERE seq = 4", 4, "hash of the row before"),
        ("DELETE FROM audit WHERE seq = 3", 3, "is missing"),
        ("DELETE FROM audit WHERE seq = 1", 1, "is missing"),
    ],
)
def test_a_changed_row_is_found(store: Store, statement: str, bad: int, why: str) -> None:
    audit.append(store, [entry(n) for n in range(5)])
    assert audit.verify(store).bad == 0
    tampered(store, statement)
    found = audit.verify(store)
    assert (found.bad, found.rows) == (bad, bad - 1)
    assert why in found.why


def test_rows_cut_off_at_the_end_are_found_by_the_head_that_was_kept(store: Store) -> None:
    head = audit.append(store, [entry(n) for n in range(5)])
    audit.append(store, [entry(9)])
    assert audit.verify(store, head).bad == 0
    tampered(store, "DELETE FROM audit WHERE seq >= 5")
    assert audit.verify(store).bad == 0
    assert audit.verify(store, head).bad == 5
    tampered(store, "DELETE FROM audit")
    assert audit.verify(store) == audit.Verdict(0, ZERO)
    assert audit.verify(store, head).bad == 1


def test_the_database_itself_refuses_to_change_rows(store: Store) -> None:
    audit.append(store, [entry()])
    for statement in ("UPDATE audit SET status = 1", "DELETE FROM audit"):
        with pytest.raises(Exception, match="rows are only added"), store.write() as tx:
            tx.execute(text(statement))


async def test_reading_is_for_administrators_of_the_subtree(client: httpx.AsyncClient, context: Context) -> None:
    from api import users

    users.put(context.store, "chief", "a long password", "admin", "522601")
    audit.append(
        context.store,
        [entry(1), entry(2, unit="522622"), entry(3, unit="522600", place="522601001"), entry(4, unit="", by="")],
    )

    async def seen(who: str, query: str = "") -> Any:
        answer = await client.get(f"/api/v1/audit{query}", headers=bearer(context, who))
        return [r["request"] for r in answer.json()["items"]] if answer.status_code == 200 else answer.status_code

    assert await seen("admin") == ["4", "3", "2", "1"]
    assert await seen("chief") == ["3", "1"]
    assert await seen("chief", "?unit=522622") == 403
    assert await seen("admin", "?unit=522622") == ["2"]
    assert await seen("admin", "?by=u2&action=/x") == ["2"]
    assert await seen("admin", "?since=2025-11-23T08:00:00.003Z") == ["4", "3"]
    assert await seen("prefecture") == 403
    first = (await client.get("/api/v1/audit?limit=3", headers=bearer(context, "admin"))).json()
    assert [r["request"] for r in first["items"]] == ["4", "3", "2"]
    assert await seen("admin", f"?limit=3&page={first['next']}") == ["1"]
    assert await seen("admin", "?page=x") == 422


@pytest.fixture
def cityops(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    from streams.cli import run

    def call(*args: str) -> tuple[int, str, str]:
        code = run([*args, "--data", str(tmp_path)])
        return code, *capfd.readouterr()

    return call


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cityops: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a long password\n"))
    assert cityops("users", "create", "anna", "--role", "admin", "--unit", "5226", "--password-stdin")[0] == 0
    token = cityops("tokens", "create", "gw", "--unit", "522601")[1].strip()
    assert cityops("users", "remove", "anna")[0] == 0
    code, out, _ = cityops("audit", "export")
    kept = [json.loads(line) for line in out.splitlines()]
    assert [r["action"] for r in kept] == [
        "cityops users create", "cityops tokens create", "cityops users remove", "cityops audit export",
    ]  # fmt: skip
    assert kept[0]["changes"][0]["after"] == {
        "user": "anna",
        "role": "admin",
        "unit": "522600",
        "orgs": [],
        "demo": False,
    }
    assert kept[2]["changes"][0]["after"] is None
    assert kept[0]["by"].startswith("cli:")
    for secret in ("a long password", token, "argon2"):
        assert secret not in out
    table = list(csv.DictReader(io.StringIO(cityops("audit", "export", "--format", "csv")[1])))
    assert (table[1]["target"], len(table)) == ("tokens/gw", 5)
    told = json.loads(cityops("audit", "verify", "--json")[1])
    assert (told["ok"], told["rows"], told["head"]) == (True, 5, table[-1]["hash"])
    assert cityops("audit", "verify", "--head", "x")[0] == 2
    store = Store.in_folder(tmp_path)
    tampered(store, "UPDATE audit SET json = replace(json, 'anna', 'anne') WHERE seq = 1")
    store.close()
    code, out, err = cityops("audit", "verify", "--json")
    assert (code, json.loads(out)["bad"]) == (1, 1)
    assert "row 1 its text is not" in err
