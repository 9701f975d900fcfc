"""The Faust App, built in a factory: nothing is registered at import."""

from __future__ import annotations

from typing import Any

import faust

from streams.kafka import bootstrap_servers, faust_kwargs
from streams.settings import Settings
from streams.transport import BatchTransport


class CityApp(faust.App):  # type: ignore[misc]
    """A Faust App that knows the project's settings and reads batches."""

    settings: Settings

    class BootStrategy(faust.App.BootStrategy):  # type: ignore[misc]
        enable_web = False  # `web_enabled=False` alone doesn't keep the web server from starting

    def _create_directories(self) -> None:
        """No tables, no folders."""


def create_app(settings: Settings, name: str) -> CityApp:
    """A Faust App for one kind of worker (`detect`, `alerts`); its group id is `settings.app_id(name)`.

    Faust's Tables, acks and commits are not used: state and positions belong to the ledgers.
    """
    kwargs: dict[str, Any] = faust_kwargs(settings)
    app = CityApp(
        id=settings.app_id(name),
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=False,
        stream_buffer_maxsize=8,
        broker_max_poll_records=200,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.5,
        broker_rebalance_timeout=20.0,
        broker_request_timeout=30.0,
        consumer_auto_offset_reset="earliest",
        **kwargs,
    )
    app.settings = settings
    app.transport = BatchTransport([_url(server) for server in bootstrap_servers(settings)], app)
    return app


def _url(server: str) -> Any:
    from yarl import URL

    return URL(f"aiokafka://{server}")
