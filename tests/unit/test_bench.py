"""Figures, their goals and their report; stages of `cityops bench stream`; arithmetic of the measurements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.cli import run as cityops
from streams.cli.benches import end_to_end, restart, stream
from streams.cli.benches.figure import Figure, line, report
from streams.errors import CityopsError, UsageError


@pytest.mark.parametrize(
    ("value", "goal", "ok"),
    [
        (5.0, "", True),
        (5.0, "<= 5", True),
        (5.1, "<= 5", False),
        (5.0, ">= 5", True),
        (4.9, ">= 5", False),
        (float("nan"), ">= 5", False),
        (float("nan"), "<= 5", False),
    ],
)
def test_goal(value: float, goal: str, ok: bool) -> None:
    assert Figure("x.y", value, "s", goal).ok is ok


@pytest.mark.parametrize("goal", ["5", "< 5", ">=", ">=5"])
def test_a_goal_that_cannot_be_read_is_refused(goal: str) -> None:
    with pytest.raises(ValueError, match=r"x\.y"):
        Figure("x.y", 1.0, "s", goal)


def test_line_marks_a_miss() -> None:
    assert line(Figure("x.y", 12.0, "s", "<= 5")).endswith("<= 5 MISSED")
    assert "0.250" in line(Figure("x.y", 0.25, "s"))


def test_report_writes_what_was_measured_before_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def figures() -> Iterator[Figure]:
        yield Figure("x.a", 1.0, "s", ">= 2", 3, {"k": 1})
        raise CityopsError("no more")

    out = tmp_path / "o.json"
    with pytest.raises(CityopsError):
        report(figures(), True, str(out))
    row = json.loads(capsys.readouterr().out)
    want = {"name": "x.a", "value": 1.0, "unit": "s", "goal": ">= 2", "ok": False, "n": 3, "detail": {"k": 1}}
    assert row == want
    assert json.loads(out.read_text())["figures"] == [row]


def test_stages_are_chosen_by_name() -> None:
    assert stream.chosen("") == stream.STAGES
    assert stream.chosen("mqtt, kernel") == ("kernel", "mqtt")
    with pytest.raises(UsageError, match="kernle"):
        stream.chosen("kernle")


def test_an_unknown_stage_ends_with_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cityops(["bench", "stream", "--only", "nothing", "--out", str(tmp_path / "o")]) == 2
    assert "there is no such stage" in capsys.readouterr().err


def test_a_missing_or_failing_stage_is_told_and_the_others_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(quick: bool, say: object) -> Iterator[Figure]:
        raise CityopsError("broken")
        yield

    monkeypatch.setattr(restart, "run", fails)
    monkeypatch.setattr(end_to_end, "run", lambda quick, say: iter([Figure("stream.e2e_x", 1.0, "")]))
    said: list[str] = []
    got: list[str] = []
    with pytest.raises(CityopsError, match=r"nowhere \(not there\), restart"):
        got.extend(f.name for f in stream.run(True, said.append, ("nowhere", "restart", "end_to_end")))
    assert any("nowhere.py is not there" in text for text in said)
    assert "stage restart failed: broken" in said


def test_rate_is_that_of_the_steady_part() -> None:
    seen = end_to_end.Seen(messages=100, expected=1)
    seen.at = [0.0, 10.0, 11.0, 12.0, 13.0]
    seen.done = [0, 10, 40, 70, 100]
    seen.rss = [1.0, 100.0, 101.0, 102.0, 103.0]
    seen.cpu = [0.0, 1.0, 1.3, 1.6, 1.9]
    assert seen.rate == pytest.approx(90 * 1000 / 3)
    assert seen.detail()["cpu_ns_per_reading"] == pytest.approx(10_000)
    assert seen.memory() == {"start": 100, "half": 102, "end": 103}


def test_restore_times_are_read_from_the_log(tmp_path: Path) -> None:
    log = tmp_path / "w.log"
    log.write_text(
        "2026-11-24 INFO streams.ledger: run.x.cityops-detect-0: open after 1.25 s at {'t': 5}\n"
        "2026-11-24 INFO streams.ledger: run.x.cityops-detect-1: open after 0.75 s at {}\n"
    )
    assert restart.opened(log) == [1.25, 0.75]


def test_bench_commands_have_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("smoke", "stream", "chaos"):
        assert cityops(["bench", name, "--help"]) == 0
        text = "".join(capsys.readouterr().out.split())
        assert "--json" in text
        assert "--quick" in text
        assert f"bench-{name}.json" in text
