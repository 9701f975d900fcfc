"""The public JSON of alerts and transitions, as the contract has it: RFC 3339 times, unit names, four-level path."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from geo.divisions import Divisions, UnitError
from geo.fences import Mark
from geo.moments import rfc3339, rfc3339_or_none
from streams.alerts.table import RESPONSIBLE
from streams.events import Alert, AlertRecord, CommandResult, Evidence, Notice, Text, Transition

_json = msgspec.json.Encoder()
PREVIOUS = Text("上一次报警", "the episode before")


def _text(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _unit(code: str, divisions: Divisions) -> dict[str, str]:
    try:
        unit = divisions.get(code)
    except UnitError:
        return {"code": code, "name": code, "level": ""}
    return {"code": unit.code, "name": unit.name, "level": unit.level}


def public_alert(a: Alert, divisions: Divisions) -> dict[str, Any]:
    """Alert of the public contract."""
    try:
        path = divisions.path(a.unit)
    except UnitError:
        path = {"prefecture": None, "county": a.county, "township": None, "village": None}
    e = a.evidence
    return {
        "id": a.id,
        "version": a.version,
        "domain": a.domain,
        "kind": a.kind,
        "severity": a.severity,
        "severity_why": _text(a.severity_why),
        "class": a.cls,
        "source": a.source,
        "mode": a.mode,
        "run": a.run,
        "condition": a.condition,
        "handling": a.handling,
        "verdict": a.verdict,
        "label": a.label,
        "episode": a.episode,
        "flaps": a.flaps,
        "count": a.count,
        "first_seen": rfc3339(a.first_seen_ms),
        "last_seen": rfc3339(a.last_seen_ms),
        "changed": rfc3339(a.changed_ms),
        "cleared": rfc3339_or_none(a.cleared_ms),
        "unit": _unit(a.unit, divisions),
        "path": path,
        "owner_org": a.owner_org,
        "operator_org": a.operator_org,
        "regulator": a.regulator,
        "assignee": a.assignee or None,
        "lon": a.lon,
        "lat": a.lat,
        "approximate": a.approximate,
        "zone": a.zone,
        "assets": [a.asset] if a.asset != a.id else [],  # a report of a person without one is its own
        "sensors": list(a.sensors),
        "name": _text(a.name),
        "title": _text(a.title),
        "reason": _text(a.reason),
        "evidence": {
            "detector": e.detector,
            "version": e.version,
            "score": e.score,
            "threshold": e.threshold,
            "limit": e.limit,
            "expected": e.expected,
            "low": e.low,
            "high": e.high,
            "value": e.value,
            "unit": e.unit,
            **({"also": e.also, "also_unit": e.also_unit} if e.also_unit else {}),
            **({"suspect": e.suspect} if e.suspect else {}),
            "series": msgspec.Raw(e.series_json) if e.series_json else [[rfc3339(t), v] for t, v in e.series],
        },
        "acks": [
            {
                "level": k.level,
                "by": k.by,
                "at": rfc3339(k.at_ms),
                "expires": rfc3339(k.expires_ms),
                "on_behalf": k.on_behalf or None,
            }
            for k in a.acks
        ],
        "escalation": {
            "level": a.escalation.level or RESPONSIBLE[a.severity],
            "step": a.escalation.step,
            "deadline": rfc3339_or_none(a.escalation.deadline_ms or None),
            "exhausted": a.escalation.exhausted,
            "policy": a.escalation.policy,
            "repeats": a.escalation.repeats,
        },
        "suppressions": [
            {"kind": s.kind, "by": s.by, "why": _text(s.why), "until": rfc3339_or_none(s.until_ms)}
            for s in a.suppressions
        ],
        "told": [
            {
                "unit": "" if t.place.startswith("org:") else t.place,
                "org": t.place[4:] if t.place.startswith("org:") else "",
                "role": t.role,
                "person": t.person,
                "at": rfc3339(t.at_ms),
                "channel": t.channel,
                "acked": t.acked,
                "failed": t.failed,
            }
            for t in a.told
        ],
        "deadlines": {
            d.step: {
                "due": rfc3339(d.due_ms),
                "state": d.state,
                "next": rfc3339_or_none(d.next_ms or None),
                "extended": d.extended,
            }
            for d in a.deadlines
        },
        "delayed_by_s": a.delayed_by_s,
        "codes": [{"system": c.system, "value": c.value} for c in a.codes],
        "parent": a.parent,
        "members": list(a.members),
        "links": _links(a),
        "fences": [_mark(m) for m in a.fences],
        "impact": msgspec.to_builtins(a.impact) if a.impact else {},
        "hard": a.hard,
        "latched": a.latched,
        "recheck": a.recheck,
        "severity_by": a.severity_by or None,
        "response_level": a.response_level or None,
        "late": a.late,
        **_done(a),
    }


def _done(a: Alert) -> dict[str, Any]:
    """What people did."""
    d = a.disposal
    return {
        "disposal": d and {"cause": d.cause, "action": d.action, "by": d.by, "level": d.level, "at": rfc3339(d.at_ms)},
        "attachments": [
            {
                "name": x.name,
                "ref": x.ref,
                "note": x.note,
                "by": x.by,
                "at": rfc3339(x.at_ms),
                "taken": rfc3339_or_none(x.taken_ms),
                "lon": x.lon,
                "lat": x.lat,
                "accuracy_m": x.accuracy_m,
            }
            for x in a.attachments
        ],
        "warnings": [
            {"text": w.text, "level": w.level, "by": w.by, "approved_by": w.approved_by, "at": rfc3339(w.at_ms)}
            for w in a.warnings
        ],
        "reports": [
            {"kind": r.kind, "form": r.form, "to": r.to, "by": r.by, "receipt": r.receipt, "at": rfc3339(r.at_ms)}
            for r in a.reports
        ],
    }


def _mark(m: Mark) -> dict[str, Any]:
    name = {"zh": m.name_zh, "en": m.name_en or m.name_zh}
    return {
        "id": m.fence,
        "kind": m.kind,
        "name": name,
        "severity": m.severity,
        "suppress": m.suppress,
        "until": rfc3339_or_none(m.until_ms),
        "people": m.people,
        "tell": [msgspec.to_builtins(t) for t in m.tell],
    }


def _links(a: Alert) -> list[dict[str, Any]]:
    before = [{"alert": a.previous, "why": _text(PREVIOUS), "distance_m": None}] if a.previous else []
    return before + [{"alert": k.alert, "why": _text(k.why), "distance_m": k.distance_m} for k in a.links]


def compact(e: Evidence) -> Evidence:
    """The evidence with its readings as their public JSON: made once, and one object in memory instead of some 180."""
    if not e.series:
        return e
    return replace(e, series=(), series_json=_json.encode([[rfc3339(t), v] for t, v in e.series]))


def public_transition(t: Transition) -> dict[str, Any]:
    """Transition of the public contract."""
    return {
        "seq": t.seq,
        "trigger": t.trigger,
        "row": t.row,
        "command": t.command,
        "by": t.by,
        "at": rfc3339(t.at_ms),
        "reason": _text(t.reason),
        "from": t.before,
        "to": t.after,
        "tell": [_notice(n) for n in t.tell],
    }


def _notice(n: Notice) -> dict[str, Any]:
    return {
        "key": n.key,
        "why": n.why,
        "place": n.place,
        "role": n.role,
        "people": list(n.people),
        "channels": list(n.channels),
        "step": n.step,
        "due": rfc3339_or_none(n.due_ms),
    }


class _Newest:
    """The JSON of the alert encoded last: a command's answer and its record carry the same one."""

    def __init__(self) -> None:
        self._of: tuple[Alert, Divisions] | None = None
        self._json = msgspec.Raw()

    def encode(self, alert: Alert, divisions: Divisions) -> msgspec.Raw:
        if self._of is None or self._of[0] is not alert or self._of[1] is not divisions:
            self._of, self._json = (alert, divisions), msgspec.Raw(_json.encode(public_alert(alert, divisions)))
        return self._json


_newest = _Newest()


def encode_record(record: AlertRecord, divisions: Divisions) -> bytes:
    """One record of the `alerts` topic."""
    return _json.encode(
        {"alert": _newest.encode(record.alert, divisions), "transition": public_transition(record.transition)}
    )


def encode_result(result: CommandResult, divisions: Divisions) -> bytes:
    """One record of `command.results`; its alert is already public."""
    return _json.encode(
        {
            "id": result.id,
            "alert_id": result.alert_id,
            "accepted": result.accepted,
            "status": result.status,
            "row": result.row,
            "reason": _text(result.reason),
            "alert": _newest.encode(result.alert, divisions) if result.alert else None,
        }
    )
