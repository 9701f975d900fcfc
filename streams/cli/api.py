"""`cityops api`: the HTTP server with the console."""

from __future__ import annotations

from typing import Any

import click

from streams.cli.common import connection_options, require_topics, settings_from


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on (default 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (default 8420, 0 = any free one).")
@click.option("--demo", is_flag=True, help="Make the demo accounts; only on loopback.")
@connection_options
def command(demo: bool, **options: Any) -> None:
    """Run the API, the projector and the console until Ctrl-C.

    Accounts are made with `cityops users create`; there is no default password outside of --demo.
    """
    settings = settings_from(**options)
    require_topics(settings)
    from api import server

    server.run(settings, demo)
