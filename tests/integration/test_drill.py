"""`cityops drill burst` on a real Kafka: the pipe gives the timeline that the script gives, and leaves nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.drills import telling
from streams.drills.assessment import report
from streams.drills.burst import scene
from streams.drills.rehearsal import rehearse
from streams.drills.timeline import line
from streams.kafka import admin
from streams.settings import Settings

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]


def command(broker: str, data: Path, run: str, *args: str) -> list[str]:
    own = ["drill", "burst", "--run", run, "--broker", broker, "--data", str(data)]
    return [sys.executable, "-m", "streams.cli", *own, *args]


def topics_of(broker: str, run: str) -> list[str]:
    with admin(Settings({"broker": broker}, env={})) as client:
        return [t for t in client.list_topics() if t.startswith(f"run.{run}.")]


def test_the_drill_through_the_real_pipe(broker: str, tmp_path: Path) -> None:
    run = "drill-it"
    args = command(broker, tmp_path, run, "--json")
    done = subprocess.run(args, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    records, refused = rehearse(scene(), run)
    assert not refused
    want = telling.as_dict(scene(), run, [line(r) for r in records], report(records))
    assert json.loads(done.stdout) == json.loads(json.dumps(want))
    assert topics_of(broker, run) == []


def test_ctrl_c_takes_the_run_away(broker: str, tmp_path: Path) -> None:
    """Paced: an hour a minute. The signal comes while the drill waits."""
    run = "drill-stop"
    with subprocess.Popen(
        command(broker, tmp_path, run, "--speed", "60"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        while "RAISE-1" not in (said := process.stdout.readline()):
            assert said, "ended before it began"
        assert topics_of(broker, run)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert f"interrupted; run {run} was deleted" in told
    assert "Traceback" not in told
    assert topics_of(broker, run) == []
