"""Shapes of the answers for the OpenAPI document; answers themselves are stored JSON and not checked again."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from api.alert_schema import (
    ALERT as ALERT_SCHEMA,
    ANY as _ANY,
    CODE as _CODE,
    LIST as _LIST,
    NUM as _NUM,
    STR as _STR,
    TEXT as _TEXT,
    TIME as _TIME,
    TRANSITION as TRANSITION_SCHEMA,
    UNIT as _UNIT,
    words as _words,
)

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {"type": _STR, "title": _STR, "status": {"type": "integer"}, "detail": _STR},
}
_PAIRS = {"type": "array", "items": {"type": "object", "additionalProperties": True}}
ASSET_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id", "code", "type", "domain", "kind", "unit_code", "version"],
    "properties": {
        "id": _STR, "code": {"type": "string", "description": "unified code: id and check character (ISO 7064)"},
        "type": _words("asset", "sensor"), "domain": _STR, "kind": _STR, "name_zh": _STR, "name_en": _STR,
        "lon": _NUM, "lat": _NUM, "line": _LIST, "unit_code": _STR, "approximate": {"type": "boolean"}, "zone": _STR,
        "parent": _STR, "owner_org": _STR, "operator_org": _STR, "regulator": _STR, "codes": _PAIRS,
        "downstream": _PAIRS, "length_m": _NUM, "diameter_mm": _NUM, "people": {"type": "integer"},
        "customers": {"type": "integer"}, "contacts": _PAIRS, "installed": _STR, "calibrated": _STR, "battery": _STR,
        "retired": {"type": "boolean"}, "demo": {"type": "boolean"}, "version": {"type": "integer"}, "by": _STR,
        "at": _TIME, "sensors": {"type": "array", "items": _STR, "description": "ids of the sensors that watch it"},
    },
}  # fmt: skip
SCHEMAS = {"Asset": ASSET_SCHEMA, "Alert": ALERT_SCHEMA, "Transition": TRANSITION_SCHEMA, "Problem": PROBLEM_SCHEMA}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def answer(description: str, schema: dict[str, Any], media: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": schema}}}


AUDIT = answer(
    "rows, newest first",
    {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["seq", "at", "by", "action", "status", "address", "request", "changes", "hash"],
                    "properties": {
                        "seq": {"type": "integer"}, "at": _TIME, "by": _STR, "role": _STR, "unit": _STR, "org": _LIST,
                        "address": _STR, "request": _STR, "action": _STR, "target": _STR, "query": _STR, "place": _STR,
                        "status": {"type": "integer"}, "changes": _PAIRS, "prev": _STR, "hash": _STR,
                    },
                },
            },
            "next": {"type": ["string", "null"]},
        },
    },
)  # fmt: skip
ALERT = answer("the alert", _ref("Alert"))
ALERT_OFFERED = answer(
    "the alert, and open alerts near it that it can be merged into, the nearest first",
    {
        "allOf": [
            _ref("Alert"),
            {
                "type": "object",
                "properties": {
                    "offers": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "id": _STR, "version": {"type": "integer"}, "domain": _STR, "kind": _STR,
                                "severity": _STR, "condition": _STR, "handling": _STR, "title": _TEXT, "unit": _UNIT,
                                "first_seen": _TIME, "distance_m": {"type": "number"}, "why": _TEXT,
                            },
                        },
                    }
                },
            },
        ]
    },
)  # fmt: skip
CAP = answer("a CAP 1.2 message", {"type": "string"}, "application/cap+xml")
ATOM = answer("an Atom feed", {"type": "string"}, "application/atom+xml")
BULK = answer(
    "what became of each item, in their order",
    {
        "type": "object",
        "required": ["accepted", "refused", "items"],
        "properties": {
            "accepted": {"type": "integer"}, "refused": {"type": "integer"},
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "status"],
                    "properties": {
                        "id": _STR, "status": {"type": "integer"}, "version": {"type": "integer"}, "detail": _STR,
                        "row": _STR, "reason": _TEXT,
                    },
                },
            },
        },
    },
)  # fmt: skip
ALERT_LIST = answer(
    "one page",
    {
        "type": "object",
        "required": ["items", "next", "cursor"],
        "properties": {"items": {"type": "array", "items": _ref("Alert")}, "next": _CODE, "cursor": _STR},
    },
)
ALERT_TIMELINE = answer(
    "the alert and every transition, oldest first",
    {
        "allOf": [
            _ref("Alert"),
            {"type": "object", "properties": {"timeline": {"type": "array", "items": _ref("Transition")}}},
        ]
    },
)
ASSET = answer("the asset or sensor", _ref("Asset"))
ASSET_LIST = answer(
    "one page, in the order of ids",
    {
        "type": "object",
        "required": ["items", "next", "total"],
        "properties": {
            "items": {"type": "array", "items": _ref("Asset")}, "next": _CODE, "total": {"type": "integer"},
        },
    },
)  # fmt: skip
REPORT = answer(
    "the draft; `format=text` gives its `text` alone as text/plain",
    {
        "type": "object",
        "required": ["kind", "alert", "version", "title", "sections", "due", "text", "summary"],
        "properties": {
            "kind": _words("first", "follow_up", "final"), "alert": _STR, "version": {"type": "integer"}, "title": _STR,
            "sections": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"key": _STR, "title": _STR, "text": _STR, "unknown": {"type": "boolean"}},
                },
            },
            "due": {"type": "object", "properties": {"report_verbal": _TIME, "report_written": _TIME}},
            "text": _STR, "summary": {"type": "string", "description": "in English"},
        },
    },
)  # fmt: skip
MANAGEMENT_FIGURES = answer(
    "by unit and organisation the shares now, in the period before and a year before; when and where alerts were",
    {
        "type": "object",
        "required": ["unit", "from", "to", "mode", "complete", "rows", "hours", "days", "repeated"],
        "properties": {
            "unit": _STR, "name": _STR, "from": _TIME, "to": _TIME, "mode": _STR, "complete": {"type": "boolean"},
            **dict.fromkeys(("rows", "hours", "days", "repeated"), _LIST),
        },
    },
)  # fmt: skip
ALARM_FIGURES = answer(
    "figures, each with value, benchmark and grade; by unit; and the lists behind them",
    {
        "type": "object",
        "required": ["unit", "from", "to", "mode", "complete", "figures", "scopes", "response"],
        "properties": {
            "unit": _STR, "name": _STR, "from": _TIME, "to": _TIME, "mode": _STR, "class": _STR,
            "operators": {"type": "integer"},
            "complete": {"type": "boolean", "description": "false: alarms of the beginning are no longer known"},
            "figures": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": _STR, "title": _TEXT, "value": _NUM, "unit": _STR, "benchmark": {}, "grade": _STR,
                        "assessment": _TEXT,
                    },
                },
            },
            **dict.fromkeys(
                ("scopes", "floods", "top_sources", "chattering", "fleeting", "stale", "repeated_places", "response"),
                _LIST,
            ),
        },
    },
)  # fmt: skip
FEED = answer("events; `data` is a CloudEvent 1.0 with {alert, transition}", _STR, "text/event-stream")


def _body(schema: dict[str, Any], example: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a route that reads its body itself wants of it: a JSON document that has to be there."""
    content = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


