"""A device that sends readings over HTTP all through a chaos run: whatever was answered 202 must be found in Kafka."""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from dataclasses import dataclass, field

from geo.assets import Sensor, Zone
from streams import codec, topics
from streams.cli.benches.chaos_input import T0
from streams.cli.benches.chaos_outcome import Outcome, records
from streams.cli.benches.chaos_pipe import Pipe
from streams.settings import Settings

DOMAIN = "water"  # the load is gas: what the probe sends leaves no trace in what is compared
COUNTY = topics.COUNTIES[0]
NAME = f"{COUNTY}-W-PRS-000001"
PAUSE_S = 0.2


def registry() -> list[Zone | Sensor]:
    zone = Zone(id=f"{COUNTY}-W-DMA01", domain=DOMAIN, county=COUNTY, partition=1)
    return [
        zone,
        Sensor(id=NAME, domain=DOMAIN, kind="pressure", zone=zone.id, unit_code=COUNTY, interval_s=3600.0),
    ]


@dataclass
class Probe:
    """Sends one reading each 0.2 s in a thread; reading k has the time T0 + k seconds."""

    pipe: Pipe
    accepted: list[int] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)  # by HTTP status or kind of failure
    sent: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _token: str = ""

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="probe", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(15)

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_S):
            self.send()

    def send(self) -> str:
        """Send the next reading; returns the status, or what failed."""
        k = self.sent
        self.sent += 1
        row = {"sensor": NAME, "ts": T0 + 1000 * k, "value": 30.0 + k % 7 / 1000}
        try:
            said = self._post(f"/api/v1/ingest?domain={DOMAIN}", json.dumps(row).encode(), "application/json")
            if said["accepted"] == 1:
                self.accepted.append(k)
            answer = "202"
        except urllib.error.HTTPError as error:
            answer = str(error.code)
        except (OSError, ValueError) as error:
            answer = type(error).__name__
        self.answers[answer] += 1
        return answer

    def _post(self, path: str, body: bytes, form: str) -> dict[str, int]:
        ready = self.pipe.readies("api")[-1]
        base = ready["url"].rstrip("/")
        if not self._token:
            account = next(a for a in ready["accounts"] if a["role"] == "engineer")
            asked = urllib.parse.urlencode({"username": account["user"], "password": account["password"]}).encode()
            with urllib.request.urlopen(f"{base}/api/v1/auth/token", asked, timeout=10) as answer:
                self._token = json.load(answer)["access_token"]
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": form}
        request = urllib.request.Request(base + path, body, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            said: dict[str, int] = json.load(answer)
        return said


async def read_probe(settings: Settings, probe: Probe, out: Outcome) -> None:
    """How often each accepted reading is in `readings.<domain>`."""
    found: Counter[int] = Counter()
    async for record in records(settings, topics.packed(DOMAIN), settings.partitions):
        with contextlib.suppress(codec.CodecError):
            found.update(codec.unpack(record.value or b"").cols.ts_ms.tolist())
    out.accepted = {k: found[T0 + 1000 * k] for k in probe.accepted}
