"""Scenarios: the library can be played, the same twice, and what is wrong with one is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from simulators.scenario import library, load
from simulators.score import summary
from streams import cli
from streams.cli.scenario import scored

HEAD = 'title = { zh = "试", en = "try" }\nstart = 2026-01-12T01:50:00+08:00\nminutes = 3\n'
BURST = '[[incident]]\nkind = "burst"\nat = "522601-W-PRS-000003"\nbegins_min = 1\nlasts_min = 1\nsize = 150\n'


def test_twenty_and_more_can_be_played() -> None:
    assert len(library()) >= 20
    kinds = set()
    for path in library().values():
        scene = load(path)
        kinds |= {(i.domain, i.kind) for i in scene.incidents}
        for i in scene.incidents:
            assert i.fault or len(i.sensors) >= 1
    assert {d for d, _ in kinds} == {"water", "gas", "pipeline", "traffic"}


def test_the_same_scenario_is_the_same_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "one.toml"
    file.write_text(HEAD + BURST, "utf-8")
    a, b = (np.concatenate([c.value for c in load(file).columns()]) for _ in range(2))
    assert (a.tobytes(), len(a) > 1000) == (b.tobytes(), True)
    out, truth = tmp_path / "o.parquet", tmp_path / "t.jsonl"
    assert cli.run(["scenario", "record", str(file), str(out), "--truth", str(truth)]) == 0
    (told,) = [json.loads(line) for line in truth.read_text("utf-8").splitlines()]
    assert (told["kind"], told["size"], told["end_ms"] - told["start_ms"]) == ("burst", 150, 60_000)
    assert told["lon"]
    assert cli.run(["backtest", str(out)]) == 0
    assert cli.run(["scenario", "show", str(file)]) == 0
    assert "water.burst at 522601-W-PRS-000003" in capsys.readouterr().out


def test_a_burst_is_scored_by_a_backtest() -> None:
    figures = summary(scored(load(library()["night-burst"])))
    assert (figures["all"]["recall"]["value"], figures["false_alarms"]) == (1.0, 0)
    assert 0 < figures["all"]["delay_s_median"]["value"] <= 30


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD + BURST.replace("PRS-000003", "PRS-999999"), "incident 1: there is no sensor '522601-W-PRS-999999'"),
        (HEAD + BURST.replace("begins_min = 1", "begins_min = 2.5"), "lies outside the run: minute 2.5 to 3.5 of 3"),
        (HEAD + BURST.replace("size = 150", "size = -1"), "size -1 is negative"),
        (HEAD + BURST.replace("size = 150", ""), "size is missing (mm orifice diameter)"),
        (HEAD + BURST + BURST.replace("begins_min = 1", "begins_min = 1.5"), "incident 2 overlaps incident 1"),
        (HEAD + BURST.replace("burst", "leak"), "water has no incident 'leak'"),
        (HEAD + BURST.replace("PRS-000003", "FLW-000001"), "a burst cannot be at 522601-W-FLW-000001"),
        (HEAD + BURST.replace("at = ", "zone = "), "is at a sensor, give at"),
        (HEAD.replace("+08:00", "") + BURST, "start has no offset"),
        (HEAD + BURST + "colour = 1\n", "colour"),
        (HEAD, "names neither zones nor incidents"),
        ("[[", "is no TOML"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text, "utf-8")
    assert cli.run(["scenario", "check", str(file)]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1
    assert cli.run(["scenario", "show", "nothing-of-it"]) == 2
    assert "night-burst" in capsys.readouterr().err
