"""The embedded broker: a real Kafka, started, asked, stopped, killed and started again."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest

from streams import cli, topics
from streams.broker import EmbeddedBroker, free_port
from streams.errors import UsageError
from streams.kafka import admin, create_topics, delete_topics, partition_counts
from streams.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def live(broker: str) -> Settings:
    return Settings({"broker": broker}, env={})


def test_topics_are_made_once_and_kept(live: Settings) -> None:
    run = live.replace(prefix="run.topics1.", partitions=2)
    wanted = {spec.name: spec.partitions for spec in topics.specs(2, run.prefix)}
    assert sorted(create_topics(run).created) == sorted(wanted)
    again = create_topics(run)
    assert (again.created, sorted(again.kept)) == ([], sorted(wanted))
    with pytest.raises(
        UsageError, match=r"topic run\.topics1\.alerts \(as \d+ more\) has 2 partitions at .*set CITYOPS"
    ):
        create_topics(run.replace(partitions=3))
    with admin(run) as client:
        assert partition_counts(client, list(wanted)) == wanted


def test_only_the_run_is_deleted(live: Settings) -> None:
    gone, kept = live.replace(prefix="run.gone.", partitions=1), live.replace(prefix="run.gone2.", partitions=1)
    create_topics(gone)
    create_topics(kept)
    assert len(delete_topics(live, "run.gone.")) == len(topics.specs(1))
    with admin(live) as client:
        left = set(partition_counts(client))
    assert not [name for name in left if name.startswith("run.gone.")]
    assert len([name for name in left if name.startswith("run.gone2.")]) == len(topics.specs(1))


def test_topics_that_are_not_there(live: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["topics", "delete", "run.nope.", "--yes", "--broker", live.broker]) == 2
    assert "no topic begins with run.nope." in capsys.readouterr().err
    assert cli.run(["topics", "list", "--prefix", "run.nope.", "--broker", live.broker]) == 0
    assert "no topic begins with run.nope." in capsys.readouterr().err
    assert cli.run(["sensors", "list", "--prefix", "run.nope.", "--broker", live.broker]) == 2
    assert "there is no run nope" in capsys.readouterr().err


def test_a_name_written_wrongly_makes_no_topic(live: Settings) -> None:
    with admin(live) as client:
        client.describe_topics(["readings.watr"])
        assert "readings.watr" not in set(client.list_topics())


def test_data_ports_and_topics_survive_a_stop_and_a_crash(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as first:
        settings = Settings({"broker": first.bootstrap, "prefix": "run.x.", "partitions": 1}, env={})
        created = set(create_topics(settings).created)
        process = psutil.Process(first.process.pid)  # type: ignore[union-attr]
        assert process.ppid() == psutil.Process().pid
    assert not process.is_running()
    second = EmbeddedBroker(tmp_path)
    try:
        assert second.start() == first.bootstrap
        assert set(create_topics(settings).kept) == created
        second.kill()
        assert second.start() == first.bootstrap
        assert set(create_topics(settings).kept) == created
    finally:
        second.stop()


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "kafka" / "ports.json").write_text(f'{{"broker": {port}, "controller": {port}}}')
        with EmbeddedBroker(tmp_path) as embedded:
            assert embedded.port != port


def test_busy_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1 is busy"):
            EmbeddedBroker(tmp_path, port=port).start()


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, port=free_port()) as first:
        with pytest.raises(UsageError, match="in use by another cityops broker"):
            EmbeddedBroker(tmp_path).start()
        assert first.alive()
        with admin(Settings({"broker": first.bootstrap}, env={})) as client:
            client.describe_cluster()
