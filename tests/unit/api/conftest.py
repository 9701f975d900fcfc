"""An API on a temporary SQLite with fakes where Kafka would be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api import users
from api.app import create_app
from api.auth import Auth
from api.context import Context
from api.heard import Last
from api.hub import Hub
from api.intake_budget import Budget
from api.kpi import AlarmFigures
from api.metrics import Metrics
from api.queries import get_alert
from api.records import parse
from api.store import Applied, Store
from detectors.profile_file import decode as decode_profiles
from geo.assets import Asset, Code, Record, Sensor, Zone
from geo.divisions import Divisions
from geo.fences import Fence, decode as decode_fence
from geo.moments import rfc3339
from streams import topics
from streams.alerts.engine import Engine
from streams.alerts.policy import Policy
from streams.alerts.policy_file import decode as decode_policy
from streams.columns import I32, Columns
from streams.duty.book import DutyBook
from streams.duty.records import decode as decode_duty
from streams.events import Command, Detection
from streams.notify.channels.base import Outcome
from streams.notify.outbox import Outbox
from streams.registry_table import Registry as Table
from streams.settings import Settings
from streams.wire import encode_record

T0 = 1_763_884_800_000
KEY = "k" * 48
PASSWORD = "correct horse"
ACCOUNTS = {
    "prefecture": ("commander", "522600"),
    "kaili": ("officer", "522601"),
    "town": ("officer", "522601001"),
    "village": ("officer", "522601001001"),
    "huangping": ("officer", "522622"),
    "looker": ("viewer", "522600"),
    "engineer": ("engineer", "522600"),
    "admin": ("admin", "522600"),
}
OWN_ORG, OTHER_ORG = "凯里供水", "黄平燃气"  # of what is in 522601 and 522622
ORG_ACCOUNTS = {
    **{f"{role}@own": (role, "522600", (OWN_ORG,)) for role in ("viewer", "officer", "commander", "engineer", "admin")},
    "commander@other": ("commander", "522600", (OTHER_ORG,)),
    "engineer@other": ("engineer", "522600", (OTHER_ORG,)),
    "own@elsewhere": ("commander", "522622", (OWN_ORG,)),
}


def alert_json(id_: str = "a1", version: int = 1, **changes: Any) -> dict[str, Any]:
    """A public Alert as the `alerts` topic carries it."""
    unit = changes.pop("unit", "522601001001")
    path = {
        "prefecture": "522600",
        "county": unit[:6] if unit != "522600" else None,
        "township": unit[:9] if len(unit) >= 9 else None,
        "village": unit if len(unit) == 12 else None,
    }
    return {
        "id": id_, "version": version, "domain": "water", "kind": "pressure_low", "severity": "III",
        "severity_why": {"zh": "", "en": ""}, "class": "hazard", "mode": "actual", "run": "", "condition": "ACTIVE",
        "handling": "NEW", "verdict": None, "label": "UNACK", "episode": 1, "count": 1, "first_seen": rfc3339(T0),
        "last_seen": rfc3339(T0), "unit": {"code": unit, "name": "北京西路社区", "level": "village"}, "path": path,
        "lon": 107.98, "lat": 26.58, "zone": f"{unit[:6]}-W-DMA01", "assets": ["522601-W-PRS-000001"],
        "sensors": ["522601-W-PRS-000001"], "title": {"zh": "管网压力过低", "en": "pressure low"},
        "reason": {"zh": "低于下限", "en": "below the limit"},
        "evidence": {"detector": "threshold", "version": 1, "value": 3.2, "series": [[rfc3339(T0), 3.2]]}, "acks": [],
        **changes,
    }  # fmt: skip


def record(id_: str = "a1", version: int = 1, at_ms: int = T0, trigger: str = "raise", **changes: Any) -> bytes:
    """One record of the log."""
    transition = {
        "seq": version, "trigger": trigger, "command": None, "by": "system", "at": rfc3339(at_ms),
        "reason": {"zh": "", "en": ""}, "from": {}, "to": {},
    }  # fmt: skip
    return orjson.dumps({"alert": alert_json(id_, version, **changes), "transition": transition})


def keep(context: Context, **changes: Any) -> dict[str, Any]:
    """A message in the outbox."""
    from sqlalchemy import insert

    from streams.notify import schema

    row = {
        "id": "m1", "alert": "w", "run": "", "county": "522601", "mode": "actual", "unit": "522601001",
        "severity": "III", "notice": "1.0", "why": "raise", "place": "522601001", "role": "main", "person": "li",
        "user": "", "channel": "sms", "address": "13812345678", "dest": "d", "rest": "[]", "state": "queued",
        "reason": '{"zh":"等待发送","en":"waits to be sent"}', "attempts": 0, "due_ms": None, "at_ms": T0,
        "created_ms": T0, "next_ms": T0, "sent_ms": None, "batch": "", "text": "", **changes,
    }  # fmt: skip
    with context.outbox.write() as tx:
        tx.execute(insert(schema.messages), row)
    return row


def subscription(id_: str, **changes: Any) -> dict[str, Any]:
    """A row of `webhooks`."""
    wanted = {"events": ["alert"], "severity": [], "domain": [], "mode": "actual", **changes.pop("wanted", {})}
    return {
        "id": id_, "name": id_, "url": "https://8.8.8.8/hook", "prefix": "5226",
        "wanted": orjson.dumps(wanted).decode(), "by": "prefecture", "created_ms": T0, "epoch": "00000000",
        "seq": 0, "attempts": 0, "first_ms": 0, "next_ms": 0,
        "why": "", "delivered": 0, "delivered_ms": None, "owner": "", "lease_ms": 0, **changes,
        "orgs": orjson.dumps(changes.get("orgs", [])).decode(),
    }  # fmt: skip


class FakePoster:
    """A receiver of webhooks: keeps what it takes; refuses with what the test puts into `refusals`."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.refusals: list[Outcome] = []

    async def post(self, url: str, body: bytes, headers: dict[str, str], arrived: bool) -> Outcome:
        if self.refusals:
            return self.refusals.pop(0)
        self.taken.append((url, orjson.loads(body), dict(headers)))
        self.bodies.append(body)
        return Outcome(True, arrived=True)

    async def close(self) -> None:
        pass


