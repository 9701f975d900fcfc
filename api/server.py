"""The API process: opens the store, starts what runs beside the routes, serves until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from api import demo as demo_accounts
from api.app import create_app
from api.auth import Auth
from api.bus import KafkaBus, KafkaIntake
from api.context import Context
from api.history import History
from api.hub import Hub
from api.kpi import AlarmFigures
from api.metrics import Metrics
from api.projecting import Projecting
from api.registry import LiveRegistry
from api.store import Store
from api.tables import KafkaTables
from api.tokens import signing_key
from geo.divisions import PREFECTURE, Divisions
from streams.errors import CityopsError, UsageError
from streams.folders import alone, data_folder, writable
from streams.notify import listing
from streams.notify.outbox import Outbox
from streams.process import watch_parent
from streams.settings import Settings

log = logging.getLogger(__name__)
GRACE_S = 2
_POLL_S = 0.05


def run(settings: Settings, demo: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; prints one JSON line on stdout when ready.

    Raises
    ------
    UsageError
        a busy port, an unusable data folder, a second server on the same data.
    CityopsError
        a database that cannot be used, a task of the server that failed.
    """
    logging.basicConfig(level=settings.log_level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiokafka").setLevel(max(logging.ERROR, logging.getLogger().level))
    folder = writable(data_folder(settings), "--data")
    with _only_one(folder), _listening(settings.host, settings.port) as listener:
        watch_parent()
        asyncio.run(_serve(settings, demo, folder, listener))


async def _serve(settings: Settings, demo: bool, folder: Path, listener: socket.socket) -> None:
    store = Store.of(settings, folder)
    if store.shared and not settings.secret:
        store.close()
        raise UsageError(
            "several API processes may use one PostgreSQL: give all the same CITYOPS_SECRET, 32 characters or more"
        )
    outbox = Outbox.of(settings, folder)
    history = History(settings, folder)
    hub = Hub(store.cursor())
    auth = Auth(store, signing_key(settings, folder), settings.access_token_s, demo=demo)
    alarms = AlarmFigures()
    projector = Projecting(settings, store, hub, alarms)
    bus = KafkaBus(settings)
    registry = LiveRegistry(settings)
    context = Context(
        settings=settings, folder=folder, store=store, hub=hub, auth=auth, metrics=Metrics(), projection=projector,
        bus=bus, intake=KafkaIntake(bus, settings), registry=registry, tables=KafkaTables(settings), outbox=outbox,
        history=history, divisions=Divisions.load(), alarms=alarms,
    )  # fmt: skip
    if demo and demo_accounts.is_loopback(settings.host):
        context.accounts = await asyncio.to_thread(demo_accounts.accounts, store, folder)
    elif demo:
        log.warning("no demo accounts are made: --host %s is not loopback", settings.host)
    _ = context.provider  # settings that cannot be used are told now
    _watch(context, projector, bus, history)
    context.metrics.workers(folder / "metrics")
    failed: list[BaseException] = []
    server: _Server | None = None

    def ended(task: asyncio.Task[None]) -> None:
        error = RuntimeError(f"{task.get_name()} was cancelled") if task.cancelled() else task.exception()
        if error is None or server is None or server.should_exit:
            return
        failed.append(error)
        log.error("%s failed", task.get_name(), exc_info=error)
        server.stop()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        history.start()
        jobs = {"projector": projector.run(), "commands": bus.run(), "registry": registry.run(), "pings": hub.pings()}
        jobs["alarm figures"] = alarms.run(store)
        jobs["webhooks"] = context.webhooks.run()
        jobs["ready"] = _announce(context, listener)
        tasks = [asyncio.create_task(job, name=name) for name, job in jobs.items()]
        for task in tasks:
            task.add_done_callback(ended)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=GRACE_S)
            await asyncio.to_thread(history.stop)

    app = create_app(context, lifespan)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S, server_header=False,
        timeout_keep_alive=30, ws_ping_interval=20.0, ws_max_size=64 * 1024, h11_max_incomplete_event_size=32 * 1024,
        proxy_headers=bool(settings.trusted_proxies), forwarded_allow_ips=settings.trusted_proxies or "127.0.0.1",
    )  # fmt: skip
    server = _Server(config, hub.close)
    try:
        await server.serve([listener])
    finally:
        store.close()
        outbox.close()
    if failed:
        raise CityopsError(f"the server stopped: {type(failed[0]).__name__}: {failed[0]}")


