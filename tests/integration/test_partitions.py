"""CITYOPS_PARTITIONS that differs from the topics: every command says so at its start and ends with 2."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from streams import cli
from streams.errors import UsageError
from streams.kafka import admin, check_partitions, create_topics
from streams.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def run(broker: str) -> Settings:
    settings = Settings({"broker": broker, "prefix": f"run.parts{uuid.uuid4().hex[:6]}.", "partitions": 2}, env={})
    create_topics(settings)
    return settings


@pytest.mark.parametrize(
    "command",
    [
        ["worker", "packer"],
        ["worker", "detect"],
        ["worker", "alerts"],
        ["topics", "create"],
        ["rejects", "list"],
        ["sensors", "add", "522601-W-PRS-000123", "--zone", "522601-W-DMA01", "--unit-code", "522601"],
    ],
)
def test_commands_of_a_run(run: Settings, command: list[str], tmp_path: Path) -> None:
    told(run, [*command, "--prefix", run.prefix], tmp_path)


@pytest.mark.parametrize("command", [["api", "--port", "0"], ["simulate"]])
def test_commands_that_take_the_prefix_from_the_environment(run: Settings, command: list[str], tmp_path: Path) -> None:
    told(run, command, tmp_path, CITYOPS_PREFIX=run.prefix)


def test_up_with_a_broker_of_its_own(broker: str, tmp_path: Path) -> None:
    """`up` uses live topics: those of this broker, made here with four partitions where they are not there yet."""
    live = Settings({"broker": broker}, env={})
    create_topics(live)
    told(live, ["up", "--port", "0", "--no-browser"], tmp_path, partitions=4)


def told(settings: Settings, command: list[str], data: Path, partitions: int = 2, **env: str) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CITYOPS_") or k == "CITYOPS_CACHE"}
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", *command, "--broker", settings.broker, "--data", str(data)],
        capture_output=True, text=True, timeout=120, env={**clean, **env, "CITYOPS_PARTITIONS": "3"},
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    last = [line for line in done.stderr.splitlines() if line.startswith("cityops ")]
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert f"has {partitions} partitions at {settings.broker}, CITYOPS_PARTITIONS says 3" in last[-1]
    assert f"set CITYOPS_PARTITIONS={partitions}" in last[-1]


def test_doctor_finds_it(run: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYOPS_PREFIX", run.prefix)
    monkeypatch.setenv("CITYOPS_PARTITIONS", "3")
    assert cli.run(["doctor", "--broker", run.broker]) == 1
    out = capsys.readouterr().out
    assert "has 2 partitions" in out
    assert "→ set CITYOPS_PARTITIONS=2" in out


def test_nothing_is_created_when_it_differs(broker: str) -> None:
    from kafka.admin import NewTopic

    settings = Settings({"broker": broker, "prefix": f"run.mix{uuid.uuid4().hex[:6]}."}, env={})
    with admin(settings) as client:
        client.create_topics([NewTopic(settings.prefix + "alerts", 9, 1), NewTopic(settings.prefix + "assets", 5, 1)])
        client.wait_for_topics([settings.prefix + "alerts"])
        with pytest.raises(UsageError, match=r"alerts has 9 partitions .* CITYOPS_PARTITIONS says 4: set .*=9"):
            create_topics(settings)
        assert sum(name.startswith(settings.prefix) for name in client.list_topics()) == 2


def test_topics_that_differ_among_themselves_are_mended_by_no_setting() -> None:
    have = {"alerts": 4, "commands": 8, "assets": 1}
    with pytest.raises(UsageError, match=r"topic commands has 8 .* the topics there have 4 and 8, all need the same"):
        check_partitions(Settings(env={}), have)
    check_partitions(Settings(env={}), {"alerts": 4, "assets": 7})  # the reader of assets takes any number
