"""The front door: quick help, lazy imports, exit codes, one sentence for each mistake."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams import cli
from streams.broker import free_port
from streams.cli import common
from streams.cli.doctor import examine
from streams.errors import CityopsError, explain
from streams.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("CITYOPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CITYOPS_DATA", str(tmp_path / "data"))


def test_the_api_starts_without_the_compiler() -> None:
    """numba is 70 MB in a process that compiles nothing; where a profile is checked it comes then."""
    code = "import sys, api.server; print(*set('numba scipy faust pandas alembic'.split()) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_help_is_quick_and_imports_no_heavy_module() -> None:
    code = (
        "import sys\nfrom streams.cli import run\ncode = run(['--help'])\n"
        "heavy = set('kafka faust aiokafka numpy numba fastapi geo api detectors'.split()) & set(sys.modules)\n"
        "sys.exit(code or (3 if heavy else 0))"
    )
    fastest = 9.0
    for _ in range(12):  # one of them is not held up by other work
        begun = time.monotonic()
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
        fastest = min(fastest, time.monotonic() - begun)
        assert done.returncode == 0, done.stderr
        if fastest < 0.5:
            break
    assert "doctor" in done.stdout
    assert fastest < 0.5  # 0.1 s on an idle machine


def test_every_command_that_is_there_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name, (module, line) in cli.COMMANDS.items():
        assert line.endswith(".")
        if cli._exists(module):
            assert cli.run([name, "--help"]) == 0, name
            assert len(capsys.readouterr().out) > 100, name


def test_every_module_of_the_folder_is_a_known_command() -> None:
    files = {path.stem for path in (ROOT / "streams" / "cli").glob("*.py")} - {"__init__", "__main__", "common"}
    known = {module.rpartition(".")[2] for module, _ in cli.COMMANDS.values()}
    assert sorted(name for name in files if name not in known and "def command" in _source(name)) == []


def _source(name: str) -> str:
    return (ROOT / "streams" / "cli" / f"{name}.py").read_text("utf-8")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["worker", "sweep"], "'sweep' is not one of"),
        (["up", "--port", "70000"], "70000 is not in the range"),
        (["up", "--prot", "1"], "No such option: --prot"),
        (["topics", "list", "--broker", "localhost"], "broker 'localhost': want host:port"),
        (["topics", "list", "--security-protocol", "TLS"], "want one of PLAINTEXT, SSL"),
        (["topics", "list", "--security-protocol", "SASL_SSL"], "CITYOPS_SASL_MECHANISM"),
        (["topics", "list", "--security-protocol", "SSL", "--ssl-cafile", "/nowhere.pem"], "/nowhere.pem"),
        (["topics", "delete", "readings.", "--yes"], "only a run's topics"),
    ],
)
def test_mistakes_are_one_sentence_and_end_with_2(
    args: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "SSL" in " ".join(args) or "TLS" in args:
        monkeypatch.setattr(socket, "create_connection", lambda *a, **k: socket.socket())  # the broker "answers"
    assert cli.run(args) == 2
    told = capsys.readouterr().err
    assert told.startswith("cityops")
    assert sentence in told
    assert told.count("\n") == 1


def test_a_bad_variable_names_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CITYOPS_PARTITIONS", "four")
    assert cli.run(["topics", "list"]) == 2
    assert "CITYOPS_PARTITIONS='four': want a whole number" in capsys.readouterr().err


def test_no_broker_is_told_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    for args in (["topics", "create"], ["worker", "packer"], ["api"]):
        assert cli.run([*args, "--broker", f"127.0.0.1:{free_port()}"]) == 1
        assert "start one with `cityops broker`" in capsys.readouterr().err


def test_busy_console_port_is_told_before_anything_starts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert cli.run(["up", "--port", port]) == 2
    assert f"port {port} on 127.0.0.1 is busy" in capsys.readouterr().err
    assert not (tmp_path / "data" / "kafka").exists()


def test_a_data_folder_that_is_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cli.run(["up", "--data", str(tmp_path / "file" / "x")]) == 2
    told = capsys.readouterr().err
    assert "the data folder (--data)" in told
    assert "a part of the path is a file" in told


def test_a_full_disk_and_a_read_only_folder_are_explained() -> None:
    assert "the disk is full" in str(explain(OSError(28, "No space left on device", "/d")))
    assert "read-only" in str(explain(OSError(30, "Read-only file system", "/d")))
    assert explain(OSError(28, "", "/d")).exit_code == 2


def test_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.cli, "main", interrupted)
    assert cli.run([]) == 130


def test_the_running_system_gives_the_default_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    data.mkdir()
    assert common.settings_from().broker == "127.0.0.1:9092"
    common.write_run_file(data, broker="127.0.0.1:7777", url="u")
    assert common.settings_from().broker == "127.0.0.1:7777"
    assert common.settings_from(broker="h:1").broker == "h:1"
    monkeypatch.setenv("CITYOPS_BROKER", "h:2")
    assert common.settings_from().broker == "h:2"
    monkeypatch.delenv("CITYOPS_BROKER")
    other = {"pid": os.getppid(), "begun": 1.0, "broker": "127.0.0.1:7777"}  # a pid that another program has now
    common.run_file(data).write_text(json.dumps(other))
    assert common.settings_from().broker == "127.0.0.1:9092"
    common.run_file(data).write_text("half a li")
    assert common.settings_from().broker == "127.0.0.1:9092"


def test_doctor_answers_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--json", "--broker", f"127.0.0.1:{free_port()}"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    checks = {check["name"]: check for check in answer["checks"]}
    assert {"python", "memory", "data", "cache", "java", "jars", "console", "broker"} <= checks.keys()
    assert checks["broker"]["status"] == "bad"


def test_doctor_says_what_to_do() -> None:
    settings = Settings({"port": 0, "broker": f"127.0.0.1:{free_port()}"})
    found = {finding.name: finding for finding in examine(settings, named=False)}
    assert found["broker"].status == "note"
    assert "cityops up" in found["broker"].fix
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings({"port": taken.getsockname()[1], "broker": f"127.0.0.1:{free_port()}"})
        found = {finding.name: finding for finding in examine(settings, named=True)}
    assert (found["console"].status, found["broker"].status) == ("warn", "bad")
    assert "--port" in found["console"].fix
    assert "cityops broker" in found["broker"].detail


def test_an_old_java_home_is_told_and_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streams.broker_jars import java

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    notes: list[str] = []
    (tmp_path / "release").write_text('JAVA_VERSION="1.8.0_292"\n')
    assert tmp_path not in java(notes.append).parents
    assert "is Java 8, Kafka needs 17" in notes[0]
    (tmp_path / "release").write_text('JAVA_VERSION="21.0.2"\n')
    assert java(notes.append) == tmp_path / "bin" / "java"


def test_a_wrong_jar_is_named_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streams import broker_jars

    names = list(broker_jars.pins())
    for name in names:
        (tmp_path / name).write_bytes(b"not the jar")
    monkeypatch.setattr(broker_jars, "_resolve", lambda *a: sorted(tmp_path.glob("*.jar")))
    with pytest.raises(CityopsError) as caught:
        broker_jars.class_path(Settings({"cache": str(tmp_path / "cache")}, env={}))
    assert names[0] in str(caught.value)
    assert "wrong checksum" in str(caught.value)
    assert "delete the folder" in str(caught.value)


def test_no_network_on_the_first_start(tmp_path: Path) -> None:
    from streams import broker_jars

    settings = Settings({"cache": str(tmp_path), "maven_repository": f"http://127.0.0.1:{free_port()}/maven2"}, env={})
    with pytest.raises(CityopsError) as caught:
        broker_jars.class_path(settings)
    assert caught.value.exit_code == 2
    assert "CITYOPS_MAVEN_REPOSITORY" in str(caught.value)
    assert "Connection refused" in str(caught.value)


def test_a_jar_that_changes_after_the_check_is_checked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    from streams import broker_jars

    jar = tmp_path / "one.jar"
    jar.write_bytes(b"jar")
    pins = tmp_path / "pins"
    pins.write_text(f"{hashlib.sha256(b'jar').hexdigest()}  one.jar\n")
    monkeypatch.setattr(broker_jars, "PINS", pins)
    resolved: list[int] = []
    monkeypatch.setattr(broker_jars, "_resolve", lambda *a: resolved.append(1) or [jar])
    settings = Settings({"cache": str(tmp_path / "cache")}, env={})
    assert broker_jars.class_path(settings) == broker_jars.class_path(settings) == [jar]
    assert len(resolved) == 1
    jar.write_bytes(b"bad")
    os.utime(jar, (1, 1))
    with pytest.raises(CityopsError, match="wrong checksum"):
        broker_jars.class_path(settings)


def test_kafka_home_without_jars(tmp_path: Path) -> None:
    from streams.broker_jars import class_path

    with pytest.raises(CityopsError, match="CITYOPS_KAFKA_HOME"):
        class_path(Settings({"kafka_home": str(tmp_path)}, env={}))


def test_what_listens_but_is_no_kafka_is_told_as_that() -> None:
    from kafka.errors import KafkaTimeoutError

    from streams.kafka import unreachable

    told = str(unreachable(Settings({"broker": "127.0.0.1:8420"}, env={}), KafkaTimeoutError()))
    assert told.startswith("what listens at 127.0.0.1:8420 does not answer as Kafka does; check the port")
    assert "no Kafka answers at" in str(unreachable(Settings(env={}), ConnectionRefusedError()))
