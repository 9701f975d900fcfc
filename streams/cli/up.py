"""`cityops up`: everything on this machine, from broker to console, until Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import (
    checked,
    connection_options,
    json_option,
    metrics_folder,
    require_broker,
    run_file,
    say,
    write_run_file,
)
from streams.errors import UsageError
from streams.folders import alone, cache_folder, data_folder, writable
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.broker import EmbeddedBroker
    from streams.supervisor import Child, Supervisor

MIN_FREE_BYTES = 300 * 1024 * 1024
READY_S = 240.0  # cold: the detectors' first compile on a slow machine


@click.command()
@click.option("--demo/--no-demo", default=True, show_default=True, help="Demo sensors, accounts and simulators.")
@click.option("--demo-size", type=click.Choice(["small", "full"]), default="small", show_default=True,
              help="Demo registry: 648 or 5,184 sensors; full needs about 230 MB more.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the console (default 8420, 0 = any free one).")
@click.option("--host", metavar="ADDRESS", help="Address of the console (default 127.0.0.1).")
@click.option("--no-browser", is_flag=True, help="Do not open the console in a browser.")
@json_option
@connection_options
def command(demo: bool, demo_size: str, no_browser: bool, as_json: bool, **options: Any) -> int:
    """Start everything on this machine; Ctrl-C ends it cleanly and a second start continues.

    Without --broker a real Kafka is started on loopback, with its data in the data folder. --json prints
    one line when ready: {"ready": true, "url", "broker", "accounts": [{"user", "password", "role", "unit"}]}.
    """
    settings = checked(Settings(options))
    data = writable(data_folder(settings), "the data folder (--data)")
    settings = settings.replace(data=str(data), cache=str(cache_folder(settings)), prefix="")
    embedded = not options["broker"] and "CITYOPS_BROKER" not in os.environ
    _check_room(data)
    with _only_one(data):
        _check_port(settings)
        from streams.supervisor import Stopped, Supervisor

        with Supervisor(say) as supervisor:
            try:
                up = Up(supervisor, settings, demo_size if demo else "")
                ready = up.start(embedded)
                write_run_file(data, url=ready["url"], broker=ready["broker"], demo=demo)
                _tell(ready, data, as_json)
                if not (no_browser or as_json):
                    _open_browser(ready["url"])
                up.go()
                supervisor.run()
            except Stopped:
                pass
            finally:
                run_file(data).unlink(missing_ok=True)
                say("stopping…")
    say("stopped")
    return 0


class Up:
    """The start, in the order that keeps both processor cores busy."""

    def __init__(self, supervisor: Supervisor, settings: Settings, demo: str) -> None:
        """`demo`: size of the demo's registry, "" for none."""
        self.supervisor, self.settings, self.demo = supervisor, settings, demo
        self.logs = Path(settings.data) / "logs"
        self.simulator: Child | None = None
        self._begun = time.monotonic()

    def start(self, embedded: bool) -> dict[str, Any]:
        """Start all; returns the readiness line. Raises CityopsError when a part cannot start."""
        if not embedded:
            require_broker(self.settings)  # before a minute of compiling
        shutil.rmtree(metrics_folder(self.settings), ignore_errors=True)  # counters begin with the processes
        if self.demo and not self.settings.notify_file:
            self.settings = self.settings.replace(**written_only(self.settings))
        say("compiling detectors (the first time up to a minute)…")
        compiling = self._child("worker", "detect", "--warm-only", name="compile")
        broker = self._launch_broker() if embedded else None
        if broker is not None:
            broker.wait_ready()
            self.settings = self.settings.replace(broker=broker.bootstrap)
        self._prepare()
        registry = self._child("assets", "demo", "--size", self.demo, name="registry") if self.demo else None
        say("starting packer, alerts and API…")
        alerts = self._child("worker", "alerts")
        api = self._child("api", *(["--demo"] if self.demo else []), stage=3)
        notify = self._child("worker", "notify", stage=3)
        if registry is not None:
            self.supervisor.wait_done(registry)  # so that the packer knows every sensor that will send
        packer = self._child("worker", "packer")
        self.supervisor.wait_done(compiling)
        say("starting detectors…" + (" and the simulators" if self.demo else ""))
        detect = self._child("worker", "detect")
        children = [packer, alerts, api, notify, detect]
        if self.demo:
            self.simulator = self._child("simulate", stage=4)
            children.append(self.simulator)
        self.supervisor.wait_ready(children, READY_S)
        say(f"ready after {time.monotonic() - self._begun:.1f} s")
        assert api.ready is not None
        accounts = api.ready.get("accounts") or []
        return {"ready": True, "url": api.ready["url"], "broker": self.settings.broker, "accounts": accounts}

    def go(self) -> None:
        """Let the simulators begin with incidents."""
        if self.simulator is not None:
            self.simulator.send("go")

    def _child(self, *command: str, name: str = "", stage: int = 2) -> Child:
        from streams.supervisor import Child

        name = name or (command[1] if command[0] == "worker" else command[0])
        env = {**os.environ, **self.settings.environment(), **_FRUGAL}
        child = Child(name, [sys.executable, "-P", "-m", "streams.cli", *command], self.logs, env, stage)
        self.supervisor.add(child)
        return child

    def _launch_broker(self) -> EmbeddedBroker:
        from streams.broker import EmbeddedBroker
        from streams.supervisor import BrokerService

        self.settings = self.settings.replace(security_protocol="PLAINTEXT")  # loopback only
        broker = EmbeddedBroker(self.settings.data, 0, self.settings, say)
        try:
            broker.launch()
        except BaseException:
            broker.kill()
            raise
        self.supervisor.add(BrokerService(broker))
        return broker

    def _prepare(self) -> None:
        from streams.kafka import create_topics

        report = create_topics(self.settings)
        if report.created:
            say(f"created {len(report.created)} topics")


