"""Runs of engineers: started one at a time in a process, shown, deleted as a whole, clean after a restart."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.context import Context
from api.guard import API
from api.run_files import Run
from api.runs import Runs, _begun
from tests.golden.native import golden_recording
from tests.unit.api.conftest import T0, bearer


@pytest.fixture
def app(context: Context) -> FastAPI:
    context.runs.files.recordings.mkdir()
    golden_recording(context.runs.files.recordings / "golden.parquet")
    return create_app(context)


async def ask(app: FastAPI, context: Context, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://test", headers=bearer(context, "engineer")
    ) as client:
        answer = await client.request(method, API + path, json=body)
        return answer.status_code, answer.json()


async def ended(app: FastAPI, context: Context, id_: str) -> dict[str, Any]:
    while True:
        _, run = await ask(app, context, "GET", f"/runs/{id_}")
        if run["state"] != "running":
            return dict(run)
        await asyncio.sleep(0.1)


async def test_a_preview_says_what_a_candidate_would_change(app: FastAPI, context: Context) -> None:
    deaf = (Path(__file__).parents[3] / "detectors" / "profiles" / "water.toml").read_text("utf-8")
    deaf = deaf.replace("adaptive = { min_dev = 2.0, min_dev_rel = 0.03 }", "adaptive = { min_dev = 200.0 }", 1)
    body = {"domain": "water", "toml": deaf, "recording": "golden.parquet"}
    status, begun = await ask(app, context, "POST", "/profiles/preview", body)
    assert (status, begun["state"], begun["kind"]) == (202, "running", "preview")
    again, told = await ask(app, context, "POST", "/runs", {"recording": "golden.parquet"})
    assert again == 409
    assert "one runs at a time" in told["detail"]
    run = await ended(app, context, begun["id"])
    assert run["error"] is None
    assert (run["state"], run["progress"]) == ("done", 1.0)
    assert run["result"]["appeared"] == []
    assert {a["kind"] for a in run["result"]["vanished"]} == {"pressure_low"}
    status, listed = await ask(app, context, "GET", "/runs")
    assert [r["id"] for r in listed["items"]] == [run["id"]]
    assert [r["name"] for r in listed["recordings"]] == ["golden.parquet"]
    assert (await ask(app, context, "DELETE", f"/runs/{run['id']}"))[0] == 200
    assert not list(context.runs.files.folder.iterdir())
    assert (await ask(app, context, "GET", f"/runs/{run['id']}"))[0] == 404


async def test_a_run_that_fails_says_why(app: FastAPI, context: Context) -> None:
    (context.runs.files.recordings / "bad.csv").write_text("Time,p\nx,1\n", "utf-8")
    _, begun = await ask(app, context, "POST", "/runs", {"recording": "bad.csv", "domain": "water"})
    run = await ended(app, context, begun["id"])
    assert run["state"] == "failed"
    assert "cityops replay: bad.csv: column Time" in run["error"]
    assert run["alerts"] == []


async def test_a_run_is_ended_when_it_is_deleted(
    app: FastAPI, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(id="r1", kind="preview", state="running", by="engineer", created_ms=T0)
    context.runs.start(run, [["detect-stream", "--profile", "water.pressure"], ["no-such-command"]])
    await asyncio.sleep(0)  # the task has begun and started its process
    process = context.runs._processes["r1"]
    await context.runs.delete(run)
    assert process.poll() is not None
    assert run.state == "cancelled"
    assert context.runs.files.all() == []
    assert context.runs.going() is None


def test_after_a_restart_nothing_seems_to_run(tmp_path: Path, context: Context) -> None:
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        before = Runs(context.settings, tmp_path)
        before.files.keep(
            Run(
                id="r1",
                kind="replay",
                state="running",
                by="e",
                created_ms=T0,
                pid=orphan.pid,
                pid_begun=_begun(orphan.pid),
            )
        )
        before.files.keep(
            Run(id="r2", kind="replay", state="running", by="e", created_ms=T0, pid=orphan.pid, pid_begun=1.0)
        )
        after = Runs(context.settings, tmp_path)
        assert after.going() is not None
        after.clean()
        assert [(r.id, r.state) for r in after.files.all()] == [("r1", "interrupted"), ("r2", "interrupted")]
        assert orphan.wait(10) != 0
        assert after.going() is None
    finally:
        orphan.kill()
        orphan.wait()


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/runs", {"recording": "../api.db"}, 422, "body.recording: want a bare name"),
        ("/runs", {"recording": "gone.csv"}, 404, "there is no recording 'gone.csv'"),
        ("/runs", {}, 422, "give either recording or scenario"),
        ("/runs", {"recording": "golden.parquet", "speed": -1}, 422, "body.speed"),
        ("/runs", {"recording": "golden.parquet", "more": 1}, 422, "body.more: is unknown"),
        ("/runs", {"recording": "golden.parquet", "profiles": {"water": "[x"}}, 422, "body.profiles.water"),
        ("/profiles/preview", {"domain": "air", "toml": ""}, 422, "body.domain"),
        ("/profiles/preview", {"domain": "water"}, 422, "body.profiles.water: want TOML text"),
    ],
)
async def test_bad_bodies(app: FastAPI, context: Context, path: str, body: Any, status: int, told: str) -> None:
    got, answer = await ask(app, context, "POST", path, body)
    assert got == status
    assert told in answer["detail"]
    assert context.runs.files.all() == []
