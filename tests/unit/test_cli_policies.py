"""`cityops policies` without Kafka: the policy that ships, and the check of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams import cli
from streams.alerts.policy_file import default_policy, parse, parse_toml


def test_show_the_default_in_words_tables_json_and_as_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    def shown(*more: str) -> str:
        assert cli.run(["policies", "show", "--default", *more]) == 0
        return capsys.readouterr().out

    both = shown()
    assert "I 红色 险情 燃气 全天 | I red, hazard, gas, day and night" in both
    assert "01:00 县（市）带班领导 电话" in both
    assert "01:00 county duty lead by voice" in both
    assert "county duty lead" not in shown("--lang", "zh")
    assert "带班领导" not in shown("--lang", "en")
    assert shown("--markdown").startswith("| alerts | told at |")
    assert parse_toml(shown("--toml"), "t") == default_policy()
    assert parse(json.loads(shown("--json")), "j") == default_policy()


def test_check_says_table_key_reason_and_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policies", "show", "--default", "--toml"]) == 0
    text = capsys.readouterr().out
    file = tmp_path / "p.toml"
    file.write_text(text, "utf-8")
    assert cli.run(["policies", "check", str(file)]) == 0
    assert capsys.readouterr().out == "522600: 11 chains, 60 response times\n"
    assert cli.run(["policies", "check", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "id": "522600", "chains": 11, "response": 60}
    file.write_text(text.replace("repeat_s = 300", "repeat_s = 3"), "utf-8")
    assert cli.run(["policies", "check", str(file)]) == 2
    assert "p.toml: chain 3 (II): repeat_s: is 3; want seconds, 30 to 2592000" in capsys.readouterr().err
    assert cli.run(["policies", "put", str(file), "--broker", "127.0.0.1:1"]) == 2  # before Kafka is asked
    assert "repeat_s: is 3" in capsys.readouterr().err


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.toml"
    assert cli.run(["policies", "check", str(file)]) == 2
    assert "no such file or folder" in capsys.readouterr().err
    file.write_bytes("id = '州'".encode("gb18030"))
    assert cli.run(["policies", "check", str(file)]) == 2
    assert "p.toml: is not UTF-8 text; save it as UTF-8" in capsys.readouterr().err
    file.write_text("[[chains]\n", "utf-8")
    assert cli.run(["policies", "check", str(file)]) == 2
    assert "p.toml: not valid TOML" in capsys.readouterr().err
    assert cli.run(["policies", "show", "999999"]) == 2
    assert "there is no unit 999999" in capsys.readouterr().err
