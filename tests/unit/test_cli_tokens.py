"""`cityops tokens`: a token is shown once, kept as a hash, listed without it, and revoked."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from streams.cli import run


def test_a_tokens_life(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path)]
    assert run(["tokens", "create", "gw-1", "--zone", "522601-W-DMA03", *data]) == 0
    out, err = capfd.readouterr()
    token = out.strip()
    assert token.startswith("cod_")
    assert "not shown again" in err
    assert token not in err
    assert run(["tokens", "create", "gw-2", "--unit", "522601001", "--json", *data]) == 0
    assert json.loads(capfd.readouterr().out)["unit"] == "522601001"
    assert run(["tokens", "revoke", "gw-1", *data]) == 0
    capfd.readouterr()
    assert run(["tokens", "list", "--json", *data]) == 0
    out = capfd.readouterr().out
    rows = json.loads(out)
    assert [(r["name"], r["zone"], r["unit"], bool(r["revoked"])) for r in rows] == [
        ("gw-1", "522601-W-DMA03", "", True),
        ("gw-2", "", "522601001", False),
    ]
    assert token not in out
    assert run(["tokens", "create", "gw-1", "--unit", "522601", *data]) == 0, "the name of a revoked one is free"
    for file in tmp_path.glob("cityops.db*"):
        assert token.encode() not in file.read_bytes()
    with sqlite3.connect(tmp_path / "cityops.db") as db:
        assert db.execute("SELECT count(*) FROM device_tokens").fetchone() == (3,)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["create", "x"], "either a zone or a unit"),
        (["create", "x", "--zone", "522601-W-DMA03", "--unit", "522601"], "either a zone or a unit"),
        (["create", "x", "--zone", "nowhere"], "want county-domain-serial"),
        (["create", "x", "--unit", "999999"], "999999 is not in the table"),
        (["create", "x y", "--unit", "522601"], "want a name"),
        (["revoke", "nobody"], "no token named 'nobody' is active"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str], args: list[str], words: str) -> None:
    assert run(["tokens", *args, "--data", str(tmp_path)]) == 2
    err = capfd.readouterr().err
    assert words in err
    assert err.startswith("cityops tokens: ")


def test_an_empty_list_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["tokens", "list", "--data", str(tmp_path)]) == 0
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "no tokens yet" in shown.err
