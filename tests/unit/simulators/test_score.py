"""Alerts against truth, two logs against each other, verdicts as truth: small cases counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from geo.moments import rfc3339
from simulators.compare import compare
from simulators.intervals import bootstrap
from simulators.score import Span, score, summary
from simulators.truth import Truth, from_verdicts
from streams import cli

T = 1_763_884_800_000
PLACE = (107.98, 26.58)


def alert(id_: str, at_s: float, sensor: str = "p1", **more: Any) -> dict[str, Any]:
    return {
        "id": id_, "first_seen": rfc3339(T + round(at_s * 1000)), "last_seen": rfc3339(T + round(at_s * 1000) + 60_000),
        "ended": None, "domain": "water", "kind": "pressure_low", "class": "hazard", "severity": "III", "zone": "z",
        "sensors": [sensor], "assets": [sensor], "lon": PLACE[0], "lat": PLACE[1], "verdict": None,
        "condition": "ACTIVE", "reason": {"zh": "低", "en": "low"}, **more,
    }  # fmt: skip


def burst(start_s: float, sensor: str = "p1", **more: Any) -> Truth:
    return Truth(kind="burst", domain="water", zone="z", sensors=(sensor,), start_ms=T + round(start_s * 1000),
                 end_ms=T + round(start_s * 1000) + 60_000, **more)  # fmt: skip


def test_found_missed_and_false_are_counted() -> None:
    truths = [burst(100, lon=PLACE[0], lat=PLACE[1] + 0.001), burst(1000, "p2"), burst(9000, "p3")]
    alerts = [
        alert("a", 110), alert("b", 130), alert("c", 1000 + 60 + 599, "p2"), alert("early", 99),
        alert("other", 9010, "p9"), alert("equipment", 9010, "p3", **{"class": "equipment"}),
    ]  # fmt: skip
    said = summary(score(alerts, truths, Span(604_800_000, 200)))
    assert said["all"]["recall"]["value"] == pytest.approx(2 / 3, abs=1e-3)
    assert said["all"]["delay_s_median"]["value"] == pytest.approx((10 + 659) / 2)
    assert said["all"]["localisation_m_median"]["value"] == pytest.approx(111, abs=1)
    assert (said["precision"]["value"], said["false_alarms"]) == (0.5, 3)
    assert said["false_per_week_per_100"]["value"] == 1.5
    assert [m["start_ms"] for m in said["missed"]] == [T + 9_000_000]
    assert summary(score(alerts, truths))["false_per_week_per_100"]["value"] is None


def test_officers_verdicts_are_truth() -> None:
    alerts = [alert("a", 0, verdict="real"), alert("b", 5000, verdict="works"), alert("c", 9000, verdict="false_alarm"),
              alert("d", 9500, verdict="equipment"), alert("e", 9900)]  # fmt: skip
    rows = from_verdicts(alerts)
    assert [r["id"] for r in rows] == ["a", "b", "c", "d"]
    truths = [Truth(**{("cls" if k == "class" else k): tuple(v) if k == "sensors" else v for k, v in r.items()})
              for r in rows]  # fmt: skip
    made = score([a for a in alerts if a["id"] in "abc"], truths)
    assert [a["id"] for a in made.right] == ["a"]
    assert [a["id"] for a in made.false] == ["c"]
    assert [(f.truth.id, f.alert is not None) for f in made.incidents] == [("a", True), ("d", False)]


def test_sizes_are_thirds_of_a_kind() -> None:
    truths = [burst(1000 * k, f"s{k}", size=float(10 * k + 10), size_unit="mm") for k in range(6)]
    by = summary(score([alert(f"x{k}", 1000 * k + 1, f"s{k}") for k in range(2, 6)], truths))["by_size"]
    assert {name.split()[-1]: (f["recall"]["value"], f["from"], f["to"]) for name, f in by.items()} == {
        "small": (0.0, 10.0, 20.0), "middle": (1.0, 30.0, 40.0), "large": (1.0, 50.0, 60.0),
    }  # fmt: skip


def test_groups_are_drawn_whole() -> None:
    apart, mixed = [[0.0] * 50, [10.0] * 50], [[0.0, 10.0] * 25, [0.0, 10.0] * 25]
    assert bootstrap(apart, lambda x: float(x.mean())) == (0.0, 10.0)
    assert bootstrap(mixed, lambda x: float(x.mean())) == (5.0, 5.0)
    assert bootstrap([[1.0]], lambda x: float(x.mean())) is None


def test_what_appears_vanishes_moves() -> None:
    a = [alert("a", 0), alert("b", 5000), alert("c", 9000, "p2"), alert("same", 20_000)]
    b = [alert("a2", 30), alert("d", 30_000), alert("c", 9000, "p2", severity="II"), alert("same", 20_000)]
    found = compare(a, b)
    assert [x["id"] for x in found.appeared] == ["d"]
    assert [x["id"] for x in found.vanished] == ["b"]
    assert [(p.b["id"], p.moved_s, set(p.changed)) for p in found.moved] == [
        ("a2", 30.0, set()),
        ("c", 0.0, {"severity"}),
    ]
    assert found.same == 1


def test_the_commands_and_their_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def log(name: str, alerts: list[dict[str, Any]]) -> str:
        rows = [{"alert": a, "transition": {"trigger": "raise", "at": a["first_seen"]}} for a in alerts]
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)), "utf-8")
        return str(tmp_path / name)

    one = log("a.jsonl", [alert("a", 0), alert("<b>", 5000, verdict="real")])
    two = log("b.jsonl", [alert("a", 0), alert("c", 50_000, reason={"zh": "", "en": "<script>"})])
    truth, page = str(tmp_path / "truth.jsonl"), tmp_path / "page.html"
    assert cli.run(["truth", "export", truth, "--log", one]) == 0
    capsys.readouterr()
    assert cli.run(["score", one, truth, "--html", str(page), "--json", "--sensors", "10", "--hours", "168"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["all"]["recall"]["value"], said["false_alarms"], said["false_per_week_per_100"]["value"]) == (1, 1, 10)
    text = page.read_text("utf-8")
    assert text.count("<svg") == 2
    assert "http" not in text
    assert cli.run(["compare", one, two, "--html", str(page)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "1 the same"
    assert "&lt;script&gt;" in page.read_text("utf-8")
    assert "<script" not in page.read_text("utf-8")
    for args, told in (
        (["score", truth, truth], "line 1 is no record of an alert log"),
        (["score", one, one], "is no truth record"),
        (["compare", one, "x.toml"], "give two alert logs"),
        (["score", one, str(tmp_path / "none")], "no such file"),
    ):
        assert cli.run(args) == 2
        assert told in capsys.readouterr().err
