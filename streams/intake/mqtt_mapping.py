"""The mapping file of the MQTT bridge: which topics, whose readings, where in the payload. Read and checked as a whole.

Pure but for reading the file. docs/intake.md explains each key; deploy/mqtt.example.toml shows them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams import topics
from streams.errors import UsageError, explain
from streams.intake.mqtt_toml import Table
from streams.intake.mqtt_topics import (
    Pointer,
    TemplateError,
    TextTemplate,
    TopicTemplate,
    is_plain_filter,
    topic_template,
)

UNITS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6, "rfc3339": 0.0}  # milliseconds in one unit
PAYLOADS = ("json", "raw", "packed")
QUALITIES = ("good", "uncertain", "bad")
LETTER = "letter"  # a field of every template: the domain's letter


@dataclass(frozen=True)
class TimeRule:
    """Where a reading's time is; no path: the time the message arrived at the bridge."""

    path: Pointer | None = None
    unit: str = "ms"
    zone: str = ""  # for RFC 3339 times that name no zone


@dataclass(frozen=True)
class ValueRule:
    """One value of a payload: reading = number × scale + offset."""

    path: Pointer
    sensor: TextTemplate
    metric: TextTemplate | None = None
    scale: float = 1.0
    offset: float = 0.0
    names: Mapping[str, float] = field(default_factory=dict)
    quality: Pointer | None = None
    quality_names: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False


@dataclass(frozen=True)
class Subscription:
    """One `[[subscription]]`. `values` empty: the payload holds readings in our own form (json or packed)."""

    topic: TopicTemplate
    domain: TextTemplate
    payload: str
    qos: int
    share: str
    sensor: TextTemplate | None
    names: Mapping[str, Mapping[str, str]]
    each: Pointer | None
    ts: TimeRule
    values: tuple[ValueRule, ...]

    @property
    def filter(self) -> str:
        """What is sent to the broker."""
        return f"$share/{self.share}/{self.topic.filter}" if self.share else self.topic.filter


@dataclass(frozen=True)
class Mapped:
    subscriptions: tuple[Subscription, ...]


def load(path: str | Path) -> Mapped:
    """Read a mapping file. Raises UsageError that names file, key and reason (all of them)."""
    mapped, problems = read(path)
    if mapped is None:
        more = f" (and {len(problems) - 1} more, see `cityops intake mqtt --check {path}`)" if len(problems) > 1 else ""
        raise UsageError(f"{path}: {problems[0]}{more}")
    return mapped


def read(path: str | Path) -> tuple[Mapped | None, list[str]]:
    """The mapping, or None and one sentence for each thing that is wrong with it."""
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise explain(error) from None
    except UnicodeDecodeError:
        return None, ["is not UTF-8 text"]
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return None, [f"is not TOML: {error}"]
    return parse(document)


def parse(document: Mapping[str, Any]) -> tuple[Mapped | None, list[str]]:
    """The mapping of a TOML document, or None and one sentence a problem."""
    top = Table(document, "", [])
    tables = top.tables("subscription")
    if not tables:
        top.problems.append("subscription: want at least one [[subscription]]")
    subscriptions = [_subscription(t) for t in tables]
    top.close()
    if top.problems:
        return None, top.problems
    return Mapped(tuple(s for s in subscriptions if s is not None)), []


def _subscription(t: Table) -> Subscription | None:
    before = len(t.problems)
    parts = t.table("parts").texts()
    text = t.text("topic")
    try:
        topic = topic_template(text, parts)
    except TemplateError as error:
        t.wrong("topic", f"{text!r} {error}" if "topic" in t.data else "is missing")
        topic = topic_template("#")
    fields = (*topic.names, LETTER)
    renamed = t.table("names")
    names = {part: renamed.table(part).texts() for part in renamed.data}
    for part in names:
        if part not in topic.names:
            renamed.wrong(part, f"is no part of topic {text!r}")
    domain = t.template("domain", topic.names)
    if "domain" not in t.data:
        t.wrong("domain", f"is missing; want {', '.join(topics.DOMAINS)} or a part, as in {{domain}}")
    elif domain is not None:
        _check_domain(t, domain, names)
    payload = t.one_of("payload", PAYLOADS, "json")
    qos = t.get("qos", int, 1, "0 or 1")
    if qos not in (0, 1):
        t.wrong("qos", f"is {qos}; want 1, or 0 (with 2 the bridge would have to promise what is not yet in Kafka)")
    share = t.text("share")
    if share and not is_plain_filter(share):
        t.wrong("share", f"is {share!r}; want a name without / + #")
    sensor = t.template("sensor", fields)
    each = t.pointer("each")
    values = [_value(v, sensor, fields) for v in t.tables("value")]
    if payload == "raw":
        values = [_value(t, sensor, fields, raw=True)]
    ts = _time(t.table("ts"), own=payload == "packed" or (payload == "json" and not values), raw=payload == "raw")
    _fits(t, payload, sensor, each, values)
    t.close()
    if len(t.problems) > before or domain is None:
        return None
    kept = tuple(v for v in values if v is not None)
    return Subscription(topic, domain, payload, qos, share, sensor, names, each, ts, kept)


