"""The facts that travel between the apps: Detection, Command, Alert, Transition and their texts.

All are frozen; merging makes a new value. Times are epoch milliseconds UTC (`*_ms`) inside; the
JSON of the public contract is made by `streams.wire`.
"""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct, field

from geo.assets import Code
from geo.fences import Mark
from geo.impact import Impact
from streams.alert_parts import (
    Ack as Ack,
    Attachment as Attachment,
    Deadline as Deadline,
    Disposal as Disposal,
    Escalation as Escalation,
    Link as Link,
    Notice as Notice,
    PublicWarning as PublicWarning,
    Report as Report,
    Suppression as Suppression,
    Text as Text,
    Told as Told,
)

SEVERITIES = ("I", "II", "III", "IV")
SENSOR = "sensor"  # the source of what no person reported
LEVELS = ("village", "township", "county", "prefecture")


def stable_id(*parts: object) -> str:
    """Twenty hex characters that are the same for the same parts (SHA-256, cut).

    >>> stable_id("", "A1", "burst", 0) == stable_id("", "A1", "burst", 0)
    True
    """
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:20]


class Evidence(Struct, frozen=True, kw_only=True):
    """Why: the detector, its numbers, and the readings that led to it (newest last)."""

    detector: str
    version: int = 1
    score: float | None = None
    threshold: float | None = None  # of the score
    limit: float | None = None  # the hard limit crossed, in `unit`
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    value: float | None = None
    unit: str = ""
    also: float | None = None  # the value in another unit that the field uses, e.g. %VOL beside %LEL
    also_unit: str = ""
    suspect: str = ""  # what the zone's detectors take it for (`sewer_gas`, `natural_gas`); only a person rules it out
    series: tuple[tuple[int, float], ...] = ()  # (ts_ms, value)
    series_json: bytes = b""  # the same as the public JSON has it: what an alert keeps, see `streams.wire.compact`


class Detection(Struct, frozen=True, kw_only=True, rename={"cls": "class"}):
    """A detector's opinion of one sensor: an episode begins, goes on or ends."""

    id: str
    run: str = ""
    mode: str = "actual"  # actual | exercise | test
    state: str  # raise | update | clear
    domain: str
    kind: str  # e.g. pressure_low, gas_high, loop_congestion, flatline, dropout
    cls: str = "hazard"  # hazard | equipment
    sensor: str
    asset: str  # object the alert is about; the sensor itself where no asset is known
    zone: str = ""
    county: str  # routing county, 6 digits
    unit: str  # deepest administrative code known
    lon: float | None = None
    lat: float | None = None
    approximate: bool = False
    ts_ms: int  # event time of the reading or tick that decided
    onset_ms: int  # event time at which the condition began
    magnitude: float = 0.0  # how far beyond the threshold, in thresholds (0 = at it)
    hard: bool = False  # a hard limit was crossed
    level: int = 0  # which hard limit: 0 none, 1 watch, 2 low, 3 high, 4 beyond full scale
    interval_s: float = 60.0  # sampling interval of the sensor
    delayed_by_s: float = 0.0
    witnesses: int = 1  # sensors that agree
    tags: tuple[str, ...] = ()  # facts that weigh in the severity: tunnel, hazmat, fog …
    near: tuple[str, ...] = ()  # all sensors concerned, the most likely place first
    fences: tuple[Mark, ...] = ()  # active ones that hold the place
    owner_org: str = ""
    operator_org: str = ""
    regulator: str = ""
    name: Text = Text("", "")  # of the asset or sensor
    title: Text
    reason: Text
    evidence: Evidence
    source: str = SENSOR  # or where a person had it from: phone | 12345 | patrol | video
    severity: str = ""  # given by that person
    by: str = ""  # who made it by hand
    alert: str = ""  # id of the alert that a report of a person makes


class Command(Struct, frozen=True, kw_only=True):
    """What a person or a timer asks of the agent that owns an alert."""

    id: str
    alert: str
    county: str
    command: str  # ack, ...
    version: int | None  # the version the sender saw; None for timers
    by: str
    role: str
    unit: str  # unit the sender acts for
    at_ms: int
    comment: str = ""
    key: str = ""  # idempotency key
    params: dict[str, msgspec.Raw] = field(default_factory=dict)