class FakeProjection:
    """Applies records at once, as the projector would."""

    def __init__(self, store: Store, hub: Hub, alarms: AlarmFigures) -> None:
        self.trouble = ""
        self.store, self.hub, self.alarms = store, hub, alarms
        self.offset = 0

    def feed(self, *values: bytes) -> Applied:
        self.offset += len(values)
        done = self.store.apply([parse(v) for v in values], {("alerts", 0): self.offset})
        self.hub.publish(self.store.epoch, done.events)
        self.alarms.take(done.made)
        return done

    async def stored(self, alert: str, version: int, timeout_s: float) -> bool:
        return get_alert(self.store, alert) is not None


class FakeBus:
    """Keeps commands; answers with what the test put into `answer`. Reports go through an engine to `projection`."""

    def __init__(self) -> None:
        self.trouble = ""
        self.engine = Engine()
        self.reports: list[Detection] = []
        self.projection: FakeProjection | None = None
        self.sent: list[Command] = []
        self.answer: dict[str, Any] | None = {"accepted": True, "alert": None}

    async def send(self, command: Command, run: str, timeout_s: float) -> dict[str, Any] | None:
        self.sent.append(command)
        await asyncio.sleep(0)
        return self.answer

    async def report(self, detection: Detection) -> None:
        self.reports.append(detection)
        if self.projection is not None:
            made = self.engine.on_detection(detection, detection.ts_ms)
            self.projection.feed(*(encode_record(r, Divisions.load()) for r in made))


class FakeIntake:
    """Keeps what was sent; raises what the test put into `error`."""

    def __init__(self) -> None:
        self.budget = Budget(64 * 1024 * 1024)
        self.sent: list[tuple[str, Columns, str]] = []
        self.error: Exception | None = None

    async def send(self, topic: str, cols: Columns, where: I32, who: str) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append((topic, cols, who))


class FakeRegistry:
    trouble = ""

    def __init__(self) -> None:
        self.kept: dict[str, Fence] = {}
        self.rules: dict[str, Policy] = {}
        self.duty = DutyBook()
        self._sensors = {
            s.id: s
            for s in (
                Sensor(
                    id="522601-W-PRS-000001", domain="water", kind="pressure", zone="522601-W-DMA01",
                    unit_code="522601001001", lon=107.98, lat=26.58, unit="m", name_zh="北京西路压力",
                    owner_org=OWN_ORG,
                ),
                Sensor(
                    id="522622-G-CH4-000001", domain="gas", kind="methane", zone="522622-G-REG01",
                    unit_code="522622001", unit="%LEL", owner_org=OTHER_ORG,
                ),
            )
        }  # fmt: skip
        valve = Asset(
            id="522601-W-VLV-000001", domain="water", kind="valve", unit_code="522601001", lon=107.98, lat=26.58,
            codes=(Code("scada", "V1"),), name_zh="一号阀", by="li", at_ms=T0, owner_org=OWN_ORG,
        )  # fmt: skip
        self.table = Table([*self._sensors.values(), valve])
        self.written: list[Record] = []

    async def change(self, make: Callable[[Table], Record]) -> Record:
        record = make(self.table)
        self.written.append(record)
        return record

    def sensor(self, id_: str) -> Sensor | None:
        return self._sensors.get(id_)

    def zone(self, id_: str) -> Zone | None:
        county, letter, _ = id_.split("-")
        domain = {"W": "water", "G": "gas"}[letter]
        return Zone(id=id_, domain=domain, county=county, partition=0)

    def sensors(self) -> list[Sensor]:
        return list(self._sensors.values())

    def zones(self) -> list[Zone]:
        return []

    def fences(self) -> list[Fence]:
        return list(self.kept.values())

    def policies(self) -> list[Policy]:
        return list(self.rules.values())

    async def seen(self, topic: str, id_: str, version: int, timeout_s: float) -> bool:
        tables: dict[str, Any] = {
            topics.FENCES: self.kept,
            topics.POLICIES: self.rules,
            topics.DUTY: self.duty,
            topics.PROFILES: self.table.profiles,
        }
        return bool(tables[topic].get(id_).version >= version)

    async def sensor_of_run(self, run: str, id_: str) -> Sensor | None:
        return None


