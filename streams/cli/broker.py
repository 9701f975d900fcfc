"""`cityops broker`: the embedded Kafka alone."""

from __future__ import annotations

import json
import signal
import time
from types import FrameType

import click

from streams.cli.common import json_option, say, serve_as_child
from streams.settings import Settings


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=9092, show_default=True, help="0 takes any free port.")
@click.option("--data", metavar="FOLDER", help="Data folder; the broker's data are in FOLDER/kafka.")
@json_option
def command(port: int, data: str | None, as_json: bool) -> int:
    """Run the embedded Kafka broker alone, on loopback, until Ctrl-C.

    Its jars are fetched once into the cache folder (CITYOPS_MAVEN_REPOSITORY names a mirror,
    CITYOPS_KAFKA_HOME an unpacked Kafka). It listens without TLS on 127.0.0.1 only.
    """
    from streams.broker import EmbeddedBroker
    from streams.errors import CityopsError
    from streams.folders import data_folder
    from streams.supervisor import Stopped

    settings = Settings({"data": data})
    serve_as_child(settings)
    stopping = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    broker = EmbeddedBroker(data_folder(settings), port, settings, say)
    try:
        broker.start()
        if as_json:
            click.echo(json.dumps({"ready": True, "broker": broker.bootstrap}))
        else:
            click.echo(f"Kafka listens on {broker.bootstrap}; data in {broker.folder}; Ctrl-C stops it.")
        while broker.alive():
            time.sleep(0.1)
        raise CityopsError(f"the broker ended: {broker.last_words()}; log: {broker.log_path}")
    except Stopped:
        return 0
    finally:
        stopping = True
        broker.stop()