FENCE_BODY = _body(
    {
        "type": "object",
        "required": ["id", "name", "kind", "shape"],
        "properties": {
            "id": _STR, "name": _TEXT, "kind": _STR, "shape": _ANY, "active": _LIST, "from": _TIME,
            "until": _TIME, "effect": _ANY, "people": {"type": "integer"}, "moving": {"type": "boolean"},
            "dwell_s": _NUM, "note": _STR, "version": {"type": "integer"},
        },
    },
    {
        "id": "works-beijing-xi-lu", "name": {"zh": "北京西路开挖", "en": "Beijing West Road works"},
        "kind": "works", "shape": {"type": "circle", "lon": 107.981, "lat": 26.583, "radius_m": 150},
        "from": "2026-12-01T00:00:00Z", "until": "2026-12-20T10:00:00Z",
        "effect": {"suppress": ["pressure_transient"]},
    },
)  # fmt: skip


POLICY_BODY = _body(
    {
        "type": "object",
        "required": ["id", "chains"],
        "properties": {
            "id": _STR, "version": {"type": "integer"}, "supervise_after": _NUM, "next_level_after": _NUM,
            "calendar": _ANY, "chains": _PAIRS, "response": _PAIRS,
        },
    },
)  # fmt: skip


DUTY_BODY = _body(
    _ANY,
    {
        "hours": [{"days": [1, 2, 3, 4, 5, 6, 7], "from_minute": 0, "until_minute": 1440}],
        "posts": {"main": 2, "deputy": 1},
        "rotations": [
            {
                "role": "main", "teams": [["zhang", "qian"], ["li", "wu"]],
                "starts": "2026-12-07T08:30:00+08:00", "every_s": 604800,
            }
        ],
        "shifts": [
            {
                "role": "main", "person": "shi", "from": "2027-01-20T00:00:00+08:00",
                "until": "2027-02-10T00:00:00+08:00", "instead_of": "", "why": "freezing",
            }
        ],
        "room": [{"channel": "voice", "address": "08550000000"}],
        "version": 3,
    },
)  # fmt: skip


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Answers that are not a success."""
    return {code: answer(HTTPStatus(code).phrase, _ref("Problem"), "application/problem+json") for code in codes}
