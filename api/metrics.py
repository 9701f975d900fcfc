"""Prometheus metrics of the API process, in a registry of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.types import Scope

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
Values = Callable[[], dict[str, float]]
UnitValues = Callable[[], dict[str, dict[str, float]]]


class _Read(Collector):
    """Counters and gauges that are read when asked; a name ending in `_total` is a counter."""

    def __init__(self, prefix: str, help_: str, values: Values) -> None:
        self._prefix, self._help, self._values = prefix, help_, values

    def collect(self):  # type: ignore[no-untyped-def]
        for name, value in self._values().items():
            full = f"{self._prefix}_{name}"
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield family(full.removesuffix("_total"), self._help, value=value)

    def describe(self):  # type: ignore[no-untyped-def]
        return []


class _ReadUnits(Collector):
    """Gauges with a label `unit`, read when asked; the caller keeps to a fixed set of units."""

    def __init__(self, prefix: str, help_: str, values: UnitValues) -> None:
        self._prefix, self._help, self._values = prefix, help_, values

    def collect(self):  # type: ignore[no-untyped-def]
        for name, by_unit in self._values().items():
            family = GaugeMetricFamily(f"{self._prefix}_{name}", self._help, labels=["unit"])
            for unit, value in by_unit.items():
                family.add_metric([unit], value)
            yield family

    def describe(self):  # type: ignore[no-untyped-def]
        return []


class Metrics:
    """What /metrics shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._workers: Path | None = None
        with contextlib.suppress(Exception):
            ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "cityops_http_requests", "HTTP requests", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "cityops_http_seconds", "Time to answer", ["route"], buckets=_BUCKETS, registry=self.registry
        )
        self.ready = Gauge("cityops_ready", "1 when /readyz says 200", registry=self.registry)
        self.commands = Counter("cityops_commands", "Commands by answer", ["status"], registry=self.registry)
        self.ingested = Counter("cityops_ingest_rows", "Rows taken by /ingest", ["domain"], registry=self.registry)
        self.refused = Counter(
            "cityops_ingest_rejected_rows", "Rows refused by /ingest", ["domain"], registry=self.registry
        )

    def watch(self, prefix: str, help_: str, values: Values) -> None:
        """Show `values()` under `prefix`, read at each scrape."""
        self.registry.register(_Read(prefix, help_, values))

    def watch_units(self, prefix: str, help_: str, values: UnitValues) -> None:
        """As `watch`, with gauges by unit."""
        self.registry.register(_ReadUnits(prefix, help_, values))

    def request(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "other"
        self._requests.labels(scope["method"] if status != 405 else "other", route, str(status)).inc()
        if not route.endswith("/feed"):
            self._seconds.labels(route).observe(seconds)

    def workers(self, folder: Path) -> None:
        """Show what the workers of the same data folder keep there, too."""
        self._workers = folder

    def text(self) -> bytes:
        own = generate_latest(self.registry)
        if self._workers is None or not self._workers.is_dir():
            return own
        theirs = CollectorRegistry()
        MultiProcessCollector(theirs, path=str(self._workers))  # type: ignore[no-untyped-call]
        return own + generate_latest(theirs)
