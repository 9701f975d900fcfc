"""What the commands share: connection options, the settings they make, the record of a running `cityops up`."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from streams.errors import CityopsError, UsageError
from streams.folders import data_folder
from streams.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

_CONNECTION = (
    click.option("--broker", metavar="HOST:PORT", help="Kafka to use (default: that of a running `cityops up`)."),
    click.option("--data", metavar="FOLDER", help="Data folder (default: the user's data folder)."),
    click.option("--security-protocol", metavar="NAME", help="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."),
    click.option("--sasl-mechanism", metavar="NAME", help="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."),
    click.option("--sasl-username", metavar="NAME", help="SASL user; the password is CITYOPS_SASL_PASSWORD."),
    click.option("--ssl-cafile", metavar="FILE", help="PEM file of the brokers' certificate authority."),
    click.option("--ssl-certfile", metavar="FILE", help="PEM file of the client certificate."),
    click.option("--ssl-keyfile", metavar="FILE", help="PEM file of the client key."),
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def connection_options(function: F) -> F:
    """The options every command has that talks to Kafka; their names are those of the settings."""
    for option in reversed(_CONNECTION):
        function = option(function)
    return function


def run_file(data: Path) -> Path:
    return data / "run.json"


def running(data: Path) -> dict[str, Any] | None:
    """What `cityops up` on this data folder wrote, while it still runs; else None."""
    import psutil

    try:
        seen: dict[str, Any] = json.loads(run_file(data).read_text("utf-8"))
        begun = psutil.Process(int(seen["pid"])).create_time()  # a pid may have gone to another program
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return seen if abs(begun - float(seen.get("begun", 0))) < 1 else None


def write_run_file(data: Path, **facts: Any) -> None:
    """Say where the running system is, for other commands on this machine. Keep passwords out of it."""
    import psutil

    path = run_file(data)
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"pid": os.getpid(), "begun": psutil.Process().create_time(), **facts}), "utf-8")
    part.replace(path)


def settings_from(**options: Any) -> Settings:
    """Settings: options win over the environment, and that over a running `cityops up`, and that over defaults.

    Raises UsageError for a value that cannot be used.
    """
    settings = checked(Settings(options))
    if not options.get("broker") and "CITYOPS_BROKER" not in os.environ:
        found = running(data_folder(settings))
        if found and isinstance(found.get("broker"), str):
            settings = settings.replace(broker=found["broker"])
    return settings


def checked(settings: Settings) -> Settings:
    """The settings as they are, and their own tables of units in force in this process; raises UsageError for the
    first whose value breaks its rule."""
    from streams.cli.config import broken_rules
    from streams.geo_files import use_own

    for fault in broken_rules(settings):
        raise UsageError(fault)
    use_own(settings)
    return settings


def require_broker(settings: Settings, wait_s: float = 3.0) -> None:
    """Raise CityopsError when none of the named brokers takes a connection."""
    from streams.kafka import bootstrap_servers, unreachable

    last: OSError = ConnectionRefusedError()
    for server in bootstrap_servers(settings):
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), wait_s).close()
            return
        except OSError as error:
            last = error
    raise unreachable(settings, last)


def require_topics(settings: Settings) -> None:
    """Raise where topics are missing (CityopsError) or have other partitions than the settings say (UsageError).

    A child of `cityops up` trusts its parent and does not ask.
    """
    from streams import topics
    from streams.kafka import admin, check_partitions, partition_counts
    from streams.process import PARENT

    if PARENT in os.environ:
        return
    require_broker(settings)
    wanted = [spec.name for spec in topics.specs(settings.partitions, settings.prefix)]
    with admin(settings) as client:
        have = partition_counts(client, wanted)
    if settings.prefix and not have:
        raise UsageError(f"there is no run {settings.run} at {settings.broker} (--prefix {settings.prefix}): {_RUNS}")
    missing = set(wanted) - set(have)
    if missing:
        raise CityopsError(
            f"{len(missing)} topics are missing at {settings.broker} ({min(missing)}, …): run `cityops topics create`"
        )
    check_partitions(settings, have)


_RUNS = "`cityops topics list --prefix run.` shows the runs"


def serve_as_child(settings: Settings) -> None:
    """What every long-running command does first: log to stderr, end when the parent ends."""
    from streams.process import watch_parent

    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    watch_parent()


def metrics_folder(settings: Settings) -> Path:
    """Where workers keep their metrics for the API of the same data folder."""
    return data_folder(settings) / "metrics"


def keep_metrics(settings: Settings) -> None:
    """Make this process keep its metrics in files; must come before `streams.metrics` is imported."""
    folder = metrics_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def say(text: str) -> None:
    """A progress line on stderr."""
    print(text, file=sys.stderr, flush=True)
