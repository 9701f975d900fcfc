"""`cityops drill burst` on a real Kafka: the pipe gives the timeline that the script gives, and leaves nothing."""

from __future__ import annotations

import json
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


def test_the_drill_through_the_real_pipe(broker: str, tmp_path: Path) -> None:
    run = "drill-it"
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", "drill", "burst", "--json", "--run", run, "--broker", broker,
         "--data", str(tmp_path)], capture_output=True, text=True, timeout=120,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    records, refused = rehearse(scene(), run)
    assert not refused
    assert said == json.loads(
        json.dumps(telling.as_dict(scene(), run, [line(r) for r in records], report(records)), ensure_ascii=False)
    )
    with admin(Settings({"broker": broker}, env={})) as client:
        assert not [t for t in client.list_topics() if t.startswith(f"run.{run}.")]
