"""MQTT messages to readings by a mapping: columns a domain, and what cannot be read with its reason.

Pure: time is an argument. Messages come in batches of some hundreds; what depends only on the topic (which
subscription, domain, sensor ids) is worked out once a topic and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
import numpy as np

from streams import codec, topics
from streams.codec import CodecError
from streams.columns import Columns, concat
from streams.intake.mqtt_mapping import LETTER, Mapped, Subscription
from streams.intake.mqtt_topics import TemplateError, point
from streams.intake.mqtt_values import quality_of, raw_of, time_of, value_of
from streams.packed import MAX_ROWS

KNOWN_TOPICS = 200_000  # routes kept; beyond that the table is begun anew
CAUSES = 4
_json = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode


class Message(NamedTuple):
    """What the broker delivered; `at_ms`: when it arrived at the bridge; `user`: MQTT 5 user properties; `retained`:
    the broker kept it from before we subscribed."""

    topic: str
    payload: bytes
    at_ms: int
    user: Sequence[tuple[str, str]] = ()
    retained: bool = False


class Rejected(NamedTuple):
    """Rows of message number `message` that make no reading; no rows: the whole message."""

    message: int
    rows: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Readings:
    """`columns`: domain → its rows as they arrived; `stale`: retained messages that have no time of their own."""

    columns: dict[str, Columns]
    rejects: list[Rejected]
    stale: int = 0


class Route(NamedTuple):
    """What a topic's name decides. `sensors`, `metrics`: a text a value, None where the payload has a say."""

    subscription: Subscription
    domain: str
    parts: dict[str, str]
    sensor: str | None
    sensors: tuple[str | None, ...]
    metrics: tuple[str | None, ...]


@dataclass
class _Rows:
    """Rows of one domain as they grow."""

    sensor: list[str] = field(default_factory=list)
    ts: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    metric: list[str | None] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    own: list[bytes] = field(default_factory=list)  # payloads in our own form
    own_from: list[int] = field(default_factory=list)  # the messages they came with

    def columns(self) -> Columns:
        n = len(self.sensor)
        names: dict[str, int] = {}
        idx = np.fromiter((names.setdefault(s, len(names)) for s in self.sensor), np.int32, n)
        extra: dict[str, Any] = {}
        if any(self.metric):
            metrics: dict[str, int] = {}
            numbers = [metrics.setdefault(m, len(metrics)) if m else -1 for m in self.metric]
            extra = {"metric_idx": np.array(numbers, np.int16), "metrics": list(metrics)}
        if any(self.quality):
            extra["quality"] = np.array(self.quality, np.uint8)
        return Columns(list(names), idx, np.array(self.ts, np.int64), np.array(self.value, np.float64), **extra)


class Mapper:
    """Turns messages into readings; keeps only what it learnt of topics."""

    def __init__(self, mapped: Mapped) -> None:
        self._mapped = mapped
        self._routes: dict[str, Route | str] = {}

    def convert(self, messages: Sequence[Message]) -> Readings:
        """Readings of all messages; one that cannot be read is a reject and stops nothing."""
        rows: dict[str, _Rows] = {}
        rejects: list[Rejected] = []
        routes, stale = self._routes, 0
        for index, message in enumerate(messages):
            route = routes.get(message.topic) or self._learn(message.topic)
            if isinstance(route, str):
                rejects.append(Rejected(index, (), route))
                continue
            if message.retained and route.subscription.values and route.subscription.ts.path is None:
                stale += 1  # measured at an unknown time, told again at each new subscription
                continue
            into = rows.get(route.domain)
            if into is None:
                into = rows[route.domain] = _Rows()
            try:
                if not route.subscription.values:
                    _take_own(index, message, route, into)
                else:
                    _take(index, message, route, into, rejects)
            except (CodecError, TemplateError) as error:
                rejects.append(Rejected(index, (), str(error)))
        columns: dict[str, Columns] = {}
        for domain, into in rows.items():
            parts = [into.columns()]
            if into.own:
                decoded = codec.decode(into.own)
                rejects += [Rejected(into.own_from[r.index], r.rows, r.reason) for r in decoded.rejects]
                parts.append(decoded.cols)
            cols = concat(parts)
            if len(cols):
                columns[domain] = cols
        return Readings(columns, _few(rejects), stale)

    def _learn(self, topic: str) -> Route | str:
        if len(self._routes) >= KNOWN_TOPICS:
            self._routes.clear()
        found = self._routes[topic] = self.route(topic)
        return found

    def route(self, topic: str) -> Route | str:
        """The first subscription the topic fits and what follows from it, or the reason why none does."""
        why = ""
        for subscription in self._mapped.subscriptions:
            parts, reason = subscription.topic.match(topic)
            if parts is None:
                why = why or reason
                continue
            try:
                return _route(subscription, parts)
            except TemplateError as error:
                why = why or f"topic {topic[:200]!r}: {error}"
        return why or f"topic {topic[:200]!r} fits no subscription of the mapping"


