"""`cityops drill`: a scene played through the real alerts app in accelerated time, with its timeline and assessment."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import connection_options, json_option, require_broker, say, settings_from
from streams.errors import CityopsError
from streams.folders import cache_folder, data_folder, writable

if TYPE_CHECKING:
    from streams.drills.play import Refused
    from streams.drills.scene import Scene
    from streams.settings import Settings
    from streams.supervisor import Supervisor

Play = Callable[[Callable[[dict[str, Any]], None]], "tuple[list[dict[str, Any]], Refused]"]


@click.group()
def command() -> None:
    """Exercises: everything real but the trouble. Nobody is called."""


@command.command()
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Language of the texts.")
@click.option(
    "--speed", type=click.FloatRange(min=0), default=0.0, show_default=True,
    help="Times faster than in life: 60, 600, …; 0 = as fast as it goes.",
)  # fmt: skip
@click.option("--run", "run", metavar="ID", help="Name of the run (default drill-burst-<UTC time>).")
@click.option("--keep", is_flag=True, help="Keep the run's topics, so that the console shows it.")
@click.option("--dry-run", is_flag=True, help="Play it in this process, without Kafka.")
@json_option
@connection_options
def burst(lang: str, speed: float, run: str | None, keep: bool, dry_run: bool, as_json: bool, **options: Any) -> int:
    """A water main bursts at 02:40 and nobody answers on three levels.

    A run of its own (run.<id>.…) in exercise mode: a real alerts worker, real topics, made-up people without
    addresses. Prints the timeline as it was read back and an assessment. Without --broker a running Kafka is used,
    else one is started. Exit code 1: a level was never told, an order was refused, or the alert was not closed.

    \b
      cityops drill burst
      cityops drill burst --lang en --speed 600 --keep
      cityops drill burst --json --broker 127.0.0.1:9092
    """
    from streams.drills.burst import scene

    named = bool(options["broker"]) or "CITYOPS_BROKER" in os.environ
    return _drill(scene(), settings_from(**options), run, lang, as_json, speed, keep, dry_run, named)


def _drill(
    scene: Scene, settings: Settings, run: str | None, lang: str, as_json: bool, speed: float, keep: bool,
    dry_run: bool, named: bool,
) -> int:  # fmt: skip
    from simulators import drill
    from streams.drills.rehearsal import rehearse
    from streams.supervisor import Stopped, Supervisor

    own = drill.drill_settings(settings, run if run is not None else drill.drill_id(scene.name, time.time()))
    if dry_run:
        return _tell(scene, own.run, lang, as_json, lambda show: rehearse(scene, own.run, show))
    with Supervisor(say) as supervisor:
        try:
            on = _with_broker(own, supervisor, named)
            return _tell(
                scene, on.run, lang, as_json,
                lambda show: drill.run(on, scene, supervisor, show, speed=speed, keep=keep),
            )  # fmt: skip
        except Stopped:
            say(f"interrupted; run {own.run} was deleted")
            return 130


def _with_broker(settings: Settings, supervisor: Supervisor, named: bool) -> Settings:
    """The settings, with an embedded broker where none was named and none answers."""
    try:
        require_broker(settings)
        return settings
    except CityopsError:
        if named:
            raise
    from streams.broker import EmbeddedBroker
    from streams.supervisor import BrokerService

    data = writable(data_folder(settings), "the data folder (--data)")
    settings = settings.replace(data=str(data), cache=str(cache_folder(settings)), security_protocol="PLAINTEXT")
    broker = EmbeddedBroker(data, 0, settings, say)
    try:
        broker.launch()
    except BaseException:
        broker.kill()
        raise
    supervisor.add(BrokerService(broker))
    broker.wait_ready()
    return settings.replace(broker=broker.bootstrap)


def _tell(scene: Scene, run: str, lang: str, as_json: bool, play: Play) -> int:
    """Play it, and print each transition as it comes; then the assessment. Returns the exit code."""
    from streams.drills import assessment, telling, timeline

    def show(record: dict[str, Any]) -> None:
        if not as_json:
            click.echo(timeline.rendered(timeline.line(record), scene.start_ms, scene.names, lang))

    if not as_json:
        click.echo(telling.opening(scene, run, lang))
    begun = time.monotonic()
    records, refused = play(show)
    found = assessment.report(records, [telling.refusal(order, result, lang) for order, result in refused])
    if as_json:
        lines = [timeline.line(r) for r in records]
        click.echo(json.dumps(telling.as_dict(scene, run, lines, found), ensure_ascii=False))
    else:
        click.echo(telling.told(found, time.monotonic() - begun, lang))
    return 0 if found.ok else 1
