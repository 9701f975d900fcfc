"""The intake's part of the OpenAPI document, with an example of each form of body."""

from __future__ import annotations

from typing import Any

from api.docs import answer, problems
from streams.topics import DOMAINS

_ROW = {"sensor": "522601-W-PRS-000123", "ts": 1763884800123, "value": 41.7}
_NEXT = {**_ROW, "ts": "2025-11-23T08:00:01.123Z", "value": 41.6, "quality": "good", "lon": 107.98, "lat": 26.58}
_LINES = (
    "pressure,sensor=522601-W-PRS-000123 value=41.7 1763884800123000000\n"
    "522601-W-FLO-000007 value=12.5,temperature=9i 1763884800123000000\n"
)
_READING = {
    "type": "object",
    "required": ["sensor", "ts", "value"],
    "properties": {
        "sensor": {"type": "string", "description": "id of a registered sensor"},
        "ts": {"type": ["integer", "string"], "description": "epoch milliseconds, or RFC 3339 with a zone"},
        "value": {"type": "number"},
        "metric": {"type": "string"},
        "lon": {"type": "number"},
        "lat": {"type": "number"},
        "accuracy_m": {"type": "number"},
        "quality": {"type": "string", "enum": ["good", "uncertain", "bad"]},
        "seq": {"type": "integer"},
    },
}
_DONE = {
    "type": "object",
    "required": ["accepted", "rejected"],
    "properties": {
        "accepted": {"type": "integer", "description": "rows that Kafka has acknowledged"},
        "rejected": {
            "type": "array",
            "description": "rows that were refused, in the order of the body; at most 1000 of them are told",
            "items": {
                "type": "object",
                "required": ["index", "reason"],
                "properties": {
                    "index": {"type": "integer", "description": "row of the body from 0; of line protocol the line"},
                    "reason": {"type": "string"},
                },
            },
        },
        "rejected_more": {"type": "integer", "description": "refused rows beyond those that are told"},
    },
    "example": {"accepted": 2, "rejected": [{"index": 1, "reason": "value is text, not a number"}]},
}
_QUERY = [
    {
        "name": "domain", "in": "query", "required": True, "description": "where the sensors belong",
        "schema": {"type": "string", "enum": list(DOMAINS)},
    },
    {
        "name": "precision", "in": "query", "description": "unit of line protocol's timestamps",
        "schema": {"type": "string", "enum": ["ns", "us", "ms", "s"], "default": "ns"},
    },
    {
        "name": "Content-Encoding", "in": "header", "description": "none for a plain body",
        "schema": {"type": "string", "enum": ["gzip", "zstd"]},
    },
]  # fmt: skip
OPENAPI: dict[str, Any] = {
    "tags": ["ingest"],
    "summary": "Send readings",
    "description": (
        "JSON (one reading, an array, NDJSON), InfluxDB line protocol or packed msgpack, up to 8 MiB after opening. "
        "202 comes when Kafka has what was accepted; refused rows are told one by one. A device's token may send "
        "the readings of its zone or unit and nothing else. See docs/intake.md."
    ),
    "operationId": "ingest",
    "parameters": _QUERY,
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"oneOf": [_READING, {"type": "array", "items": _READING}]},
                "examples": {"one": {"value": _ROW}, "several": {"value": [_ROW, _NEXT]}},
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
            "text/plain": {"schema": {"type": "string"}, "example": _LINES},
            "application/msgpack": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    "responses": {
        str(code): shape
        for code, shape in {
            202: answer("what was taken", _DONE),
            **problems(401, 403, 408, 413, 415, 422),
            429: {
                **problems(429)[429],
                "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
            },
            **problems(503),
        }.items()
    },
}
