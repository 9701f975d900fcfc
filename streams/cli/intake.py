"""`cityops intake`: bridges from the devices' own protocols."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from streams.cli.common import connection_options, keep_metrics, say, serve_as_child, settings_from
from streams.errors import UsageError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Bring readings from devices that do not speak Kafka or HTTP. The formats are in docs/intake.md."""


@command.command()
@click.option("--mapping", "mqtt_mapping", metavar="FILE", help="TOML file: what topics and payloads mean.")
@click.option("--check", metavar="FILE", help="Check a mapping file, list all that is wrong with it, and end.")
@click.option("--explain", nargs=2, metavar="TOPIC PAYLOAD", help="Print the readings one message would make, and end; "
              "PAYLOAD may be @FILE, or - for stdin.")  # fmt: skip
@click.option("--url", "mqtt_url", metavar="URL", help="The devices' broker: mqtt://host:port, or mqtts:// for TLS.")
@click.option("--client-id", "mqtt_client_id", metavar="NAME", help="Names the session; each bridge has its own.")
@click.option("--protocol", "mqtt_protocol", type=click.Choice(["5", "3.1.1"]), help="MQTT version (default 5).")
@click.option("--username", "mqtt_username", metavar="NAME", help="MQTT user; the password is CITYOPS_MQTT_PASSWORD.")
@click.option("--cafile", "mqtt_cafile", metavar="FILE", help="PEM file of the MQTT broker's certificate authority.")
@click.option("--certfile", "mqtt_certfile", metavar="FILE", help="PEM file of our certificate for the MQTT broker.")
@click.option("--keyfile", "mqtt_keyfile", metavar="FILE", help="PEM file of our key for the MQTT broker.")
@click.option("--insecure", "mqtt_insecure", is_flag=True, default=None, help="Take any certificate. Only for a test.")
@click.option("--prefix", metavar="RUN", help="Topic prefix of a run, run.<id>. ; empty for live operation.")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Serve Prometheus metrics of this bridge here.")
@connection_options
def mqtt(check: str | None, explain: tuple[str, str] | None, metrics_port: int | None, **options: Any) -> int:
    """Bridge an MQTT broker to Kafka until Ctrl-C.

    A message is acknowledged to the MQTT broker only after Kafka has its readings. Readiness is one line of JSON on
    stdout. All options are settings too (docs/settings.md); the password is only a setting, CITYOPS_MQTT_PASSWORD or
    CITYOPS_MQTT_PASSWORD_FILE.
    """
    if check is not None:
        return _check(check)
    settings = settings_from(**options)
    if not settings.mqtt_mapping:
        raise UsageError("name the mapping file with --mapping (an example: deploy/mqtt.example.toml)")
    from streams.intake.mqtt_mapping import load
    from streams.intake.mqtt_options import options_from

    mapped = load(settings.mqtt_mapping)
    if explain is not None:
        return _explain(mapped, *explain)
    connection = options_from(settings)
    from streams.kafka import kafka_python_kwargs

    kafka_python_kwargs(settings)  # says what is wrong with the address before anything starts
    serve_as_child(settings)
    if metrics_port is None:
        keep_metrics(settings)
    else:
        from streams.cli.worker import serve_metrics

        serve_metrics(settings.host, metrics_port)
    import asyncio

    from streams.intake.mqtt import serve

    return asyncio.run(serve(settings, connection, mapped))


def _check(name: str) -> int:
    from streams.intake.mqtt_mapping import read

    mapped, problems = read(name)
    for problem in problems:
        say(f"{name}: {problem}")
    if mapped is None:
        return 2
    for s in mapped.subscriptions:
        click.echo(f"{s.filter}  QoS {s.qos}  {s.payload}  → {s.domain.text}")
    return 0


def _explain(mapped: Any, topic: str, payload: str) -> int:
    """Readings on stdout, a line of JSON each; refusals on stderr and exit 1."""
    from streams.columns import BAD, UNCERTAIN
    from streams.intake.mqtt_rows import Mapper, Message

    if payload == "-":
        data = sys.stdin.buffer.read()
    elif payload.startswith("@"):
        data = Path(payload[1:]).read_bytes()
    else:
        data = payload.encode()
    found = Mapper(mapped).convert([Message(topic, data, round(time.time() * 1000))])
    for domain, cols in found.columns.items():
        for k in range(len(cols)):
            row: dict[str, Any] = {"domain": domain, "sensor": cols.sensors[cols.idx[k]], "ts": int(cols.ts_ms[k])}
            row["value"] = float(cols.value[k])
            if cols.metric_idx is not None and cols.metric_idx[k] >= 0:
                row["metric"] = (cols.metrics or [])[cols.metric_idx[k]]
            if cols.quality is not None and cols.quality[k]:
                row["quality"] = {UNCERTAIN: "uncertain", BAD: "bad"}[int(cols.quality[k])]
            click.echo(json.dumps(row, ensure_ascii=False))
    for reject in found.rejects:
        rows = f"rows {', '.join(map(str, reject.rows))}: " if reject.rows else ""
        say(f"rejected: {rows}{reject.reason}")
    return 1 if found.rejects else 0
