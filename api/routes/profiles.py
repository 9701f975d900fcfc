"""Profiles of the detectors: what each kind of sensor is watched for; checking and changing a domain's own file."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from api.audit_note import changed
from api.body_text import encodable
from api.context import Caller, Context, Ctx
from api.docs import problems
from api.errors import Problem
from api.roles import EDITORS, Principal
from detectors.params import DEFAULTS
from detectors.profile_file import ProfileFile, encode
from geo.divisions import PREFECTURE
from geo.moments import rfc3339_or_none
from streams.topics import DOMAINS, PROFILES as TOPIC

if TYPE_CHECKING:  # else where it is used: it brings numba, which the API does without until then
    from detectors.catalog import Catalog, Profile

router = APIRouter(tags=["profiles"])
MOST = 200_000  # characters of a file
SEEN_S = 3.0
NONE = ProfileFile(domain="", toml="", version=0)


class Text(BaseModel):
    """The text of `<domain>.toml`: profiles over those that ship, each whole; empty takes them back."""

    model_config = ConfigDict(extra="forbid")

    toml: str = Field(max_length=MOST)


class Change(Text):
    version: StrictInt = Field(ge=0, le=2**31, description="that was seen; 0 where nothing was put yet")


@router.get("/profiles", responses=problems(401))
async def profiles(ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """All profiles in force: key, unit, kinds of hazard, and the parameters that differ from their defaults."""
    found, own = await asyncio.to_thread(_in_force, ctx)
    items = [{**_row(p), "own": key in own} for key, p in sorted(found.profiles.items())]
    return {"items": items}


@router.get("/profiles/{domain}", responses=problems(401, 404))
async def one(domain: str, ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """A domain's own file as it is in force, and the one that ships to begin from."""
    shipped = await asyncio.to_thread(_known(domain).read_text, "utf-8")
    own = ctx.registry.table.profiles.get(domain, NONE)
    return {
        "domain": domain, "toml": own.toml, "version": own.version, "by": own.by,
        "at": rfc3339_or_none(own.at_ms or None), "shipped": shipped,
    }  # fmt: skip


@router.post("/profiles/{domain}/check", responses=problems(401, 403, 404, 422))
async def check(domain: str, body: Text, ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """Could this file be used, and what would it change? Nothing is written."""
    made = await asyncio.to_thread(_checked, domain, body.toml)
    _may_write(caller)
    now, _ = await asyncio.to_thread(_in_force, ctx)
    return {"profiles": sorted(made), "changes": _changes(now, made)}


@router.put("/profiles/{domain}", responses=problems(401, 403, 404, 409, 422, 503))
async def put(domain: str, body: Change, ctx: Ctx, caller: Caller) -> dict[str, Any]:
    """Put a file in force in every worker, without a restart; what sensors learned stays. A stale version is 409."""
    await asyncio.to_thread(_checked, domain, body.toml)
    _may_write(caller)
    async with ctx.changing_profiles:
        old = ctx.registry.table.profiles.get(domain, NONE)
        if old.version != body.version:
            raise Problem(
                409, f"profiles {domain}: version {body.version} was seen, {old.version} is there: read it again"
            )
        made = ProfileFile(
            domain=domain, toml=body.toml, version=old.version + 1, by=caller.name, at_ms=int(time.time() * 1000)
        )
        changed(f"profiles/{domain}", _noted(old), _noted(made), PREFECTURE)
        await ctx.tables.write(TOPIC, [(domain, made.version, encode(made))])
        await ctx.registry.seen(TOPIC, domain, made.version, SEEN_S)
    return await one(domain, ctx, caller)


def _noted(file: ProfileFile) -> dict[str, Any] | None:
    """For the audit log."""
    return {"version": file.version, "toml": file.toml} if file.version else None


def _known(domain: str) -> Path:
    """The file that ships."""
    from detectors.catalog import FOLDER

    file = FOLDER / f"{domain}.toml"
    if domain not in DOMAINS or not file.is_file():
        raise Problem(404, f"there are no profiles of domain {domain[:40]!r}")
    return file


def _may_write(caller: Principal) -> None:
    if caller.role not in EDITORS:
        raise Problem(403, f"role {caller.role} may not change profiles; this needs admin or engineer")
    if not caller.covers(PREFECTURE):
        raise Problem(
            403, f"profiles hold for all units: this needs an account of {PREFECTURE}, yours is of {caller.unit}"
        )


def _checked(domain: str, toml: str) -> dict[str, Profile]:
    from detectors.catalog import ProfileError, parse

    _known(domain)
    encodable("toml", toml)
    try:
        return parse(domain, toml, Path(f"{domain}.toml"))
    except ProfileError as error:
        raise Problem(422, f"body.toml: {error}", errors=[{"in": "body.toml", "message": str(error)}]) from None


def _in_force(ctx: Context) -> tuple[Catalog, set[str]]:
    """The catalog with what was put in force over it, and the keys that came so."""
    from detectors.catalog import Catalog, parse
    from streams.profiles import catalog

    found, own = catalog(ctx.settings), set[str]()
    for domain, file in ctx.registry.table.profiles.items():
        if file.toml:
            over = parse(domain, file.toml, Path(f"{domain}.toml"))
            own |= set(over)
            found = Catalog({**found.profiles, **over})
    return found, own


def _changes(now: Catalog, made: dict[str, Profile]) -> list[dict[str, Any]]:
    """Each parameter that would have another value, with both."""
    out = []
    for key, profile in sorted(made.items()):
        old = now.profiles.get(key)
        for name, value in profile.params.items():
            before = old.params[name] if old else None
            if before is None or not _same(before, value):
                out.append({"profile": key, "param": name, "from": _plain(before), "to": _plain(value)})
    return out


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def _plain(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _row(p: Profile) -> dict[str, Any]:
    kinds = {k.kind: k for k in p.kinds.values() if k.cls == "hazard"}
    return {
        "key": p.key, "quantity": {"zh": p.quantity.zh, "en": p.quantity.en}, "unit": p.unit,
        "kinds": [{"kind": k.kind, "title": {"zh": k.title.zh, "en": k.title.en}} for k in kinds.values()],
        "params": {n: _plain(v) for n, v in p.params.items() if not _same(v, DEFAULTS[n])},
    }  # fmt: skip
