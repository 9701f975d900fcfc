"""Photos of an alert: the telephone sends one, it becomes an `attach` command with its reference; and reading it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, File, Form, Header, UploadFile
from starlette.responses import FileResponse, Response

from api.context import Caller, Ctx
from api.docs import ALERT, problems
from api.errors import Problem
from api.photos import MEGABYTE, Photos
from api.routes.alerts import visible
from api.routes.commands import CommandBody, send
from api.times import to_ms
from geo.assets import location_problem

router = APIRouter(tags=["alerts"])
Text = str | None
SEALED = "default-src 'none'; sandbox"  # of a file that somebody sent: it may do nothing
UNSURE = (503, 504)  # the command may still be applied: the photo stays


@router.post("/alerts/{id}/attachments", responses={200: ALERT, **problems(401, 403, 404, 409, 413, 422, 503, 504)})
async def attach(
    id: str,  # noqa: A002 - the contract's name
    ctx: Ctx,
    caller: Caller,
    photo: Annotated[UploadFile, File(description="JPEG, PNG or WebP, at most CITYOPS_PHOTO_MB")],
    version: Annotated[int, Form(ge=1, le=2**31, description="of the alert that the sender saw")],
    name: Annotated[str, Form(max_length=200, description="what the timeline calls it")] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
    taken: Annotated[str, Form(max_length=40, description="when it was taken, RFC 3339, as the telephone says")] = "",
    lon: Annotated[float | None, Form(description="where, degrees WGS-84")] = None,
    lat: Annotated[float | None, Form()] = None,
    accuracy_m: Annotated[float | None, Form(ge=0, le=1e6)] = None,
    idempotency_key: Annotated[Text, Header(description="the same key gives the same answer, once applied")] = None,
) -> Response:
    """Keep a photo and send the command `attach` with its reference; the answer is that of the command.

    Time and place stay as the telephone gave them: nobody corrects them.
    """
    most = ctx.settings.photo_mb * MEGABYTE
    data = await photo.read(most + 1)
    if len(data) > most:
        raise Problem(413, f"the photo is too large; at most {ctx.settings.photo_mb} MB are taken")
    photos = Photos(ctx.folder)
    ref = photos.ref_of(data)
    if ref is None:
        raise Problem(422, "body.photo: is no JPEG, PNG or WebP; take it again or convert it")
    params = {"name": _name(name or photo.filename or ""), "ref": ref, **_shot(taken, lon, lat, accuracy_m)}
    body = CommandBody(command="attach", version=version, comment=note, params=params)
    await visible(ctx, caller, id)
    fresh = await asyncio.to_thread(photos.keep, ref, data)
    try:
        return await send(id, body, ctx, caller, idempotency_key)
    except Problem as problem:
        if fresh and problem.status not in UNSURE:
            await asyncio.to_thread(photos.drop, ref)
        raise


def _name(text: str) -> str:
    """A name for the timeline: no path, no control characters.

    >>> _name("../../etc/IMG_1.jpg\\n"), _name("")
    ('IMG_1.jpg', '照片')
    """
    plain = "".join(c for c in text.replace("\\", "/").rpartition("/")[2] if c.isprintable()).strip()
    return plain[:200] or "照片"


def _shot(taken: str, lon: float | None, lat: float | None, accuracy_m: float | None) -> dict[str, Any]:
    """Parameters of the command for time and place; Problem 422 where they cannot be."""
    out: dict[str, Any] = {}
    if taken:
        try:
            out["taken_ms"] = to_ms(taken)
        except ValueError as error:
            raise Problem(422, f"body.taken: {error}") from None
    if fault := location_problem(lon, lat):
        raise Problem(422, f"body.lon: {fault}")
    if lon is not None:
        out |= {"lon": lon, "lat": lat}
        if accuracy_m is not None:
            out["accuracy_m"] = accuracy_m
    return out


@router.get("/alerts/{id}/attachments/{ref}", responses=problems(401, 403, 404))
async def get_attachment(id: str, ref: str, ctx: Ctx, caller: Caller) -> Response:  # noqa: A002 - the contract's name
    """A photo of this alert, by the `ref` of its attachments."""
    row = await visible(ctx, caller, id)
    known = {a.get("ref") for a in orjson.loads(row["json"]).get("attachments") or ()}
    found = Photos(ctx.folder).find(ref) if ref in known else None
    if found is None:
        raise Problem(404, f"alert {id[:80]} has no photo {ref[:80]!r}")
    headers = {"Content-Security-Policy": SEALED, "Content-Disposition": "inline"}
    return FileResponse(found.path, media_type=found.media, headers=headers)
