"""`cityops replay` on a real Kafka with the real recordings: alerts come out, and a run comes and goes as a whole."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest

from simulators import replay as replays
from simulators.mapping import ColumnMap
from simulators.outcome import Result
from simulators.plan import plan
from streams import cli
from streams.kafka import admin, create_topics, delete_topics
from streams.settings import Settings
from streams.supervisor import Stopped, Supervisor

pytestmark = pytest.mark.integration


def cityops(*args: str, broker: str, data: Path, timeout: float = 180.0) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("CITYOPS_") or k == "CITYOPS_CACHE"}
    return subprocess.run(
        [sys.executable, "-m", "streams.cli", *args, "--broker", broker, "--data", str(data)],
        capture_output=True, text=True, timeout=timeout, env=env, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip


def replay(file: Path, *args: str, broker: str, data: Path) -> dict[str, Any]:
    done = cityops("replay", str(file), "--json", *args, broker=broker, data=data)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def run_topics(broker: str, run: str) -> list[str]:
    with admin(Settings({"broker": broker}, env={})) as client:
        return [t for t in client.list_topics() if t.startswith(f"run.{run}.")]


@pytest.fixture(scope="session")
def recordings(data_folder: Path) -> Path:
    folder = data_folder / "recordings"
    if not folder.is_dir():
        pytest.skip(f"no recordings in {folder}")
    return folder


def made_up(folder: Path, hours: int = 30) -> Path:
    """Minute readings of a pressure that is steady, then collapses for half an hour."""
    rows = ["Time,p_north,p_south"]
    for n in range(hours * 60):
        wobble = ((n * 7919) % 101) / 500
        low = n >= hours * 60 - 90 and n < hours * 60 - 60
        stamp = f"2020-03-{1 + n // 1440:02d} {n // 60 % 24:02d}:{n % 60:02d}:00"
        rows.append(f"{stamp},{(3.0 if low else 40.0) + wobble:.3f},{41.0 - wobble:.3f}")
    file = folder / "collapse.csv"
    file.write_text("\n".join(rows) + "\n", "utf-8")
    return file


def test_a_collapse_is_found_and_the_run_goes_as_a_whole(broker: str, tmp_path: Path) -> None:
    file = made_up(tmp_path)
    got = replay(file, "--domain", "water", "--run", "it-collapse", broker=broker, data=tmp_path)
    assert (got["run"], got["readings"], got["rejected"]) == ("it-collapse", 3600, {})
    assert (got["from"], got["to"]) == ("2020-03-01T00:00:00.000Z", "2020-03-02T05:59:00.000Z")
    mine = [a for a in got["alerts"] if a["kind"] == "pressure_low"]
    assert [a["sensor"] for a in mine] == ["522601-W-PRS-900001"]
    assert "2020-03-02T04:2" < mine[0]["start"] < "2020-03-02T04:4"
    assert mine[0]["start"] < mine[0]["end"] < "2020-03-02T05:3"
    assert mine[0]["reason"]["zh"]
    assert mine[0]["reason"]["en"]
    assert run_topics(broker, "it-collapse")

    twice = cityops("replay", str(file), "--domain", "water", "--run", "it-collapse", broker=broker, data=tmp_path)
    assert twice.returncode == 2
    assert "run it-collapse is there already" in twice.stderr
    assert run_topics(broker, "it-collapse")  # and stays

    gone = cityops("replay", "--delete", "it-collapse", broker=broker, data=tmp_path)
    assert gone.returncode == 0, gone.stderr
    assert run_topics(broker, "it-collapse") == []
    again = cityops("replay", "--delete", "it-collapse", broker=broker, data=tmp_path)
    assert again.returncode == 2
    assert "there is no run 'it-collapse'" in again.stderr


def test_the_same_file_gives_the_same_alerts_paced_or_not(broker: str, tmp_path: Path) -> None:
    file = made_up(tmp_path)
    fast = replay(file, "--domain", "water", "--run", "it-same", "--no-keep", broker=broker, data=tmp_path)
    assert run_topics(broker, "it-same") == []
    paced = replay(
        file, "--domain", "water", "--run", "it-same", "--no-keep", "--speed", "20000", broker=broker, data=tmp_path
    )
    assert paced["alerts"] == fast["alerts"] != []
    assert paced["seconds"] > 30 * 3600 / 20000
    assert paced["worst_late_s"] < 2.0  # the machine may be busy; drift would be seconds more


def test_silences_are_found_within_the_file_and_at_its_end(broker: str, tmp_path: Path) -> None:
    """Both sensors are silent for half an hour, one falls silent before the end, the file ends in empty rows."""
    rows = ["Time,p_north,p_south"]
    for n in range(240):
        north = f"{40 + n % 7 / 100:.3f}" if n < 60 or 90 <= n < 200 else ""
        south = f"{41 - n % 5 / 100:.3f}" if n < 60 or 90 <= n < 220 else ""
        rows.append(f"2020-03-01 {n // 60:02d}:{n % 60:02d}:00,{north},{south}")
    file = tmp_path / "silence.csv"
    file.write_text("\n".join(rows) + "\n", "utf-8")
    found = []
    for speed in ("0", "3000"):
        got = replay(
            file, "--domain", "water", "--run", "it-silent", "--no-keep", "--speed", speed, broker=broker, data=tmp_path
        )
        assert (got["rejected"], got["to"]) == ({}, "2020-03-01T03:39:00.000Z")
        found.append(got["alerts"])
    silent = [a for a in found[0] if a["kind"] == "dropout"]
    assert sorted((a["start"][11:16], a["sensor"][-3:], (a["end"] or "")[11:14]) for a in silent) == [
        ("00:59", "001", "01:"), ("00:59", "002", "01:"), ("03:19", "001", ""), ("03:39", "002", ""),
    ]  # fmt: skip
    assert found[0] == found[1], "paced or not"


def test_nothing_is_half_done_after_an_error(broker: str, tmp_path: Path) -> None:
    file = made_up(tmp_path)
    lines = file.read_text("utf-8").splitlines()
    file.write_text("\n".join([*lines, lines[1]]) + "\n", "utf-8")  # the last row is early
    done = cityops("replay", str(file), "--domain", "water", "--run", "it-bad", broker=broker, data=tmp_path)
    assert done.returncode == 2
    assert "row 1801 is earlier" in done.stderr
    assert "Traceback" not in done.stderr
    assert run_topics(broker, "it-bad") == []


def test_ctrl_c_takes_the_run_away_and_leaves_no_process(broker: str, tmp_path: Path) -> None:
    env = {**os.environ, "CITYOPS_BROKER": broker, "CITYOPS_DATA": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.cli", "replay", str(made_up(tmp_path)), "--domain", "water", "--run", "it-stop",
         "--speed", "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    try:
        assert process.stderr is not None
        while "sending" not in (line := process.stderr.readline()):
            assert line, "ended before it sent"
        workers = psutil.Process(process.pid).children(recursive=True)
        assert len(workers) >= 3
        assert run_topics(broker, "it-stop")
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out) == (130, "")
    assert "interrupted; run it-stop was deleted" in told
    assert "Traceback" not in told
    assert run_topics(broker, "it-stop") == []
    assert not [w for w in workers if w.is_running() and w.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("moment", ["streams.registry.publish", "simulators.replay.create_topics"])
def test_ctrl_c_before_the_workers_start_takes_the_run_away_too(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The signal comes while topics are made or the registry is written; a second one while all is taken away."""
    settings = replays.run_settings(Settings({"broker": broker, "data": str(tmp_path)}, env={}), "it-early")
    planned = plan(made_up(tmp_path, hours=3), ColumnMap(domain="water"))
    carried_out = []

    def interrupted(*_: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        create_topics(settings)  # what the broker was asked for is waited for
        carried_out.append(run_topics(broker, "it-early"))

    def impatient(settings: Settings, prefix: str) -> list[str]:
        signal.raise_signal(signal.SIGTERM)
        return delete_topics(settings, prefix)

    monkeypatch.setattr(moment, interrupted)
    monkeypatch.setattr(replays, "delete_topics", impatient)
    with Supervisor(lambda text: None) as supervisor, pytest.raises(Stopped):
        replays.run(settings, planned, supervisor)
    assert carried_out[0]
    assert run_topics(broker, "it-early") == []


def test_ctrl_c_at_the_end_says_what_became_of_the_run(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def finished(settings: Settings, *_: Any) -> Result:
        create_topics(settings)
        return Result(settings.run, "x.csv", 1, 0, 0, 1.0)

    monkeypatch.setattr(replays, "run", finished)
    monkeypatch.setattr("streams.cli.replay.table", lambda result: signal.raise_signal(signal.SIGINT))
    args = ["replay", str(made_up(tmp_path, hours=3)), "--domain", "water", "--broker", broker, "--data", str(tmp_path)]
    for more, said, left in (([], "is complete and stays", True), (["--no-keep"], "was deleted", False)):
        assert cli.run([*args, "--run", "it-end", *more]) == 130
        assert said in capsys.readouterr().err
        assert bool(run_topics(broker, "it-end")) is left
        if left:
            delete_topics(Settings({"broker": broker}, env={}), "run.it-end.")


def test_road_loops(broker: str, recordings: Path, tmp_path: Path) -> None:
    """The two road loops whole: the labelled windows of the speed loop are met."""
    speed = replay(
        recordings / "traffic_speed_7578.csv", "--domain", "traffic", "--run", "it-speed", "--no-keep",
        broker=broker, data=tmp_path,
    )  # fmt: skip
    assert (speed["readings"], speed["rejected"]) == (1127, {})
    assert {a["sensor"] for a in speed["alerts"]} == {"522601-T-SPD-900001"}
    windows = json.loads((recordings / "traffic_windows.json").read_text("utf-8"))["traffic_speed_7578.csv"]
    met = [w for w in windows if any(_meets(a, w) for a in speed["alerts"])]
    assert len(met) >= 1
    occupancy = replay(
        recordings / "traffic_occupancy_6005.csv", "--domain", "traffic", "--run", "it-occ", "--no-keep",
        broker=broker, data=tmp_path,
    )  # fmt: skip
    assert (occupancy["readings"], occupancy["rejected"]) == (2380, {})


def _meets(alert: dict[str, Any], window: list[str]) -> bool:
    first, last = (w.replace(" ", "T") for w in window)
    return bool(alert["start"] <= last and (alert["end"] or "9") >= first)


def test_a_fortnight_of_water_quality(broker: str, recordings: Path, tmp_path: Path) -> None:
    """One column → one sensor; empty cells are gaps; events of the first days become alerts."""
    file = tmp_path / "fortnight.csv.gz"
    with gzip.open(recordings / "water_quality_2016_2017.csv.gz", "rt") as whole, gzip.open(file, "wt") as part:
        part.writelines(islice(whole, 1 + 14 * 1440))
    got = replay(file, "--domain", "water", "--run", "it-water", "--no-keep", broker=broker, data=tmp_path)
    assert got["rejected"] == {}
    assert 0.9 * 14 * 1440 * 9 < got["readings"] <= 14 * 1440 * 9
    assert any(a["kind"] in ("quality_anomaly", "turbidity_high", "chlorine_low") for a in got["alerts"])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nowhere.csv", "--domain", "water"], "nowhere.csv: no such file"),
        ([], "FILE is missing"),
        (["FILE"], "give --domain water, gas, pipeline or traffic"),
        (["FILE", "--domain", "water", "--time-column", "Zeit"], "no column 'Zeit'; it has columns: Time, p_north"),
        (["FILE", "--domain", "water", "--map", "p_west=pressure"], "no column 'p_west'"),
        (["FILE", "--domain", "water", "--run", "a.b"], "--run 'a.b'"),
        (["FILE", "--domain", "water"], "no Kafka answers at 127.0.0.1:9"),
    ],
)
def test_bad_input_is_one_sentence_and_2(tmp_path: Path, args: list[str], said: str) -> None:
    file = made_up(tmp_path, hours=3)
    done = cityops("replay", *[str(file) if a == "FILE" else a for a in args], broker="127.0.0.1:9", data=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