def _check_domain(t: Table, domain: TextTemplate, names: Mapping[str, Mapping[str, str]]) -> None:
    if domain.moving:
        t.wrong("domain", f"{domain.text!r} takes from the payload; want text or a part of the topic")
    elif "{" not in domain.text and domain.text not in topics.DOMAINS:
        t.wrong("domain", f"is {domain.text!r}; want {', '.join(topics.DOMAINS)} or a part, as in {{domain}}")
    elif re.fullmatch(r"\{\w+\}", domain.text):
        for old, new in names.get(domain.text[1:-1], {}).items():
            if new not in topics.DOMAINS:
                t.wrong(f"names.{domain.text[1:-1]}.{old}", f"is {new!r}; want {', '.join(topics.DOMAINS)}")


def _fits(
    t: Table, payload: str, sensor: TextTemplate | None, each: Pointer | None, values: list[ValueRule | None]
) -> None:
    """Keys that go together."""
    if payload == "packed" and ("value" in t.data or sensor is not None):
        t.wrong("payload", "is packed, which names its own sensors: leave out sensor and value")
    if payload == "raw" and "value" in t.data:
        t.wrong("value", "goes with payload json; raw takes scale, offset and metric of the subscription itself")
    if each is not None and not (payload == "json" and values):
        t.wrong("each", "goes with payload json and [[subscription.value]]")
    if payload == "raw" and sensor is not None and any(n.startswith("/") for _, n, _ in sensor._pieces):
        t.wrong("sensor", f"{sensor.text!r} takes from the payload, which is a plain number")


def _value(t: Table, default: TextTemplate | None, fields: tuple[str, ...], raw: bool = False) -> ValueRule | None:
    before = len(t.problems)
    sensor = default if raw else (t.template("sensor", fields) or default)
    if sensor is None and "sensor" not in t.data:
        t.wrong("sensor", "is missing here and in the subscription")
    path: Pointer | None = ()
    quality, quality_names = None, {}
    if not raw:
        path = t.pointer("path")
        if "path" not in t.data:
            t.wrong("path", "is missing; want the place of the value, as in /data/pressure")
        q = t.table("quality")
        quality, quality_names = q.pointer("path"), q.table("names").texts(QUALITIES)
        if q.data and "path" not in q.data:
            q.wrong("path", "is missing")
        q.close()
    metric = t.template("metric", fields)
    if metric is not None and metric.moving:
        t.wrong("metric", f"{metric.text!r} takes from the payload; want text or parts of the topic")
    scale, offset = t.number("scale", 1.0), t.number("offset", 0.0)
    if scale == 0:
        t.wrong("scale", "is 0, which makes all readings equal")
    states = t.table("states")
    names = {key: states.number(key, 0.0) for key in states.data}
    optional = False if raw else bool(t.get("optional", bool, False, "true or false"))
    if not raw:
        t.close()
    if len(t.problems) > before or sensor is None or path is None:
        return None
    return ValueRule(path, sensor, metric, scale, offset, names, quality, quality_names, optional)


def _time(t: Table, own: bool, raw: bool) -> TimeRule:
    path, unit, zone = t.pointer("path"), t.one_of("unit", tuple(UNITS), "ms"), t.text("zone")
    if own and t.data:
        t.problems.append(f"{t.where[:-1]}: readings in our own form bring their ts; leave it out")
    if raw and "path" in t.data:
        t.wrong("path", "payload is a plain number: it has no time but that of its arrival")
    if t.data and "path" not in t.data and not raw:
        t.wrong("path", "is missing; for the time of arrival leave out the whole table")
    if "path" in t.data and "unit" not in t.data:
        t.wrong("unit", f"is missing; want {', '.join(UNITS)}")
    if zone and not (unit == "rfc3339" and re.fullmatch(r"Z|[+-]\d\d:\d\d", zone)):
        t.wrong("zone", f"is {zone!r}; want Z or like +08:00, with unit rfc3339")
    t.close()
    return TimeRule(path, unit, zone)
