"""Runs of recordings and scenarios, and previews of profiles, for engineers."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api import asking
from api.context import Caller, Context, Ctx
from api.docs import PREVIEW_BODY, RUN_BODY, problems
from api.errors import Problem
from api.roles import EDITORS, Principal
from api.run_files import NAME, Run
from api.runs import record_of
from streams.topics import DOMAINS

router = APIRouter(tags=["runs"])
FASTEST = 10_000.0
TOML_MAX = 200_000


@router.post("/runs", status_code=202, responses=problems(401, 403, 404, 409, 422), openapi_extra=RUN_BODY)
async def start(request: Request, ctx: Ctx, caller: Caller) -> Response:
    """Play a recording or a scenario as a run of its own through Kafka; the console shows its alerts as test."""
    _engineer(caller)
    body = await _body(request, {"recording", "scenario", "speed", "profiles", "domain"})
    recording, scenario = _name(body, "recording"), _name(body, "scenario")
    if bool(recording) == bool(scenario):
        raise Problem(422, "body: give either recording or scenario")
    speed, domain = _speed(body), _name(body, "domain")
    if domain and domain not in DOMAINS:
        raise Problem(422, f"body.domain: {domain!r} is none of {', '.join(DOMAINS)}")
    own = _profiles(body.get("profiles", {}))
    file = _recording(ctx, recording) if recording else None
    run = _made(ctx, "replay", caller, recording=recording, scenario=scenario, speed=speed, profiles=tuple(own))
    folder = ctx.runs.files.of(run.id)
    files = _written(folder, own)
    steps = []
    if file is None:
        file = folder / "scenario.parquet"
        steps.append(["scenario", "record", scenario, str(file), "--truth", str(folder / "truth.jsonl")])
    play = ["replay", str(file), "--run", run.id, "--speed", f"{speed:g}", "--json"]
    mapping = file.with_suffix(".toml")
    play += ["--mapping", str(mapping)] if recording and mapping.is_file() else []
    play += ["--domain", domain] if domain else []
    steps.append([*play, *(arg for f in files for arg in ("--profiles", str(f)))])
    ctx.runs.start(run, steps)
    return _json(ctx.runs.files.public(run), 202)


@router.post("/profiles/preview", status_code=202, responses=problems(401, 403, 404, 409, 422),
             openapi_extra=PREVIEW_BODY)  # fmt: skip
async def preview(request: Request, ctx: Ctx, caller: Caller) -> Response:
    """Judge a recording, or the readings that Kafka still keeps, with profiles in force and with a candidate.

    The answer is a run; when it is done, its `result` names the alerts that appear, vanish or move.
    """
    _engineer(caller)
    body = await _body(request, {"domain", "toml", "recording"})
    domain, recording = _name(body, "domain"), _name(body, "recording")
    if domain not in DOMAINS:
        raise Problem(422, f"body.domain: {domain!r} is none of {', '.join(DOMAINS)}")
    own = _profiles({domain: body.get("toml")})
    file = _recording(ctx, recording) if recording else None
    run = _made(ctx, "preview", caller, recording=recording, profiles=(domain,))
    folder = ctx.runs.files.of(run.id)
    (candidate,) = _written(folder, own)
    steps = []
    if file is None:
        file = folder / "kept.parquet"
        steps.append(["record", str(file), "--domain", domain, "--from", "start", "--until", "now"])
    mapping = file.with_suffix(".toml")
    more = ["--mapping", str(mapping)] if recording and mapping.is_file() else []
    steps.append(["compare", "in-force", str(candidate), "--recording", str(file), "--domain", domain, "--json", *more])
    ctx.runs.start(run, steps)
    return _json(ctx.runs.files.public(run), 202)


@router.get("/runs", responses=problems(401, 403))
async def runs(ctx: Ctx, caller: Caller) -> Response:
    """All runs, newest first, and the recordings that a run may name."""
    _engineer(caller)
    files = ctx.runs.files
    listed = await asyncio.to_thread(lambda: [files.public(r) for r in files.all()])
    return _json({"items": listed, "recordings": await asyncio.to_thread(files.listed)})


@router.get("/runs/{id}", responses=problems(401, 403, 404))
async def run(id: str, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """One run: state, progress, and when it is done alerts, truth and result."""
    _engineer(caller)
    return _json(await asyncio.to_thread(record_of, _known(ctx, id), ctx.runs.files))


@router.delete("/runs/{id}", responses=problems(401, 403, 404))
async def delete(id: str, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """End it where it still runs, and take its topics, alerts and files away."""
    _engineer(caller)
    await ctx.runs.delete(_known(ctx, id))
    return _json({"deleted": id})


def _engineer(caller: Principal) -> None:
    if caller.role not in EDITORS:
        raise Problem(403, f"role {caller.role} may not use runs; this needs admin or engineer")
    asking.scoped(caller, None)  # not for accounts of organisations


def _known(ctx: Context, id_: str) -> Run:
    found = ctx.runs.files.get(id_)
    if found is None:
        raise Problem(404, f"there is no run {id_[:60]!r}")
    return found


def _made(ctx: Context, kind: str, caller: Principal, **fields: Any) -> Run:
    """A new run. Raises Problem 409 while another one runs."""
    if (going := ctx.runs.going()) is not None:
        raise Problem(409, f"run {going.id} is still running, one runs at a time: wait for it or delete it")
    now = time.time()
    id_ = f"{kind}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}-{round(now * 1000) % 1000:03d}"
    return Run(id=id_, kind=kind, state="running", by=caller.name, created_ms=round(now * 1000), **fields)


def _recording(ctx: Context, name: str) -> Path:
    found = ctx.runs.files.recording(name)
    if found is None:
        raise Problem(404, f"there is no recording {name!r}; `GET /runs` lists them, they lie in <data>/recordings")
    return found


async def _body(request: Request, known: set[str]) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Problem(422, f"body: not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise Problem(422, "body: want an object")
    if extra := sorted(set(body) - known):
        raise Problem(422, f"body.{extra[0]}: is unknown; there are {', '.join(sorted(known))}")
    return body


def _name(body: dict[str, Any], field: str) -> str:
    value = body.get(field) or ""
    if not isinstance(value, str) or (value and not NAME.fullmatch(value)):
        raise Problem(422, f"body.{field}: want a bare name of letters, digits, -, _ and .")
    return value


def _speed(body: dict[str, Any]) -> float:
    value = body.get("speed", 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not (value == 0 or 0.1 <= value <= FASTEST):
        raise Problem(422, f"body.speed: want 0 (as fast as it goes) or 0.1 to {FASTEST:g}")
    return float(value)


def _profiles(given: Any) -> dict[str, str]:
    """Domain -> text of its profiles, checked."""
    from detectors.catalog import Catalog, ProfileError  # here: it brings numba

    if not isinstance(given, dict):
        raise Problem(422, "body.profiles: want an object of domain and TOML text")
    for domain, text in given.items():
        if domain not in DOMAINS:
            raise Problem(422, f"body.profiles: {domain!r} is none of {', '.join(DOMAINS)}")
        if not isinstance(text, str) or len(text) > TOML_MAX:
            raise Problem(422, f"body.profiles.{domain}: want TOML text of at most {TOML_MAX} characters")
        try:
            Catalog.default().with_text(domain, text, f"{domain}.toml")
        except ProfileError as error:
            raise Problem(422, f"body.profiles.{domain}: {error}") from None
    return given


def _written(folder: Path, own: dict[str, str]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for domain, text in own.items():
        (folder / f"{domain}.toml").write_text(text, "utf-8")
    return [folder / f"{domain}.toml" for domain in own]


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
