"""`cityops profiles`, and the folder of one's own that CITYOPS_PROFILES names."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from streams import cli
from streams.cli.config import problems
from streams.errors import UsageError
from streams.profiles import catalog
from streams.settings import Settings

PROFILE = """[methane]
quantity_zh = "甲烷浓度"
quantity_en = "methane"
unit = "%LEL"
decimals = 1
high = "gas_concentration"
limits = { high_1 = 5, high_2 = 20, high_3 = 50 }
cusum = { on = 1 }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "gas.toml").write_text(PROFILE, "utf-8")
    monkeypatch.setenv("CITYOPS_PROFILES", str(tmp_path))
    return tmp_path


def test_a_folder_of_ones_own_replaces_whole_profiles_and_leaves_the_others(folder: Path) -> None:
    got = catalog(Settings())
    assert got.get("gas.methane").params["limits.high_1"] == 5.0
    assert got.get("gas.pressure").key == "gas.pressure"
    assert got.get("water.pressure").key == "water.pressure"


def test_a_wrong_folder_is_refused_as_a_whole(folder: Path) -> None:
    (folder / "water.toml").write_text("[pressure]\nunit = 3\n", "utf-8")
    with pytest.raises(UsageError, match=r"CITYOPS_PROFILES: .*water\.toml: pressure\.quantity_zh: is missing"):
        catalog(Settings())
    assert any("water.toml: pressure.quantity_zh" in text for text in problems({"CITYOPS_PROFILES": str(folder)}))
    (folder / "water.toml").unlink()
    (folder / "power.toml").write_text("", "utf-8")
    with pytest.raises(UsageError, match=r"power is no domain; want water\.toml"):
        catalog(Settings())
    with pytest.raises(UsageError, match="is no folder"):
        catalog(Settings({"profiles": str(folder / "nowhere")}))


def test_list_shows_what_differs_from_the_defaults(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["profiles", "list", "gas.methane"]) == 0
    line = capsys.readouterr().out
    assert "gas_concentration" in line
    assert "limits.high_1=5" in line
    assert "cusum.on=1" in line
    assert "delay.on_n" not in line
    assert cli.run(["profiles", "list", "gas", "--json"]) == 0
    rows = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert {"gas.battery", "gas.generic", "gas.methane", "gas.pressure"} <= {r["key"] for r in rows}
    assert all(r["key"].startswith("gas.") for r in rows)
    assert cli.run(["profiles", "list", "nothing"]) == 2
    assert "no profile is named 'nothing'" in capsys.readouterr().err


def test_check_says_file_key_and_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["profiles", "check", str(folder / "gas.toml")]) == 0
    assert "gas.methane" in capsys.readouterr().out
    (folder / "gas.toml").write_text(PROFILE.replace("cusum", "kusum"), "utf-8")
    assert cli.run(["profiles", "check", str(folder)]) == 2
    told = capsys.readouterr().err
    assert "gas.toml: methane.kusum.on: there is no such parameter" in told


def test_put_takes_the_file_of_one_domain(tmp_path: Path) -> None:
    """The shared file would be told to the workers and used by none."""
    from click.testing import CliRunner

    from streams.cli.profiles import command

    path = tmp_path / "equipment.toml"
    path.write_text((files("detectors.profiles") / "equipment.toml").read_text("utf-8"), "utf-8")
    done = CliRunner().invoke(command, ["put", str(path)])
    assert "of no single domain" in f"{done.output}{done.exception}"
