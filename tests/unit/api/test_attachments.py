"""Photos of alerts: what is taken, what the command says, how they are served, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from api.context import Context
from api.photos import Photos, kind_of
from tests.unit.api.conftest import FakeBus, FakeProjection, alert_json, record

PATH = "/api/v1/alerts/a1/attachments"
JPG = b"\xff\xd8\xff\xe0" + b"x" * 100
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 "


async def send(client: httpx.AsyncClient, data: bytes = JPG, **fields: Any) -> httpx.Response:
    files = {"photo": ("../IMG_1.jpg", data, "text/html")}
    return await client.post(PATH, data={"version": "1", **fields}, files=files)


def kept(context: Context) -> list[Path]:
    return [p for p in (context.folder / "attachments").rglob("*") if p.is_file()]


async def test_a_photo_becomes_a_command_with_what_the_telephone_said(
    client: httpx.AsyncClient, projection: FakeProjection, bus: FakeBus, context: Context
) -> None:
    projection.feed(record())
    bus.answer = {"accepted": True, "alert": alert_json(version=2)}
    said = {"taken": "2025-11-23T16:00:00+08:00", "lon": "107.981", "lat": "26.58", "accuracy_m": "12", "note": "井盖"}
    answer = await send(client, **said)
    assert answer.status_code == 200
    assert answer.json()["version"] == 2
    command = bus.sent[0]
    assert (command.command, command.version, command.comment) == ("attach", 1, "井盖")
    ref = Photos(context.folder).ref_of(JPG)
    told = {name: bytes(value) for name, value in command.params.items()}
    assert told == {
        "name": b'"IMG_1.jpg"', "ref": f'"{ref}"'.encode(), "taken_ms": b"1763884800000", "lon": b"107.981",
        "lat": b"26.58", "accuracy_m": b"12.0",
    }  # fmt: skip
    assert [p.read_bytes() for p in kept(context)] == [JPG]


async def test_it_is_served_as_what_its_bytes_are_and_may_do_nothing(
    client: httpx.AsyncClient, projection: FakeProjection, context: Context
) -> None:
    photos = Photos(context.folder)
    ref, other = str(photos.ref_of(JPG)), str(photos.ref_of(WEBP))
    photos.keep(ref, JPG)
    photos.keep(other, WEBP)
    projection.feed(record(attachments=[{"ref": ref}]))
    answer = await client.get(f"{PATH}/{ref}")
    assert answer.content == JPG
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    for wrong in (other, ref.replace("sha256:", "sha256:../"), "sha256:" + "0" * 64 + ".jpg", "x"):
        assert (await client.get(f"{PATH}/{wrong}")).status_code == 404, wrong


@pytest.mark.parametrize("status", [409, 503, 504])
async def test_what_is_refused_leaves_no_file_and_what_may_still_come_does(
    client: httpx.AsyncClient, projection: FakeProjection, bus: FakeBus, context: Context, status: int
) -> None:
    projection.feed(record())
    bus.answer = None if status == 504 else {"accepted": False, "status": status, "row": "ANY-1"}
    assert (await send(client)).status_code == status
    assert bool(kept(context)) is (status != 409)


@pytest.mark.parametrize(
    ("data", "fields", "says"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", {}, "no JPEG"),
        (b"", {}, "no JPEG"),
        (JPG, {"taken": "yesterday"}, "body.taken"),
        (JPG, {"lon": "26.58", "lat": "107.98"}, "swapped"),
        (JPG, {"lon": "107.98"}, "both"),
        (JPG, {"version": "0"}, "body.version"),
    ],
)
async def test_what_cannot_be_a_photo_is_refused_with_the_reason(
    client: httpx.AsyncClient, projection: FakeProjection, context: Context, data: bytes, fields: Any, says: str
) -> None:
    projection.feed(record())
    answer = await send(client, data, **fields)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert kept(context) == []


async def test_only_photos_may_be_large_and_they_have_a_limit(
    client: httpx.AsyncClient, projection: FakeProjection, context: Context
) -> None:
    projection.feed(record())
    most = context.settings.photo_mb * 1024 * 1024
    assert (await send(client, JPG + b"x" * (most - len(JPG)))).status_code == 200
    for more in (1, 200_000):  # refused by the route, and by its length before it is read
        assert (await send(client, JPG + b"x" * (most - len(JPG) + more))).status_code == 413
    large = b'{"text": "' + b"x" * 2 * 1024 * 1024 + b'"}'
    assert (await client.post("/api/v1/alerts/a1/commands", content=large)).status_code == 413


def test_what_a_file_is() -> None:
    assert [kind_of(d) for d in (JPG, b"\x89PNG\r\n\x1a\n", WEBP, b"GIF89a", b"RIFF....WAVE", b"%PDF")] == [
        "jpg", "png", "webp", None, None, None,
    ]  # fmt: skip
