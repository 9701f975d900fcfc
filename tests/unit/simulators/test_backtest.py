"""The backtest gives what packer, detect and alerts worker give one after the other, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from simulators import backtest
from simulators.mapping import ColumnMap
from simulators.plan import Plan, plan
from simulators.replay import run_settings
from streams import cli, codec, topics
from streams.alerting import AlertsLogic
from streams.columns import EMPTY, Columns
from streams.detecting import DetectLogic
from streams.errors import UsageError
from streams.intake.packing import Message, PackLogic
from streams.outbox import Outbox
from streams.settings import Settings
from tests.golden.native import golden_recording

SETTINGS = run_settings(Settings({}, env={}), "bt")


@pytest.fixture(scope="module")
def water(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan(golden_recording(tmp_path_factory.mktemp("rec") / "golden.parquet"), ColumnMap(domain="water"))


def judged_log(planned: Plan, cut: int = 0) -> list[bytes]:
    out: list[bytes] = []
    test = backtest.Backtest(SETTINGS, planned.registry, lambda partition, record: out.append(record))
    for cols in planned.columns():
        for k in range(0, len(cols), cut or len(cols)):
            test.feed(cols.pick(slice(k, k + (cut or len(cols)))))
    test.end(planned.survey.until_ms)
    return out


def through_the_workers(planned: Plan, cut: int) -> list[bytes]:
    """Raw messages of `cut` rows through the three workers' logic, each told of what the one before it sent."""
    pack = PackLogic(SETTINGS, planned.registry, lambda: False)
    detect = [DetectLogic(SETTINGS) for _ in range(SETTINGS.partitions)]
    alerts = [AlertsLogic(SETTINGS) for _ in range(SETTINGS.partitions)]
    out, seqs = [], [{}, {}, {}]

    def through(logic, stage, message):  # type: ignore[no-untyped-def]
        box = Outbox("t", seqs[stage])
        logic.apply(message, box)
        logic.flush(box)
        for topic, partition, key, value, _ in box.records:
            next_ = Message(topic, partition, 0, 0, key, value, ())
            if topic == SETTINGS.prefix + topics.ALERTS:
                out.append(value)
            elif topic in (SETTINGS.prefix + topics.DETECTIONS, SETTINGS.prefix + topics.COMMANDS):
                through(alerts[partition], 2, next_)
            elif topic != SETTINGS.prefix + topics.REJECTED:
                through(detect[partition], 1, next_)

    raw = SETTINGS.prefix + topics.raw("water")
    for cols in planned.columns():
        for k in range(0, len(cols), cut):
            part = cols.take(np.arange(k, min(k + cut, len(cols))))
            through(pack, 0, Message(raw, 0, k, 0, b"", codec.pack(part, "r", k), ()))
    end = codec.pack(EMPTY, "r", 0, tick=planned.survey.until_ms)
    through(pack, 0, Message(raw, 0, 0, 0, b"", end, ()))
    return out


def test_it_is_what_the_workers_do_byte_for_byte(water: Plan) -> None:
    log = judged_log(water)
    assert len(log) >= 10
    assert log == through_the_workers(water, 2000)
    assert log == through_the_workers(water, 333)


def test_cuts_do_not_matter(water: Plan) -> None:
    assert judged_log(water, 61) == judged_log(water)


def test_a_recording_is_read_back_as_it_was(water: Plan, tmp_path: Path) -> None:
    from simulators.native import NativeRecording, Writer

    cols = Columns(
        ["522601-W-PRS-000001", "522601-W-PRS-000002"], np.array([1, 0, 1], np.int32), np.array([5, 3, 9]) + 10**12,
        np.array([1.5, np.nan, np.inf]), ["battery"], np.array([-1, 0, -1], np.int16), np.array([107.9, np.nan, 1.0]),
        np.array([26.5, np.nan, 2.0]), np.array([np.nan, 3.0, 4.0], np.float32), np.array([0, 2, 1], np.uint8),
    )  # fmt: skip
    file = tmp_path / "r.parquet"
    writer = Writer(file)
    writer.add(cols, 10**12)
    assert not file.exists()
    rows = [(topics.ASSETS, b"522601-W-PRS-000001", b"{}")]
    writer.close(rows)
    read = NativeRecording(file)
    read.survey()
    (got,) = list(read.columns())
    assert [got.sensors[k] for k in got.idx] == [cols.sensors[k] for k in cols.idx]
    for name in ("ts_ms", "value", "lon", "lat", "accuracy", "quality", "metric_idx"):
        np.testing.assert_array_equal(getattr(got, name), getattr(cols, name))
    assert got.metrics == ["battery"]
    assert list(tmp_path.iterdir()) == [file]


def test_profiles_of_a_candidate_are_used_and_bad_ones_refused(water: Plan, tmp_path: Path) -> None:
    path = water.path
    deaf = tmp_path / "water.toml"
    deaf.write_text('[pressure]\nunit = "m"\nkinds = {}\n', "utf-8")
    with pytest.raises(UsageError):
        plan(path, ColumnMap(domain="water")).with_profiles([deaf])
    with pytest.raises(UsageError, match="of no single domain"):
        plan(path, ColumnMap()).with_profiles([tmp_path / "mine.toml"])


def test_the_command_lists_alerts_and_keeps_the_log(
    water: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.jsonl"
    args = ["backtest", str(water.path), "--domain", "water", "--run", "bt", "--log", str(log), "--json"]
    assert cli.run(args) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["run"], said["readings"]) == ("bt", water.survey.readings)
    assert {a["kind"] for a in said["alerts"]} == {"pressure_low", "flow_high"}
    assert log.read_bytes().splitlines() == judged_log(water)
    assert cli.run(["backtest", str(water.path), "--unit-code", "522622"]) == 2
    assert "which says itself what is what" in capsys.readouterr().err
