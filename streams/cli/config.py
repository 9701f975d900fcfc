"""`cityops config`: the settings in force and where each comes from, their check, their reference page."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from streams.errors import CityopsError, UsageError, explain
from streams.notify.masking import masked
from streams.settings import SETTINGS, Setting, SettingError, Settings

# Read by the project, but no setting: where the tests find recordings, a broker, a database; who started a child
NOT_SETTINGS = frozenset({"CITYOPS_TEST_DATA", "CITYOPS_TEST_BROKER", "CITYOPS_TEST_DATABASE", "CITYOPS_PARENT"})
_SECRET_WORDS = frozenset({"password", "secret", "token"})
_TYPES = {bool: "true/false", int: "whole number", float: "number", str: "text"}
_INTRO = """# Settings

<!-- Made from streams/settings.py by `cityops config docs`; a test fails when it is stale. -->

Every setting is an environment variable; where a command has an option of the same name (`--port` for
`CITYOPS_PORT`), the option wins. `cityops config show` prints the values in force and where each comes from,
`cityops config check` says which cannot be used and how to mend them.

| variable | default | type | what it does |
|---|---|---|---|
"""

Rule = tuple[str, Callable[[Any], bool], str]


def _one_of(*values: str) -> tuple[Callable[[Any], bool], str]:
    return lambda value: value in values, "want " + ", ".join(values[:-1]) + f" or {values[-1]}"


_RULES: tuple[Rule, ...] = (
    ("prefix", lambda v: not v or bool(re.fullmatch(r"run\.[A-Za-z0-9_-]+\.", v)), "want run.<id>. or nothing"),
    ("clock", *_one_of("wall", "event", "auto")),
    ("mode", *_one_of("actual", "exercise", "test", "auto")),
    ("log_level", *_one_of("DEBUG", "INFO", "WARNING", "ERROR")),
    ("port", lambda v: 0 <= v <= 65535, "want 0 to 65535"),
    ("secret", lambda v: not v or len(v) >= 32, "want at least 32 characters, or nothing"),
    ("kafka_heap", lambda v: bool(re.fullmatch(r"\d+[kmgKMG]", v)), "want a number and m or g, as in 256m"),
    ("notify_language", *_one_of("zh", "en")),
    ("notify_digest_s", lambda v: 0 <= v <= 600, "want 0 to 600"),
    ("notify_timeout_s", lambda v: 0 < v <= 120, "want more than 0, at most 120"),
    ("maven_repository", lambda v: not v or v.startswith(("https://", "http://", "file://")), "want a URL"),
    (
        "tile_url",
        lambda v: not v or (bool(re.fullmatch(r"https?://[^\s;,'\"]+", v)) and all(f"{{{k}}}" in v for k in "zxy")),
        "want https://host/{z}/{x}/{y}.png, or nothing",
    ),
    (
        "db",
        lambda v: not v or bool(re.match(r"sqlite:///.|postgres(ql)?(\+psycopg)?://", v)),
        "want sqlite:///file or postgresql://user@host/name, or nothing",
    ),
    ("ingest_mb", lambda v: v >= 16, "want at least 16"),
    ("max_future_s", lambda v: v >= 0, "want 0 or more"),
    ("rebuild_s", lambda v: v >= 0, "want 0 or more"),
    ("replication", lambda v: v == -1 or v > 0, "want more than 0, or -1 for the broker's default"),
    *(
        (name, lambda v: v > 0, "want more than 0")
        for name in (
            "partitions", "max_age_s", "tick_s", "pack_ms", "pack_rows", "commit_ms", "commit_messages",
            "snapshot_s", "ingest_wait_s", "command_wait_s", "access_token_s",
            "geo_file_mb", "photo_mb", "notify_attempts", "notify_give_up_s",
        )
    ),
)  # fmt: skip


def is_secret(setting: Setting) -> bool:
    return setting.name.rsplit("_", 1)[-1] in _SECRET_WORDS


def shown(setting: Setting, value: Any) -> str:
    """The value as text that may be printed: secrets and passwords within URLs are masked.

    >>> shown(Setting("sasl_password", "", ""), "hunter2")
    '***'
    >>> shown(Setting("maven_repository", "", ""), "https://me:pw@mirror/maven2")
    'https://***@mirror/maven2'
    """
    if is_secret(setting):
        return "***" if value else ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if setting.name.startswith("notify_") and "://" in text:
        return masked(text)  # tokens are in paths and queries
    return re.sub(r"//[^/\s]*@", "//***@", text)


def problems(env: Mapping[str, str]) -> Iterator[str]:
    """One sentence for each setting of `env` that cannot be used, with the fix."""
    known = {s.env: s for s in SETTINGS}
    for name in sorted(env):
        if name.startswith("CITYOPS_") and name not in known and name not in NOT_SETTINGS:
            near = difflib.get_close_matches(name, known, 1)
            yield f"{name}: no setting has this name{f'; did you mean {near[0]}?' if near else ''}"
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        try:
            values[setting.name] = setting.parse(env[setting.env]) if setting.env in env else setting.default
        except SettingError as error:
            yield _masked(setting, str(error), env[setting.env])
    settings = Settings(values, env={})
    yield from broken_rules(settings)
    yield from _used(settings)


def broken_rules(settings: Settings) -> Iterator[str]:
    """One sentence for each value outside of its rule."""
    for name, good, want in _RULES:
        value = getattr(settings, name)
        if not good(value):
            setting = next(s for s in SETTINGS if s.name == name)
            yield f"{setting.env}={shown(setting, value)!r}: {want} ({setting.help})"


def _masked(setting: Setting, text: str, value: str) -> str:
    return text.replace(value, shown(setting, value)) if value else text


def _used(settings: Settings) -> Iterator[str]:
    """Troubles that show only where a value is used: addresses, certificates, folders."""
    from api.playbooks import load
    from streams.folders import cache_folder, data_folder
    from streams.intake.mqtt_options import options_from
    from streams.kafka import kafka_python_kwargs
    from streams.notify import options as notifying
    from streams.profiles import catalog

    for use in (kafka_python_kwargs, options_from, notifying.options_from, catalog, lambda s: load(s.playbooks)):
        try:
            use(settings)
        except CityopsError as error:
            yield str(error)
    if settings.kafka_home and not (Path(settings.kafka_home).expanduser() / "libs").is_dir():
        yield f"CITYOPS_KAFKA_HOME={settings.kafka_home!r}: want an unpacked Kafka folder, the one that holds libs/"
    for name, folder in (("CITYOPS_DATA", data_folder(settings)), ("CITYOPS_CACHE", cache_folder(settings))):
        nearest = next(p for p in (folder, *folder.parents) if p.exists())
        if not nearest.is_dir():
            yield f"{name}: {nearest} is a file; name a folder"
        elif not os.access(nearest, os.W_OK):
            yield f"{name}: {nearest} cannot be written to; make it writable or name another folder"


def reference() -> str:
    """The text of docs/settings.md."""
    return _INTRO + "".join(
        f"| `{s.env}` | {_default(s)} | {_TYPES[type(s.default)]} | {_cell(s.help)} |\n" for s in SETTINGS
    )


def _default(setting: Setting) -> str:
    text = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
    return f"`{text}`" if text else "(empty)"


def _cell(text: str) -> str:
    """Help as a table cell: bars escaped, and `<` outside of code, which Markdown takes for HTML."""
    parts = text.replace("|", r"\|").split("`")
    return "`".join(part if i % 2 else part.replace("<", "&lt;") for i, part in enumerate(parts))


@click.group(help=(__doc__ or "").split(": ", 1)[1].capitalize())
def command() -> None:
    pass


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of name, value, from, default, help.")
def show(as_json: bool) -> None:
    """Print every setting, its value and where it comes from; secrets are masked."""
    rows = []
    for s in SETTINGS:
        try:
            value = s.parse(os.environ[s.env]) if s.env in os.environ else s.default
        except SettingError as error:
            raise UsageError(_masked(s, str(error), os.environ[s.env])) from None
        source = "environment" if s.env in os.environ else "default"
        rows.append(
            {"name": s.env, "value": shown(s, value), "from": source, "default": shown(s, s.default), "help": s.help}
        )
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    name_width = max(len(r["name"]) for r in rows)
    value_width = min(40, max(len(r["value"]) for r in rows))
    for r in rows:
        click.echo(f"{r['name']:{name_width}}  {r['value']:{value_width}}  {r['from']}".rstrip())


@command.command()
@click.pass_context
def check(ctx: click.Context) -> None:
    """Check the settings in force without connecting to anything; one sentence for each that cannot be used."""
    found = list(problems(os.environ))
    for text in found:
        click.echo(text, err=True)
    if found:
        ctx.exit(2)
    click.echo("The settings are usable; `cityops doctor` checks what they point at.")


@command.command()
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write there, not to stdout.")
def docs(output: Path | None) -> None:
    """Print the settings' reference page (docs/settings.md)."""
    if output is None:
        click.echo(reference(), nl=False)
        return
    try:
        output.write_text(reference(), encoding="utf-8")
    except OSError as error:
        raise explain(error) from None