class FakeTables:
    """Keeps what was written, and lets the registry see it."""

    def __init__(self, registry: FakeRegistry) -> None:
        self.registry = registry
        self.rows: list[tuple[str, str, int, bytes]] = []

    async def write(self, topic: str, records: Sequence[tuple[str, int, bytes]]) -> None:
        for id_, version, value in records:
            self.rows.append((topic, id_, version, value))
            if topic == topics.POLICIES:
                self.registry.rules[id_] = decode_policy(value)
            elif topic == topics.DUTY:
                self.registry.duty.put(decode_duty(value))
            elif topic == topics.PROFILES:
                self.registry.table.profiles[id_] = decode_profiles(value)
            else:
                self.registry.kept[id_] = decode_fence(value)

    async def history(self, topic: str, id_: str) -> list[bytes]:
        return [value for t, i, _, value in self.rows if (t, i) == (topic, id_)]


class FakeHistory:
    def __init__(self) -> None:
        self.points: list[tuple[int, float]] = [(T0, 1.0), (T0 + 1000, 2.0)]
        self.asked: list[tuple[Any, ...]] = []
        self.heard: dict[str, Last] = {}

    def readings(
        self, sensor: str, from_ms: int, to_ms: int, step_ms: int = 0, agg: str = "mean", run: str = ""
    ) -> list[tuple[int, float]]:
        self.asked.append((sensor, from_ms, to_ms, step_ms, agg, run))
        return self.points

    def last(self, sensor: str) -> Last | None:
        return self.heard.get(sensor)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = Store(database)
    yield made
    made.close()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(f"sqlite:///{tmp_path / 'outbox.db'}")
    yield made
    made.close()


@pytest.fixture(scope="session")
def hashed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Rows of the accounts, hashed once: argon2 is slow on purpose."""
    from sqlalchemy import select

    from api import schema

    made = Store.in_folder(tmp_path_factory.mktemp("users"))
    for name, (role, unit) in ACCOUNTS.items():
        users.put(made, name, PASSWORD, role, unit)
    for name, (role, unit, _) in ORG_ACCOUNTS.items():
        users.put(made, name, PASSWORD, role, unit)
    with made.read() as tx:
        rows = [dict(r._mapping) for r in tx.execute(select(schema.users))]
    made.close()
    return rows


@pytest.fixture
def context(store: Store, outbox: Outbox, tmp_path: Path, hashed: list[dict[str, Any]]) -> Context:
    from sqlalchemy import insert

    from api import schema
    from api.account_tables import user_orgs

    with store.write() as tx:
        tx.execute(insert(schema.users), hashed)
        rows = [{"name": name, "org": org} for name, (_, _, orgs) in ORG_ACCOUNTS.items() for org in orgs]
        tx.execute(insert(user_orgs), rows)
    hub = Hub(store.cursor())
    registry = FakeRegistry()
    alarms = AlarmFigures()
    alarms.load(store)
    return Context(
        settings=Settings({"data": str(tmp_path)}, env={}),
        folder=tmp_path,
        store=store,
        hub=hub,
        auth=Auth(store, KEY, 3600),
        metrics=Metrics(),
        projection=FakeProjection(store, hub, alarms),
        alarms=alarms,
        bus=FakeBus(),
        intake=FakeIntake(),
        registry=registry,
        tables=FakeTables(registry),
        outbox=outbox,
        history=FakeHistory(),
        divisions=Divisions.load(),
    )


@pytest.fixture
def projection(context: Context) -> FakeProjection:
    assert isinstance(context.projection, FakeProjection)
    return context.projection


@pytest.fixture
def bus(context: Context) -> FakeBus:
    assert isinstance(context.bus, FakeBus)
    return context.bus


def bearer(context: Context, name: str) -> dict[str, str]:
    """Authorization of an account, without asking for a password."""
    from api.tokens import access_token

    user = users.get(context.store, name)
    assert user is not None
    return {"Authorization": f"Bearer {access_token(KEY, user, 3600)}"}


@pytest.fixture
async def client(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    """A client signed in as the prefecture's commander."""
    app = create_app(context)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=bearer(context, "prefecture")
    ) as made:
        yield made
