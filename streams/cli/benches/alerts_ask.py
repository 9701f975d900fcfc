"""An officer's desk that sends commands over one kept connection."""

from __future__ import annotations

import http.client
import json
import time
import urllib.parse
from types import TracebackType
from typing import Any

from streams.cli.benches.alerts_bed import Api
from streams.errors import CityopsError

PATIENCE_S = 90.0
AGAIN = (503, 504)  # it may have been done: sent again with the same key


class Asker:
    def __init__(self, api: Api, user: str) -> None:
        where = urllib.parse.urlsplit(api.url)
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
        self._head = {"Authorization": f"Bearer {api.token(user)}", "Content-Type": "application/json"}
        self.again = 0  # commands that were sent once more

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def command(
        self, alert: str, name: str, version: int, params: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """(status, answer) of a command; one whose answer was lost is sent again with the same Idempotency-Key."""
        body = json.dumps({"command": name, "version": version, "params": params or {}})
        head = {**self._head, "Idempotency-Key": f"{alert}-{version}-{name}"}
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self._connection.request("POST", f"/api/v1/alerts/{alert}/commands", body, head)
            with self._connection.getresponse() as answer:
                status, said = answer.status, json.loads(answer.read())
            if status not in AGAIN:
                return status, said
            if time.monotonic() > deadline:
                raise CityopsError(f"{name} of {alert} had no answer for {PATIENCE_S:.0f} s")
            self.again += 1