class _Server(uvicorn.Server):
    """Ends the streams first, so that they do not hold up the stop; exits with 0 on a signal."""

    def __init__(self, config: uvicorn.Config, before: Callable[[], None]) -> None:
        super().__init__(config)
        self._before = before

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        self._before()
        self.force_exit = self.should_exit  # a second signal does not wait
        self.should_exit = True


async def _announce(context: Context, listener: socket.socket) -> None:
    """Print the readiness line once /readyz would say 200; tell the reason while it does not."""
    told = ""
    waited = 0.0
    while trouble := context.trouble():
        if trouble != told and waited > 3:
            log.warning("not ready: %s", trouble)
            told = trouble
        await asyncio.sleep(_POLL_S)
        waited += _POLL_S
    line: dict[str, Any] = {"ready": True, "url": url_of(listener), "accounts": context.accounts}
    print(json.dumps(line), flush=True)


def url_of(listener: socket.socket) -> str:
    """Address for a browser: an address of all interfaces is shown as loopback."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket; port 0 takes any free one. Raises UsageError naming the fix."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it an answer waits 40 ms for an ACK
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        number = getattr(error, "errno", None)
        reason = {
            errno.EADDRINUSE: "another program uses it; name another port with --port, or 0 for any free one",
            errno.EACCES: "this needs more rights; name a port above 1023 with --port",
            errno.EADDRNOTAVAIL: "this machine has no such address; name another with --host",
        }.get(number or 0, str(error))
        raise UsageError(f"port {port} on {host}: {reason}") from None
    with contextlib.closing(listener):
        yield listener


def _only_one(folder: Path) -> AbstractContextManager[None]:
    """The one API process of a data folder (the projector is the only writer)."""
    taken = f"{folder}: another cityops API uses it; stop that one or name another with --data"
    return alone(folder / "api.lock", taken)


def _watch(context: Context, projector: Projecting, bus: KafkaBus, history: History) -> None:
    """What /metrics reads from the parts."""
    watch, hub = context.metrics.watch, context.hub
    watch("cityops_feed", "The live feed", lambda: {
        "clients": len(hub.clients), "dropped_clients_total": hub.dropped, "sent_events_total": hub.sent,
    })  # fmt: skip
    watch("cityops_projector", "From the alerts log to the database", lambda: {
        **{f"{k}_total": float(projector.counters[k]) for k in ("records", "events", "stale", "duplicate", "rebuilds")},
        "poison_total": float(sum(projector.poison.values())), "sequence": float(context.store.seq),
        "leading": float(projector.leads),
    })  # fmt: skip
    watch("cityops_command_bus", "Commands to the alerts app", lambda: {
        k: float(bus.counters[k]) for k in ("commands_total", "results_total", "timeouts_total", "poison_total")
    })  # fmt: skip
    names = ("rows_total", "thinned_rows_total", "skipped_messages_total", "poison_total", "errors_total")
    watch("cityops_history", "Readings kept for charts", lambda: {k: float(history.counters[k]) for k in names})
    units = tuple(u.code for level in ("prefecture", "county") for u in context.divisions.subtree(PREFECTURE, level))
    context.metrics.watch_units(
        "cityops_alarm", "Actual hazards by duty scope", lambda: context.alarms.gauges(units, int(time.time() * 1000))
    )
    watch("cityops_outbox", "Notifications", lambda: listing.figures(context.outbox, int(time.time() * 1000)))
    watch("cityops_sign_in", "Sign-ins", lambda: {"failures_total": float(context.auth.failures)})
    watch("cityops_audit", "Audit rows that could not be kept", lambda: {"lost_total": float(context.journal.failures)})