class Alert(Struct, frozen=True, kw_only=True, rename={"cls": "class"}):
    """One episode of trouble: independent fields, one derived label (ISA-18.2)."""

    id: str
    version: int
    run: str = ""
    mode: str = "actual"
    domain: str
    kind: str
    cls: str = "hazard"
    source: str = SENSOR  # see Detection.source
    severity: str
    severity_why: Text
    condition: str = "ACTIVE"
    handling: str = "NEW"
    verdict: str | None = None
    label: str = "UNACK"
    episode: int = 1
    flaps: int = 0
    hard: bool = False  # a hard limit was crossed in this episode
    limit_level: int = 0  # the highest hard limit crossed, see Detection.level
    count: int = 1
    first_seen_ms: int
    last_seen_ms: int
    changed_ms: int
    cleared_ms: int | None = None
    county: str
    unit: str
    lon: float | None = None
    lat: float | None = None
    approximate: bool = False
    zone: str = ""
    asset: str
    sensors: tuple[str, ...] = ()
    active: tuple[str, ...] = ()  # those of `sensors` whose condition holds now
    name: Text = Text("", "")
    title: Text
    reason: Text
    evidence: Evidence
    acks: tuple[Ack, ...] = ()
    escalation: Escalation = Escalation()
    told: tuple[Told, ...] = ()
    owner_org: str = ""
    operator_org: str = ""
    regulator: str = ""
    interval_s: float = 60.0
    delayed_by_s: float = 0.0
    previous: str | None = None  # alert id of the episode before
    links: tuple[Link, ...] = ()
    codes: tuple[Code, ...] = ()  # of the asset in other systems
    impact: Impact | None = None
    fences: tuple[Mark, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    severity_by: str = ""  # an officer set it: it holds until the alert is cleared
    assignee: str = ""
    deadlines: tuple[Deadline, ...] = ()
    parent: str | None = None  # alert that explains this one, or the group or incident it is part of
    members: tuple[str, ...] = ()
    open_members: tuple[str, ...] = ()  # those merged by people whose condition is not cleared
    members_hard: bool = False  # one of those merged by people crossed a hard limit
    merged: bool = False  # people made it a member of `parent`, which is told and acked for it
    touched_group_ms: int = 0  # of a group: when its growth was last told
    elsewhere: dict[str, str] = {}  # parent and members of other counties -> their routing county
    flapped_ms: tuple[int, ...] = ()  # when it last came back after a clear, oldest first
    latched: bool = False  # chattering: told once, held until it was quiet
    recheck: bool = False  # 待现场复核: gas cleared, and no hand-held reading entered yet
    disposal: Disposal | None = None
    attachments: tuple[Attachment, ...] = ()
    warnings: tuple[PublicWarning, ...] = ()
    response_level: str = ""  # only people set it
    reports: tuple[Report, ...] = ()
    stopped_by: str = ""  # a take-over or a person that ended the upward clock
    late: bool = False  # its last deadline fired late, after a restart
    touched_ms: int = 0  # last command of a person

    @property
    def over(self) -> bool:
        """Its condition holds no longer, or people closed it."""
        return self.condition == "CLEARED" or self.handling == "CLOSED"


class Transition(Struct, frozen=True, kw_only=True):
    """One change of an alert; `seq` equals the version it made (0-version touches repeat the version)."""

    seq: int
    trigger: str  # raise | repeat | severity | clear | reraise | ack | ...
    row: str = ""  # of `streams.alerts.table`: the one that made it
    command: str | None = None
    by: str = "system"
    at_ms: int
    reason: Text
    before: dict[str, object] = field(default_factory=dict, name="from")
    after: dict[str, object] = field(default_factory=dict, name="to")
    tell: tuple[Notice, ...] = ()


class AlertRecord(Struct, frozen=True):
    """One record of the `alerts` log: the new state and the transition that made it."""

    alert: Alert
    transition: Transition


class CommandResult(Struct, frozen=True, kw_only=True):
    """Answer on `command.results`: accepted with the new alert, or refused with the row that forbids it."""

    id: str
    alert_id: str
    accepted: bool
    status: int = 200  # HTTP status the refusal means: 404, 409, 422
    row: str = ""  # the table row that forbids it
    reason: Text = Text("", "")
    alert: Alert | None = None
