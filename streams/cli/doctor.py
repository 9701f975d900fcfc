"""`cityops doctor`: what is well, what is not, and what to do about each trouble."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from streams.cli.common import connection_options, json_option, require_broker, running, settings_from
from streams.errors import CityopsError, UsageError
from streams.folders import cache_folder, data_folder, writable
from streams.settings import SettingError, Settings

MB = 1 << 20
LAG_OK = 10_000  # records; a transaction's markers count as records
APPS = ("packer", "detect", "alerts")


@dataclass(frozen=True)
class Finding:
    """One check: status ok, note (nothing to do now), warn or bad; `fix` says what to do."""

    name: str
    status: str
    detail: str
    fix: str = ""


@click.command()
@json_option
@connection_options
def command(as_json: bool, **options: Any) -> int:
    """Check ports, disk, Java, jars, broker, topics and lag, and say what to do about each trouble.

    Ends with 0 when nothing is bad, 1 otherwise.
    """
    try:
        settings = settings_from(**options)
        findings = list(examine(settings, named=bool(options["broker"]) or "CITYOPS_BROKER" in os.environ))
    except SettingError as error:
        findings = [Finding("settings", "bad", str(error), "correct the variable; `cityops config check` tells all")]
    good = not any(finding.status == "bad" for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": good, "checks": [asdict(f) for f in findings]}, ensure_ascii=False))
        return 0 if good else 1
    for f in findings:
        click.echo(f"{f.status:>5}  {f.name:<10} {f.detail}")
        if f.fix:
            click.echo(f"{'→':>18} {f.fix}")
    return 0 if good else 1


def examine(settings: Settings, named: bool) -> Iterator[Finding]:
    """All findings, cheap ones first. `named`: the broker was named by the user, so it has to answer."""
    seen = running(data_folder(settings))
    yield from _safely("python", lambda: [_python()])
    yield from _safely("memory", lambda: [_memory(bool(seen))])
    yield from _safely("disk", lambda: _disk(settings))
    yield from _safely("java", lambda: [_java()])
    yield from _safely("jars", lambda: [_jars(settings)])
    yield from _safely("port", lambda: [_port(settings, seen)])
    yield from _safely("broker", lambda: _broker(settings, named or seen is not None))


def _safely(name: str, check: Callable[[], Any]) -> Iterator[Finding]:
    try:
        yield from check()
    except (CityopsError, OSError) as error:
        yield Finding(name, "bad", str(error))


def _python() -> Finding:
    return Finding("python", "ok", f"Python {'.'.join(map(str, sys.version_info[:3]))} at {sys.prefix}")


def _memory(runs: bool) -> Finding:
    import psutil

    free = psutil.virtual_memory().available // MB
    if free < 1200 and not runs:
        return Finding("memory", "warn", f"{free} MB available", "the demo needs 1.2 GB: close other programs")
    return Finding("memory", "ok", f"{free} MB available")


def _disk(settings: Settings) -> Iterator[Finding]:
    for name, folder, option, need in (
        ("data", data_folder(settings), "--data", 1024),
        ("cache", cache_folder(settings), "CITYOPS_CACHE", 200),
    ):
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(nearest).free // MB
        fix = f"make it writable with room for {need} MB, or name another folder with {option}"
        if folder.exists():
            try:
                writable(folder, f"the {name} folder ({option})")
            except CityopsError as error:
                yield Finding(name, "bad", str(error))
                continue
        elif not os.access(nearest, os.W_OK):
            yield Finding(name, "bad", f"{folder} cannot be made: {nearest} cannot be written to", fix)
            continue
        if free < need:
            yield Finding(name, "bad" if free < 300 else "warn", f"{folder}: {free} MB free", fix)
        else:
            yield Finding(name, "ok", f"{folder}: {free} MB free")


def _java() -> Finding:
    from streams.broker_jars import java, java_version

    notes: list[str] = []
    program = java(notes.append)
    detail = f"Java {java_version(program.parent.parent) or '?'} at {program}"
    if notes:
        return Finding("java", "warn", f"{notes[0]} ({detail})", "name a newer Java in JAVA_HOME, or unset it")
    return Finding("java", "ok", detail)


def _jars(settings: Settings) -> Finding:
    from streams import broker_jars

    if settings.kafka_home:
        given = broker_jars.class_path(settings)
        return Finding("jars", "ok", f"{len(given)} jars in {settings.kafka_home}/libs (CITYOPS_KAFKA_HOME)")
    known = broker_jars.verified(settings)
    if known:
        return Finding(
            "jars", "ok", f"Kafka {broker_jars.KAFKA}: {len(known)} jars verified in {cache_folder(settings)}"
        )
    return Finding(
        "jars", "note", f"Kafka {broker_jars.KAFKA} is not in the cache yet", "the first start fetches 46 MB"
    )


def _port(settings: Settings, seen: dict[str, Any] | None) -> Finding:
    from streams.broker import port_free

    if seen:
        return Finding("console", "ok", f"`cityops up` (process {seen['pid']}) serves {seen.get('url')}")
    where = f"port {settings.port} on {settings.host}"
    if settings.port and not port_free(settings.port, settings.host):
        return Finding(
            "console", "warn", f"{where} is busy", "stop the program there, or use --port (0 = any free one)"
        )
    return Finding("console", "ok", f"{where} is free")


def _broker(settings: Settings, expected: bool) -> Iterator[Finding]:
    try:
        require_broker(settings)
    except CityopsError as error:
        if expected:
            yield Finding("broker", "bad", str(error))
        else:
            yield Finding("broker", "note", f"nothing runs at {settings.broker}", "`cityops up` starts everything")
        return
    from streams.kafka import admin

    with admin(settings) as client:
        yield Finding("broker", "ok", f"Kafka answers at {settings.broker}")
        yield from _topics(client, settings)
        yield from _lag(client, settings)


def _topics(client: Any, settings: Settings) -> Iterator[Finding]:
    from streams import topics
    from streams.kafka import check_partitions, partition_counts

    wanted = [spec.name for spec in topics.specs(settings.partitions, settings.prefix)]
    have = partition_counts(client, wanted)
    missing = sorted(set(wanted) - set(have))
    if missing:
        yield Finding("topics", "bad", f"{len(missing)} are missing ({missing[0]}, …)", "run `cityops topics create`")
    try:
        check_partitions(settings, have)
    except UsageError as error:
        text, _, fix = str(error).partition(": ")
        yield Finding("topics", "bad", text, fix)
        return
    if not missing:
        yield Finding("topics", "ok", f"all {len(wanted)} are there")


def _lag(client: Any, settings: Settings) -> Iterator[Finding]:
    from streams.offsets import lags

    found = lags(client, [settings.app_id(app) for app in APPS])
    for app in APPS:
        lag = found.get(settings.app_id(app))
        if lag is None:
            text = f"{app} has not worked here yet"
            yield Finding("lag", "note", text, f"`cityops up`, or `cityops worker {app}`, starts it")
        elif lag > LAG_OK:
            log = Path("logs") / f"{app}.log"
            fix = f"see whether `cityops worker {app}` runs ({log} in the data folder), or start more of them"
            yield Finding("lag", "warn", f"{app} is {lag:,} records behind", fix)
        else:
            yield Finding("lag", "ok", f"{app} keeps up ({lag:,} records behind)")
