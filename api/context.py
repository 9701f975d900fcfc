"""What the routes need, in one value that the server (or a test) puts together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from fastapi import Depends, Request

from api.audit import Journal
from api.auth import Auth
from api.errors import Problem
from api.heard import Last
from api.hub import Hub
from api.intake_budget import Budget
from api.kpi import AlarmFigures
from api.metrics import Metrics
from api.oidc import Provider
from api.playbooks import Playbook
from api.roles import Principal
from api.runs import Runs
from api.store import Store
from api.webhook_sender import WebhookSender
from geo.assets import Record, Sensor, Zone
from geo.divisions import Divisions
from geo.fences import Fence
from streams.alerts.policy import Policy
from streams.alerts.policy_file import DEFAULT_ID, default_policy
from streams.columns import I32, Columns
from streams.duty.book import DutyBook
from streams.events import Command, Detection
from streams.notify.options import allowed_from
from streams.notify.outbox import Outbox
from streams.registry_table import Registry as Table
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.notify.channels.http import Poster


class Projection(Protocol):
    @property
    def trouble(self) -> str: ...

    async def stored(self, alert: str, version: int, timeout_s: float) -> bool: ...


class CommandBus(Protocol):
    trouble: str

    async def send(self, command: Command, run: str, timeout_s: float) -> dict[str, Any] | None:
        """The CommandResult as a dict; None when none came in time. Raises CityopsError where Kafka is away."""

    async def report(self, detection: Detection) -> None:
        """Write what a person reported into `detections`. Raises CityopsError where Kafka does not take it."""


class Intake(Protocol):
    budget: Budget

    async def send(self, topic: str, cols: Columns, where: I32, who: str) -> None:
        """Returns when Kafka has all rows, each in its partition. Raises CityopsError where it does not take them."""


class Registry(Protocol):
    @property
    def trouble(self) -> str: ...

    def sensor(self, id_: str) -> Sensor | None: ...

    def zone(self, id_: str) -> Zone | None: ...

    def sensors(self) -> Iterable[Sensor]: ...

    def zones(self) -> Iterable[Zone]: ...

    def fences(self) -> Iterable[Fence]: ...

    def policies(self) -> Iterable[Policy]: ...

    async def seen(self, topic: str, id_: str, version: int, timeout_s: float) -> bool:
        """Wait until `fences`, `policies`, `profiles` or `duty` has it; False where it did not come in time."""

    @property
    def duty(self) -> DutyBook: ...

    @property
    def table(self) -> Table: ...

    async def change(self, make: Callable[[Table], Record]) -> Record:
        """Write what `make` derives from the registry as it is; what it raises ends the change."""

    async def sensor_of_run(self, run: str, id_: str) -> Sensor | None: ...


class Tables(Protocol):
    async def write(self, topic: str, records: Sequence[tuple[str, int, bytes]]) -> None:
        """(id, version, value) of each. Raises CityopsError where Kafka does not take them."""

    async def history(self, topic: str, id_: str) -> list[bytes]:
        """Every version of a record, oldest first."""


class History(Protocol):
    def readings(
        self, sensor: str, from_ms: int, to_ms: int, step_ms: int = 0, agg: str = "mean", run: str = ""
    ) -> list[tuple[int, float]]: ...

    def last(self, sensor: str) -> Last | None: ...


@dataclass
class Context:
    settings: Settings
    folder: Path
    store: Store
    hub: Hub
    auth: Auth
    metrics: Metrics
    projection: Projection
    bus: CommandBus
    intake: Intake
    registry: Registry
    tables: Tables
    outbox: Outbox
    history: History | None
    divisions: Divisions
    alarms: AlarmFigures = field(default_factory=AlarmFigures)
    accounts: list[dict[str, str]] = field(default_factory=list)
    changing_fences: asyncio.Lock = field(default_factory=asyncio.Lock)  # a write that saw a version, and its record
    changing_policies: asyncio.Lock = field(default_factory=asyncio.Lock)
    changing_profiles: asyncio.Lock = field(default_factory=asyncio.Lock)
    changing_duty: asyncio.Lock = field(default_factory=asyncio.Lock)
    looking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))  # for sign-ins of open feeds
    playbooks: tuple[Playbook, ...] = ()
    cache: dict[str, Any] = field(default_factory=dict)  # large answers that do not change

    def __post_init__(self) -> None:
        self.journal = Journal(self.store)

    @cached_property
    def provider(self) -> Provider | None:
        """The OpenID provider, None where none is set up. Raises UsageError for settings that cannot be used."""
        return Provider(self.settings, self.auth.secret_of("openid")) if self.settings.oidc_issuer else None

    @cached_property
    def webhooks(self) -> WebhookSender:
        """Raises UsageError where the setting of allowed hosts cannot be used."""
        allowed = allowed_from(self.settings)

        def poster() -> Poster:
            return Poster(allowed, self.settings.notify_timeout_s)

        return WebhookSender(self.store, poster, lambda id_: self.auth.secret_of(f"webhook:{id_}"))

    @cached_property
    def runs(self) -> Runs:
        """Runs that engineers start, of this data folder."""
        return Runs(self.settings, self.folder)

    def policies_in_force(self) -> dict[str, Policy]:
        """By unit: the prefecture's, else the one that ships, and those that counties have of their own."""
        return {DEFAULT_ID: default_policy(), **{p.id: p for p in self.registry.policies() if not p.removed}}

    def policy(self, county: str) -> Policy:
        """The escalation policy in force in a county, or of the prefecture."""
        found = self.policies_in_force()
        return found.get(county[:6], found[DEFAULT_ID])

    def trouble(self) -> str:
        """Why this process cannot serve, "" when it can."""
        return self.projection.trouble or self.bus.trouble or self.registry.trouble


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


def _caller(request: Request) -> Principal:
    principal: Principal = request.state.principal  # put there by `api.guard` for every path under /api/v1
    return principal


Ctx = Annotated[Context, Depends(_context)]
Caller = Annotated[Principal, Depends(_caller)]


def require_unit(caller: Principal, unit: str, what: str, owners: Iterable[str] = ()) -> None:
    """Raises Problem 403 where `unit` is outside the caller's subtree, or none of the owners is the caller's."""
    require_area(caller, unit, what)
    if not caller.covers(unit, owners):
        raise Problem(403, f"{what} does not belong to {' or '.join(sorted(caller.orgs))}")


def require_area(caller: Principal, unit: str, what: str) -> None:
    """Raises Problem 403 where `unit` is outside the caller's subtree, whoever owns the thing."""
    if not unit.startswith(caller.prefix):
        raise Problem(403, f"{what} belongs to unit {unit}, outside your unit {caller.unit}")
