"""`cityops up --demo` as a user starts it: ready, alerts of four domains, a crash, Ctrl-C, and a second start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from streams.broker_jars import class_path
from streams.cli import run
from streams.errors import CityopsError
from streams.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
CITYOPS = [sys.executable, "-P", "-m", "streams.cli"]


class Running:
    """A started `cityops up` and what a client does with it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = data.parent / "up.log"
        with self.log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [*CITYOPS, "up", "--demo", "--port", "0", "--data", str(data), "--no-browser", "--json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text("utf-8")
        self.ready: dict[str, Any] = json.loads(line)
        self.url = self.ready["url"].rstrip("/")
        self.token = ""

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def get(self, path: str, data: bytes | None = None) -> Any:
        request = urllib.request.Request(self.url + path, data)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def sign_in(self, account: dict[str, str]) -> None:
        form = {"grant_type": "password", "username": account["user"], "password": account["password"]}
        self.token = self.get("/api/v1/auth/token", urllib.parse.urlencode(form).encode())["access_token"]

    def alerts(self) -> list[dict[str, Any]]:
        return list(self.get("/api/v1/alerts?state=all&limit=500")["items"])

    def interrupt(self) -> float:
        """SIGINT; returns the seconds until the end."""
        family, begun = self.family(), time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0, self.log.read_text("utf-8")
        took = time.monotonic() - begun
        assert not [left for left in family if left.is_running() and left.status() != psutil.STATUS_ZOMBIE]
        return took


@pytest.fixture(scope="module", autouse=True)
def _jars() -> None:
    try:
        class_path(Settings())
    except CityopsError as error:
        pytest.skip(f"no embedded Kafka: {error}")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Running]]:
    runs: list[Running] = []
    yield runs
    for one in runs:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(40)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # ended, or not yet reaped
        return []


def wait_for(true: Any, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.5)


def test_up_from_an_empty_folder_to_a_second_start(
    tmp_path: Path, started: list[Running], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("CITYOPS_")]:
        monkeypatch.delenv(name)
    first = Running(tmp_path / "data")
    started.append(first)
    assert first.ready["ready"] is True
    scopes = {(account["role"], len(account["unit"])) for account in first.ready["accounts"]}
    assert {("commander", 6), ("officer", 6), ("officer", 9), ("officer", 12)} <= scopes
    first.sign_in(next(account for account in first.ready["accounts"] if account["role"] == "commander"))
    assert first.get("/readyz")["status"] == "ready"

    def four_domains_and_one_clear() -> bool:
        found = first.alerts()
        domains = {alert["domain"] for alert in found}
        return domains >= {"water", "gas", "pipeline", "traffic"} and any(a["condition"] == "CLEARED" for a in found)

    # 60 s by contract on an idle machine; twice that here, since other tests may share its cores
    wait_for(four_domains_and_one_clear, 120, "an alert of each domain and one clear")
    assert sum(one.memory_info().rss for one in [psutil.Process(first.process.pid), *first.family()]) < 1.2e9

    assert run(["doctor", "--json", "--data", str(first.data)]) == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert {"topics", "lag", "broker"} <= {check["name"] for check in checks if check["status"] == "ok"}

    assert run(["up", "--data", str(first.data), "--port", "0"]) == 2
    assert "another `cityops up` runs on the data folder" in capsys.readouterr().err

    detect = next(child for child in first.family() if "detect" in _command(child))
    detect.kill()

    def started_again() -> bool:
        return any(one.pid != detect.pid and "detect" in _command(one) for one in first.family())

    wait_for(started_again, 20, "a restart of the killed worker")
    assert "detect ended" in first.log.read_text("utf-8")

    kept = {alert["id"] for alert in first.alerts()}
    assert first.interrupt() < 20
    assert not (first.data / "run.json").exists()

    second = Running(first.data)
    started.append(second)
    assert second.ready["accounts"] == first.ready["accounts"]
    assert second.ready["broker"] == first.ready["broker"]
    second.sign_in(second.ready["accounts"][0])
    assert kept <= {alert["id"] for alert in second.alerts()}
    assert second.interrupt() < 20


def test_ctrl_c_while_starting_ends_clean(tmp_path: Path) -> None:
    for after in (0.5, 4.0):
        child = subprocess.Popen(
            [*CITYOPS, "up", "--port", "0", "--data", str(tmp_path), "--no-browser", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        time.sleep(after)
        family = psutil.Process(child.pid).children(recursive=True)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=25)
        assert (child.returncode, out) == (0, b""), err
        assert b"Traceback" not in err
        assert not [left for left in family if left.is_running() and left.status() != psutil.STATUS_ZOMBIE]


def test_an_external_broker_that_does_not_answer(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from streams.broker import free_port

    args = ["up", "--port", "0", "--data", str(tmp_path), "--broker", f"127.0.0.1:{free_port()}", "--no-browser"]
    done = subprocess.run([*CITYOPS, *args], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "no Kafka answers at 127.0.0.1:" in done.stderr.splitlines()[-1]
    assert "compiling" not in done.stderr, "it is told before the long work"
