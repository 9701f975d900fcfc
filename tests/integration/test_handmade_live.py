"""An alert made by hand on a real broker: through the alerts worker to the list, offered another, merged into it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from streams.settings import Settings
from tests.integration.small_city import Pipe
from tests.integration.test_api_live import Server, servers, settings, until

pytestmark = pytest.mark.integration
__all__ = ["servers", "settings"]
BODY = {"source": "phone", "caller": "13800000000", "place": {"lon": 107.98, "lat": 26.58}, "domain": "water",
        "kind": "burst_suspected", "severity": "II", "text": "路面冒水"}  # fmt: skip


async def test_two_calls_about_one_burst(settings: Settings, servers: list[Server], tmp_path: Path) -> None:
    pipe = Pipe(settings, tmp_path)
    pipe.start("alerts")
    try:
        servers.append(Server(settings.replace(command_wait_s=20.0)))
        client = await servers[0].client()
        first = await _made(client, "call-1")
        assert (first["severity"], first["source"], first["offers"]) == ("II", "phone", [])
        second = await _made(client, "call-2")
        assert [o["id"] for o in second["offers"]] == [first["id"]]
        assert (await _made(client, "call-2"))["id"] == second["id"]
        merge = {"command": "merge", "version": second["version"], "params": {"into": first["id"]}}
        merged = await client.post(f"/api/v1/alerts/{second['id']}/commands", json=merge)
        assert merged.status_code == 200, merged.text

        async def joined() -> bool:
            return (await client.get(f"/api/v1/alerts/{second['id']}")).json()["parent"] == first["id"]

        await until(joined)
        assert "13800000000" not in (await client.get(f"/api/v1/alerts/{second['id']}")).text
        await client.aclose()
    finally:
        pipe.stop()


async def _made(client: httpx.AsyncClient, key: str) -> dict[str, object]:
    answer = await client.post("/api/v1/alerts", json=BODY, headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.text
    made: dict[str, object] = answer.json()
    return made
