"""Settings: parsing, the child's environment, the reference page, and `cityops config`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli import config
from streams.settings import SETTINGS, Setting, SettingError, Settings

ROOT = Path(__file__).parents[2]
BY_NAME = {s.name: s for s in SETTINGS}


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No CITYOPS_* variable but data and cache folders that are there."""
    for setting in SETTINGS:
        monkeypatch.delenv(setting.env, raising=False)
    monkeypatch.setenv("CITYOPS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CITYOPS_CACHE", str(tmp_path / "cache"))
    return monkeypatch


def run(*args: str):
    return CliRunner().invoke(config.command, args)


def test_reference_page_is_fresh():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == config.reference(), "docs/settings.md is stale: run `cityops config docs -o docs/settings.md`"


def test_reference_page_has_every_setting_once_and_no_html():
    page = config.reference()
    for setting in SETTINGS:
        assert page.count(f"| `{setting.env}` |") == 1
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for row in rows:
        outside_code = "".join(row.split("`")[::2])
        assert "<" not in outside_code, row
        assert row.replace(r"\|", "").count("|") == 5, row


def test_names_are_unique_and_each_has_help():
    assert len({s.name for s in SETTINGS}) == len(SETTINGS)
    assert all(s.help.strip() for s in SETTINGS)


def test_option_wins_over_environment_and_environment_over_default():
    assert Settings(env={}).port == BY_NAME["port"].default
    assert Settings(env={"CITYOPS_PORT": "1"}).port == 1
    assert Settings({"port": 2}, env={"CITYOPS_PORT": "1"}).port == 2
    assert Settings({"port": None}, env={"CITYOPS_PORT": "1"}).port == 1


def test_a_child_gets_the_same_settings():
    parent = Settings({"port": 0, "prefix": "run.a.", "tick_s": 0.1, "data": "/x y"}, env={})
    child = Settings(env=parent.environment())
    assert {s.name: getattr(child, s.name) for s in SETTINGS} == {s.name: getattr(parent, s.name) for s in SETTINGS}


@pytest.mark.parametrize(("name", "text"), [("port", "http"), ("tick_s", "2s"), ("partitions", "4.5"), ("port", "")])
def test_a_bad_value_names_variable_and_fix(name: str, text: str):
    with pytest.raises(SettingError, match=f"CITYOPS_{name.upper()}=.*want a"):
        Settings(env={f"CITYOPS_{name.upper()}": text})


def test_an_unknown_override_is_refused():
    with pytest.raises(SettingError, match="portt"):
        Settings({"portt": 1}, env={})


@pytest.mark.parametrize("word", ["true", "YES", "1", "false", "no", "0"])
def test_booleans(word: str):
    assert Setting("x", False, "").parse(word) is (word in ("true", "YES", "1"))


def test_show_says_where_values_come_from_and_masks_secrets(clean: pytest.MonkeyPatch):
    secret = "s" * 40
    clean.setenv("CITYOPS_PORT", "9000")
    clean.setenv("CITYOPS_SECRET", secret)
    clean.setenv("CITYOPS_SASL_PASSWORD", "hunter2")
    clean.setenv("CITYOPS_MAVEN_REPOSITORY", "https://me:hunter2@mirror/maven2")
    clean.setenv("CITYOPS_NOTIFY_SMS_URL", "https://sms.example.com/send?key=hunter2")
    clean.setenv("CITYOPS_NOTIFY_MAIL_URL", "mailtos://me:hunter2@example.com")
    clean.setenv("CITYOPS_NOTIFY_INBOUND_SECRET", secret)
    rows = {r["name"]: r for r in json.loads(run("show", "--json").stdout)}
    assert set(rows) == {s.env for s in SETTINGS}
    assert (rows["CITYOPS_PORT"]["value"], rows["CITYOPS_PORT"]["from"]) == ("9000", "environment")
    assert rows["CITYOPS_PARTITIONS"]["from"] == "default"
    plain = run("show").stdout
    assert "9000" in plain
    for text in (plain, json.dumps(rows)):
        assert secret not in text
        assert "hunter2" not in text


def test_the_secrets_are_known():
    assert {s.name for s in SETTINGS if config.is_secret(s)} >= {"secret", "sasl_password"}
    words = ("password", "key that signs")
    looks_secret = {
        s.name for s in SETTINGS if any(w in s.help.lower() for w in words) and not s.name.endswith("_file")
    }
    assert looks_secret <= {s.name for s in SETTINGS if config.is_secret(s)}


def test_check_is_content_with_the_defaults(clean: pytest.MonkeyPatch):
    result = run("check")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("CITYOPS_PROT", "1", "did you mean CITYOPS_PORT?"),
        ("CITYOPS_PORT", "http", "want a whole number"),
        ("CITYOPS_PORT", "70000", "want 0 to 65535"),
        ("CITYOPS_BROKER", "kafka", "want host:port"),
        ("CITYOPS_PREFIX", "exercise", "want run.<id>."),
        ("CITYOPS_CLOCK", "sun", "want wall, event or auto"),
        ("CITYOPS_LOG_LEVEL", "loud", "want DEBUG"),
        ("CITYOPS_PARTITIONS", "0", "want more than 0"),
        ("CITYOPS_SECRET", "short", "want at least 32 characters"),
        ("CITYOPS_DB", "mysql://host/x", "want sqlite:///file or postgresql://"),
        ("CITYOPS_SECURITY_PROTOCOL", "TLS", "want one of"),
        ("CITYOPS_KAFKA_HOME", "/nowhere", "libs/"),
        ("CITYOPS_KAFKA_HEAP", "lots", "as in 256m"),
        ("CITYOPS_DATA", __file__, "is a file"),
    ],
)
def test_check_names_the_trouble(clean: pytest.MonkeyPatch, variable: str, value: str, says: str):
    clean.setenv(variable, value)
    result = run("check")
    assert result.exit_code == 2
    assert variable.removeprefix("CITYOPS_").lower() in result.stderr.lower()
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "'short'" not in result.stderr


def test_check_tells_all_troubles_at_once(clean: pytest.MonkeyPatch):
    clean.setenv("CITYOPS_PORT", "http")
    clean.setenv("CITYOPS_CLOCK", "sun")
    assert len(run("check").stderr.strip().splitlines()) == 2


def test_docs_writes_the_page(tmp_path: Path):
    assert run("docs", "-o", str(tmp_path / "page.md")).exit_code == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == run("docs").stdout == config.reference()
