"""`cityops broker`: the embedded Kafka alone, one node or a cluster of several."""

from __future__ import annotations

import json
import signal
import time
from types import FrameType

import click

from streams.cli.common import json_option, say, serve_as_child
from streams.settings import Settings


@click.command()
@click.option("--nodes", type=click.IntRange(1, 9), default=1, show_default=True, help="3: one may be lost.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=9092, show_default=True,
    help="0 takes any free port; several nodes take the ones that follow.",
)  # fmt: skip
@click.option("--data", metavar="FOLDER", help="Data folder; the broker's data are in FOLDER/kafka.")
@json_option
def command(nodes: int, port: int, data: str | None, as_json: bool) -> int:
    """Run the embedded Kafka alone, on loopback, until Ctrl-C.

    With --nodes 3 each record is kept by three nodes and acknowledged by two, and a node that ends is started
    again. Kafka's jars are fetched once into the cache folder (CITYOPS_MAVEN_REPOSITORY names a mirror,
    CITYOPS_KAFKA_HOME an unpacked Kafka). It listens without TLS on 127.0.0.1 only.
    """
    settings = Settings({"data": data})
    serve_as_child(settings)
    return _one(settings, port, as_json) if nodes == 1 else _several(settings, nodes, port, as_json)


def _one(settings: Settings, port: int, as_json: bool) -> int:
    from streams.broker import EmbeddedBroker
    from streams.errors import CityopsError
    from streams.folders import data_folder
    from streams.supervisor import Stopped

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
        _tell(broker.bootstrap, f"{broker.folder}", as_json)
        while broker.alive():
            time.sleep(0.1)
        raise CityopsError(f"the broker ended: {broker.last_words()}; log: {broker.log_path}")
    except Stopped:
        return 0
    finally:
        stopping = True
        broker.stop()


def _several(settings: Settings, nodes: int, port: int, as_json: bool) -> int:
    from streams.broker_cluster import EmbeddedCluster
    from streams.folders import data_folder
    from streams.supervisor import BrokerService, Stopped, Supervisor

    cluster = EmbeddedCluster(data_folder(settings), nodes, port, settings, say)
    with Supervisor(say) as supervisor:
        try:
            try:
                cluster.launch()
                cluster.wait_ready()
            except BaseException:
                cluster.kill()
                raise
            for node in cluster.nodes:
                service = BrokerService(node)
                service.name = f"broker {node.node_id}"
                supervisor.add(service)
            _tell(cluster.bootstrap, str(cluster.folder), as_json)
            supervisor.run()
        except Stopped:
            pass
    return 0


def _tell(bootstrap: str, folder: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"ready": True, "broker": bootstrap}))
    else:
        click.echo(f"Kafka listens on {bootstrap}; data in {folder}; Ctrl-C stops it.")
