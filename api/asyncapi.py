"""The AsyncAPI 3 document: every topic of `streams.topics` and the feed, from the types that the code itself uses."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from api import alert_schema as a
from geo.assets import Asset, Sensor, Zone
from geo.fences import Fence
from streams import topics
from streams.events import Command, Detection

VERSION = "3.0.0"
JSON, MSGPACK = "application/json", "application/msgpack"
_REF = "#/components/schemas/{name}"
_INTERNAL = "of cityops alone: it may change with any version"


class Topic(NamedTuple):
    """What a topic holds. `action`: what cityops does with it, `receive` or `send`."""

    message: str
    action: str
    text: str


_TABLE = "compacted; the key is the record's id, an empty value removes"
_TOPICS: dict[str, Topic] = {
    **{topics.raw(d): Topic("Readings", "receive", f"readings of {d}: anyone may write them") for d in topics.DOMAINS},
    **{topics.packed(d): Topic("Packed", "send", f"rows of one partition; {_INTERNAL}") for d in topics.DOMAINS},
    topics.REJECTED: Topic("Rejected", "send", "messages that cannot be used, as they came"),
    topics.RESENT: Topic("Record", "send", f"rejects that were sent again; {_INTERNAL}"),
    topics.DETECTIONS: Topic("Detection", "send", f"detectors' opinions, and reports of people; {_INTERNAL}"),
    topics.COMMANDS: Topic("Command", "send", f"what people and timers ask of an alert; {_INTERNAL}"),
    topics.RESULTS: Topic("CommandResult", "send", f"answers to commands; {_INTERNAL}"),
    topics.ALERTS: Topic("AlertRecord", "send", "every change of every alert; a log, read it with read_committed"),
    topics.TRUTH: Topic("Record", "send", "incidents of the simulators"),
    topics.ASSETS: Topic("RegistryRecord", "send", f"sensors, zones and assets; {_TABLE}"),
    topics.FENCES: Topic("Fence", "send", f"geofences; key id@version; {_TABLE}"),
    topics.PROFILES: Topic("Record", "send", f"detector profiles; key id@version; {_TABLE}"),
    topics.POLICIES: Topic("Record", "send", f"escalation policies; key id@version; {_TABLE}"),
    topics.DUTY: Topic("Record", "send", f"people and rosters, with telephone numbers: few may read it; {_TABLE}"),
}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole document; names of topics are those of live operation (a run's have `run.<id>.` before them)."""
    channels = {name: _channel(name, topic) for name, topic in _TOPICS.items()}
    operations = {
        f"{topic.action}.{name}": _operation(topic.action, name, topic.message) for name, topic in _TOPICS.items()
    }
    for name, address, text in (
        ("feed", "/api/v1/feed", "Server-Sent Events: `id` is the cursor, `data` a CloudEvent; a comment each 15 s"),
        ("ws", "/api/v1/ws", "the same CloudEvents as text messages of a WebSocket"),
    ):
        messages = {m: {"$ref": f"#/components/messages/{m}"} for m in ("AlertEvent", "Resync")}
        channels[name] = {
            "address": address, "description": text, "servers": [{"$ref": "#/servers/http"}], "messages": messages,
        }  # fmt: skip
        operations[f"send.{name}"] = _operation("send", name, *messages)
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "cityops",
            "version": "1",
            "description": "Topics and feed. The HTTP interface is described by /openapi.json.",
        },
        "defaultContentType": JSON,
        "servers": {
            "kafka": {"host": "127.0.0.1:9092", "protocol": "kafka"},
            "http": {"host": "127.0.0.1:8420", "protocol": "http"},
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages(), "schemas": schemas()},
    }


def _channel(name: str, topic: Topic) -> dict[str, Any]:
    return {
        "address": name,
        "description": topic.text,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {topic.message: {"$ref": f"#/components/messages/{topic.message}"}},
    }


def _operation(action: str, channel: str, *messages: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{m}"} for m in messages],
    }


def _messages() -> dict[str, Any]:
    packed = {"name": "Packed", "contentType": MSGPACK, "payload": {"$ref": "#/components/schemas/Packed"}}
    headers = {
        "type": "object",
        "properties": dict.fromkeys(("reason", "rows", "source", "partition", "offset"), a.STR),
    }
    names = ("Readings", "Detection", "Command", "CommandResult", "AlertRecord", "RegistryRecord", "Fence", "Record",
             "AlertEvent", "Resync")  # fmt: skip
    return {
        **{name: {"name": name, "payload": {"$ref": _REF.format(name=name)}} for name in names},
        "Packed": packed,
        "Rejected": {"name": "Rejected", "headers": headers, "contentType": "application/octet-stream", "payload": {}},
    }


def schemas() -> dict[str, Any]:
    """Of the code's own types, of the public Alert and Transition, and of what is only JSON."""
    _, own = msgspec.json.schema_components([Detection, Command, Sensor, Zone, Asset, Fence], ref_template=_REF)
    moment = {"oneOf": [{"type": "integer", "description": "epoch ms"}, a.TIME]}
    reading = {
        "type": "object",
        "required": ["sensor", "ts", "value"],
        "properties": {
            "sensor": a.STR, "ts": moment, "value": {"type": "number"}, "metric": a.STR, "lon": a.NUM, "lat": a.NUM,
            "accuracy_m": a.NUM, "quality": a.words("good", "uncertain", "bad"), "seq": a.INT,
        },
        "examples": [{"sensor": "522601-W-PRS-000123", "ts": 1763884800123, "value": 41.7}],
    }  # fmt: skip
    record = {
        "type": "object", "required": ["alert", "transition"],
        "properties": {"alert": _ref("Alert"), "transition": _ref("Transition")},
    }  # fmt: skip
    return {
        **own,
        "Alert": a.ALERT,
        "Transition": a.TRANSITION,
        "Reading": reading,
        "Readings": {"oneOf": [_ref("Reading"), {"type": "array", "items": _ref("Reading")}, _ref("Packed")]},
        "Packed": {"type": "object", "description": "one msgpack map of columns, docs/intake.md"},
        "Record": {"type": "object"},
        "RegistryRecord": {"oneOf": [_ref("Sensor"), _ref("Zone"), _ref("Asset")]},
        "AlertRecord": record,
        "CommandResult": {
            "type": "object",
            "required": ["id", "alert_id", "accepted", "status", "row", "reason", "alert"],
            "properties": {
                "id": a.STR, "alert_id": a.STR, "accepted": a.FLAG, "status": a.INT, "row": a.STR, "reason": a.TEXT,
                "alert": {"oneOf": [_ref("Alert"), {"type": "null"}]},
            },
        },
        "AlertEvent": _event("cityops.alert", _ref("AlertRecord"), subject=a.STR, time=a.TIME),
        "Resync": _event("cityops.resync", {"type": "object", "required": ["cursor"], "properties": {"cursor": a.STR}}),
    }  # fmt: skip


def _event(kind: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A CloudEvent 1.0 in structured JSON."""
    fields = {
        "specversion": {"const": "1.0"}, "id": a.STR, "source": a.STR, "type": {"const": kind}, **more,
        "datacontenttype": {"const": JSON}, "data": data,
    }  # fmt: skip
    return {"type": "object", "required": list(fields), "properties": fields}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(name=name)}