def _few(rejects: list[Rejected]) -> list[Rejected]:
    """In the order of the messages, and at most `CAUSES` for one: each becomes a copy of the original."""
    out: list[Rejected] = []
    for message, group in groupby(sorted(rejects), key=lambda r: r.message):
        mine = list(group)
        rest = mine[CAUSES - 1 :]
        if len(rest) > 1:
            rows = tuple(sorted(row for r in rest for row in r.rows))
            mine[CAUSES - 1 :] = [Rejected(message, rows, f"{rest[0].reason} (and {len(rest) - 1} more like it)")]
        out += mine
    return out


def _route(subscription: Subscription, parts: dict[str, str]) -> Route:
    for name, table in subscription.names.items():
        if parts[name] not in table:
            raise TemplateError(f"part {name} is {parts[name][:64]!r}, which is not among its names")
        parts[name] = table[parts[name]]
    domain = subscription.domain.make(parts)
    if domain not in topics.DOMAINS:
        raise TemplateError(f"domain {domain[:64]!r} is none of {', '.join(topics.DOMAINS)}")
    parts[LETTER] = topics.DOMAIN_LETTER[domain]

    def fixed(template: Any) -> str | None:
        return None if template is None or template.moving else template.make(parts)

    return Route(
        subscription,
        domain,
        parts,
        fixed(subscription.sensor),
        tuple(fixed(v.sensor) for v in subscription.values),
        tuple(fixed(v.metric) for v in subscription.values),
    )


def _document(payload: bytes) -> Any:
    try:
        return _json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CodecError("payload is no JSON" if payload.strip() else "payload is empty") from None


def _take_own(index: int, message: Message, route: Route, into: _Rows) -> None:
    """Readings in our own form; where the subscription names the sensor, the payload cannot name another."""
    subscription, payload = route.subscription, message.payload
    is_map = bool(payload) and (0x80 <= payload[0] < 0x90 or payload[0] in (0xDE, 0xDF))
    if (subscription.payload == "packed") != is_map:
        raise CodecError(
            "payload is no packed message" if not is_map else "payload is packed; the subscription wants json"
        )
    if subscription.sensor is not None:
        document = _document(payload)
        items = document if isinstance(document, list) else [document]
        for item in items:
            if not isinstance(item, dict):
                raise CodecError("a reading is an object")
            name = route.sensor or subscription.sensor.make(route.parts, item, dict(message.user))
            if item.setdefault("sensor", name) != name:
                raise CodecError(f"payload names sensor {str(item['sensor'])[:64]!r}, the topic {name!r}")
        payload = _encode(items)
    into.own.append(payload)
    into.own_from.append(index)


def _take(index: int, message: Message, route: Route, into: _Rows, rejects: list[Rejected]) -> None:
    """Values at the mapping's paths. A row that cannot be read is refused alone."""
    subscription = route.subscription
    if subscription.payload == "raw":
        items: list[Any] = [raw_of(message.payload, subscription.values[0])]
    else:
        document = _document(message.payload)
        items = [document]
        if subscription.each is not None:
            items = point(document, subscription.each)
            if not isinstance(items, list):
                raise CodecError("the place named by each holds no array")
            if not 0 < len(items) * len(subscription.values) <= MAX_ROWS:
                raise CodecError(
                    f"the array holds {len(items)} items; want 1 to {MAX_ROWS // len(subscription.values)}"
                )
    bad: dict[str, list[int]] = {}
    taken = row = 0
    for item in items:
        late: str | None = None
        try:
            ts = time_of(item, subscription.ts, message.at_ms)
        except CodecError as error:
            late = str(error)
        for k, rule in enumerate(subscription.values):
            try:
                if late is not None:
                    raise CodecError(late)
                value = value_of(item, rule)
                if value is not None:
                    quality = quality_of(item, rule)
                    sensor = route.sensors[k] or rule.sensor.make(route.parts, item, dict(message.user))
                    into.sensor.append(sensor)
                    into.ts.append(ts)
                    into.value.append(value)
                    into.metric.append(route.metrics[k])
                    into.quality.append(quality)
                    taken += 1
            except (CodecError, TemplateError) as error:
                bad.setdefault(str(error), []).append(row)
            row += 1
    whole = row == 1
    rejects += [Rejected(index, () if whole else tuple(rows), reason) for reason, rows in bad.items()]
    if not taken and not bad:
        raise CodecError("none of the mapping's values is in the payload")
