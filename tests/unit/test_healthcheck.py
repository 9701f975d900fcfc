"""deploy/healthcheck.py: the API's health, and what the script says of bad usage."""

from __future__ import annotations

import http.server
import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.settings import Settings

SCRIPT = Path(__file__).parents[2] / "deploy" / "healthcheck.py"


def load_healthcheck() -> Any:
    spec = importlib.util.spec_from_file_location("deploy_healthcheck", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def http_status() -> Iterator[tuple[int, list[int]]]:
    """(port, [status to answer]) of a server on loopback."""
    status = [200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status[0] if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, status
    server.shutdown()
    server.server_close()


def test_health_of_the_api(http_status: tuple[int, list[int]]):
    port, status = http_status
    check = load_healthcheck().api
    assert check(Settings({"port": port}, env={})) == ""
    status[0] = 503
    assert check(Settings({"port": port}, env={})) == "/healthz answered 503"
    assert "port 1:" in check(Settings({"port": 1}, env={}))


def test_health_of_the_notifier(tmp_path: Path):
    check = load_healthcheck().notify
    settings = Settings({"data": str(tmp_path)}, env={})
    assert "no sign of life" in check(settings)
    (tmp_path / "notify.alive").touch()
    assert check(settings) == ""
    assert "no sign of life" in check(settings, -1.0)


def test_health_of_the_mqtt_bridge(tmp_path: Path):
    check = load_healthcheck().mqtt
    settings = Settings({"data": str(tmp_path)}, env={})
    assert "no sign of life" in check(settings)
    (tmp_path / "mqtt").mkdir()
    (tmp_path / "mqtt" / "half.json").write_text("{")
    for status, trouble in (
        ({"at": time.time() - 60, "connected": True}, "no sign of life in 30 s"),
        ({"at": time.time(), "connected": False}, "no connection"),
        ({"at": time.time(), "connected": True}, ""),
    ):
        (tmp_path / "mqtt" / "a.json").write_text(json.dumps(status))
        told = check(settings)
        assert trouble in told
        assert bool(told) == bool(trouble)


def test_health_usage(capsys: pytest.CaptureFixture[str]):
    assert load_healthcheck().main(["nobody"]) == 1
    assert "usage" in capsys.readouterr().err
