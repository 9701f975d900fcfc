"""`cityops worker`: one of the four workers."""

from __future__ import annotations

from typing import Any

import click

from streams.cli.common import connection_options, keep_metrics, require_topics, serve_as_child, settings_from


@click.command()
@click.argument("app", type=click.Choice(["packer", "detect", "alerts", "notify"]))
@click.option("--prefix", metavar="RUN", help="Topic prefix of a run, run.<id>. ; empty for live operation.")
@click.option("--warm-only", is_flag=True, help="detect: compile the detectors into the cache folder and end.")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Serve Prometheus metrics of this worker here.")
@connection_options
def command(app: str, warm_only: bool, metrics_port: int | None, **options: Any) -> None:
    """Run one worker until Ctrl-C.

    \b
    packer  readings.raw.<domain> → readings.<domain>: decode, validate, group by zone
    detect  readings.<domain> → detections: the detectors
    alerts  detections and commands → alerts: severity, lifecycle
    notify  alerts → telephone, SMS, chat, mail, webhooks (docs/notify.md); one an outbox

    Several of the other kinds share the partitions. Readiness is one line of JSON on stdout.
    """
    if warm_only:
        if app != "detect":
            raise click.UsageError("--warm-only goes with detect")
        from detectors.warm import warm

        click.echo(f"compiled in {warm():.1f} s", err=True)
        return
    settings = settings_from(**options)
    serve_as_child(settings)
    require_topics(settings)
    if metrics_port is None:
        keep_metrics(settings)
    else:
        serve_metrics(settings.host, metrics_port)
    if app == "packer":
        from streams.intake import packer

        packer.run(settings)
    elif app == "notify":
        from streams.notify import service

        service.run(settings)
    else:
        from streams import agents

        agents.run(app, settings)


def serve_metrics(host: str, port: int) -> None:
    from prometheus_client import start_http_server

    from streams.errors import UsageError

    try:
        start_http_server(port, addr=host)
    except OSError as error:
        raise UsageError(f"--metrics-port {port}: {error.strerror or error}; name another port") from None
