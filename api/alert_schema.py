"""JSON Schemas of the public Alert and Transition: the API's and the topics' documents say the same by them."""

from __future__ import annotations

from typing import Any

STR = {"type": "string"}
INT = {"type": "integer"}
FLAG = {"type": "boolean"}
NUM = {"type": ["number", "null"]}
TIME = {"type": "string", "format": "date-time"}
MAYBE_TIME = {"type": ["string", "null"], "format": "date-time"}
TEXT = {"type": "object", "properties": {"zh": STR, "en": STR}}
ANY = {"type": "object"}
LIST = {"type": "array", "items": {}}
CODE = {"type": ["string", "null"]}


def words(*names: str) -> dict[str, Any]:
    """One of these texts."""
    return {"type": "string", "enum": list(names)}


EVIDENCE = {
    "type": "object",
    "properties": {
        "detector": STR, "version": {}, "score": NUM, "threshold": NUM, "limit": NUM, "expected": NUM, "low": NUM,
        "high": NUM, "value": NUM, "unit": STR, "also": NUM, "also_unit": STR, "suspect": STR,
        "series": {"type": "array", "items": {"type": "array"}, "description": "[[ts, value]…]; left out in the feed"},
    },
}  # fmt: skip
UNIT = {"type": "object", "properties": {"code": STR, "name": STR, "level": STR}}
PATH = {"type": "object", "properties": dict.fromkeys(("prefecture", "county", "township", "village"), CODE)}
ALERT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "version", "domain", "kind", "severity", "condition", "handling", "unit", "first_seen"],
    "properties": {
        "id": STR, "version": INT, "domain": STR, "kind": STR, "severity": words("I", "II", "III", "IV"),
        "severity_why": TEXT, "severity_by": CODE, "class": words("hazard", "equipment"),
        "source": words("sensor", "phone", "12345", "patrol", "video"), "mode": words("actual", "exercise", "test"),
        "run": STR, "condition": words("ACTIVE", "CLEARED", "UNKNOWN"),
        "handling": words("NEW", "ASSESSED", "DISPATCHED", "ON_SITE", "DISPOSED", "VERIFIED", "CLOSED"),
        "verdict": CODE, "label": words("UNACK", "ACKED", "RTNUN", "NORM", "SHLVD", "DSUPR", "OOSRV"),
        "episode": INT, "flaps": INT, "count": INT, "first_seen": TIME, "last_seen": TIME, "changed": TIME,
        "cleared": MAYBE_TIME, "unit": UNIT, "path": PATH, "owner_org": STR, "operator_org": STR, "regulator": STR,
        "assignee": CODE, "lon": NUM, "lat": NUM, "approximate": FLAG, "zone": STR, "assets": LIST, "sensors": LIST,
        "name": TEXT, "title": TEXT, "reason": TEXT, "evidence": EVIDENCE, "acks": LIST, "escalation": ANY,
        "suppressions": LIST, "told": LIST, "deadlines": ANY, "delayed_by_s": NUM, "codes": LIST, "parent": CODE,
        "members": LIST, "links": LIST, "fences": LIST, "impact": ANY, "hard": FLAG, "latched": FLAG, "recheck": FLAG,
        "response_level": CODE, "late": FLAG, "disposal": {"type": ["object", "null"]}, "attachments": LIST,
        "warnings": LIST, "reports": LIST,
    },
}  # fmt: skip
TRANSITION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "seq": INT, "trigger": STR, "row": STR, "command": CODE, "by": STR, "at": TIME, "reason": TEXT, "from": ANY,
        "to": ANY, "tell": LIST,
    },
}  # fmt: skip