def written_only(settings: Settings) -> dict[str, str]:
    """Gateways that are not set: in the demo their messages go to a file of the data folder, to be looked at."""
    names = ("notify_sms_url", "notify_voice_url", "notify_mail_url")
    return {name: getattr(settings, name) or "file" for name in names}


# glibc keeps a heap for each thread, and numeric libraries a pool of threads for each process: none is of use here
_FRUGAL = {
    "MALLOC_ARENA_MAX": "2",
    **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")},
}


def _only_one(data: Path) -> AbstractContextManager[None]:
    taken = f"another `cityops up` runs on the data folder {data}: stop it, or name another folder with --data"
    return alone(data / "up.lock", taken)


def _check_room(data: Path) -> None:
    free = shutil.disk_usage(data).free
    if free < MIN_FREE_BYTES:
        raise UsageError(
            f"{data}: only {free >> 20} MB are free on this disk, {MIN_FREE_BYTES >> 20} MB are needed; "
            "free some space or name another folder with --data"
        )


def _check_port(settings: Settings) -> None:
    """Tell a busy port now, not after a minute of starting."""
    from streams.broker import port_free

    if settings.port and not port_free(settings.port, settings.host):
        raise UsageError(
            f"port {settings.port} on {settings.host} is busy: stop the program that listens there, "
            "or give another with --port (0 takes any free one)"
        )


def _tell(ready: dict[str, Any], data: Path, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(ready, ensure_ascii=False))
        return
    click.echo(f"\n  Console   {ready['url']}\n  Kafka     {ready['broker']}\n  Data      {data}\n")
    if ready["accounts"]:
        click.echo("  Sign in as")
        for account in ready["accounts"]:
            click.echo(f"    {account['user']:<22} {account['password']:<20} {account['role']} of {account['unit']}")
    else:
        click.echo("  Make an account to sign in: cityops users create NAME --role commander --unit 522600")
    click.echo("\n  Ctrl-C stops everything; the next start continues.", nl=True)
    sys.stdout.flush()


def _open_browser(url: str) -> None:
    """Open the console where there is a desktop and a person: never a text browser in the terminal."""
    desktop = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if desktop and sys.stdout.isatty():
        import webbrowser

        webbrowser.open(url)
