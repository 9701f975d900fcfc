"""One record of the `alerts` log, read and checked: the stored JSON and the columns that filters use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from api import units
from api.alert_orgs import orgs_of
from api.times import to_ms
from streams.events import SEVERITIES
from streams.kpi.facts import Fact, fact_of
from streams.topics import COUNTY_SLOT, run_of


class PoisonError(ValueError):
    """A record of the log cannot be used; the text is a short reason, the same for the same fault."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the projection keeps of one `{"alert", "transition"}`; the three texts are JSON."""

    id: str
    version: int
    trigger: str
    at: str
    changed_ms: int
    columns: dict[str, Any]
    alert: str
    transition: str
    slim: str
    fact: Fact
    orgs: tuple[str, ...] = ()


def parse(value: bytes | None, key: bytes | None = None, topic: str = "alerts") -> Record:
    """Read one record of the log; raises PoisonError."""
    if not value:
        raise PoisonError("empty record")
    try:
        record = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise PoisonError("not JSON") from None
    alert = record.get("alert") if isinstance(record, dict) else None
    transition = record.get("transition") if isinstance(record, dict) else None
    if not isinstance(alert, dict) or not isinstance(transition, dict):
        raise PoisonError("no alert and transition in it")
    try:
        at = str(transition["at"])
        changed_ms = to_ms(at)
        columns = _columns(alert, changed_ms, _text(alert, "id"), key, topic)
        version = alert["version"]
    except (KeyError, TypeError, AttributeError) as error:
        raise PoisonError(f"a field is missing or of the wrong type: {error}") from None
    except ValueError as error:
        raise PoisonError(str(error)) from None
    if type(version) is not int or not 1 <= version < 2**31:
        raise PoisonError("alert.version is not a whole number from 1")
    if any("\x00" in value for value in columns.values() if isinstance(value, str)):
        raise PoisonError("a zero character in a field")  # no column of PostgreSQL takes one
    evidence = alert.get("evidence")
    slim = alert
    if isinstance(evidence, dict) and "series" in evidence:
        slim = {**alert, "evidence": {k: v for k, v in evidence.items() if k != "series"}}
    trigger = str(transition.get("trigger") or transition.get("command") or "")
    return Record(
        columns["id"], version, trigger, at, changed_ms, columns, _dump(alert), _dump(transition),
        _dump({"alert": slim, "transition": transition}), fact_of(alert, transition, version, changed_ms),
        orgs_of(alert),
    )  # fmt: skip


def _columns(alert: dict[str, Any], changed_ms: int, alert_id: str, key: bytes | None, topic: str) -> dict[str, Any]:
    severity = _text(alert, "severity")
    if severity not in SEVERITIES:
        raise PoisonError("alert.severity is none of I, II, III, IV")
    unit = alert["unit"]["code"]
    if not isinstance(unit, str) or not unit.isdigit():
        raise PoisonError("alert.unit.code is no division code")
    lon, lat = alert.get("lon"), alert.get("lat")
    return {
        "id": alert_id,
        "version": alert["version"],
        "run": run_of(topic) or str(alert.get("run") or ""),
        "county": _county(alert, key),
        "mode": str(alert.get("mode") or "actual"),
        "severity": severity,
        "domain": _text(alert, "domain"),
        "kind": _text(alert, "kind"),
        "condition": _text(alert, "condition"),
        "handling": str(alert.get("handling") or "NEW"),
        "unit": unit,
        **units.parts(unit),
        "changed_ms": changed_ms,
        "first_seen_ms": to_ms(str(alert["first_seen"])),
        "lon": float(lon) if lon is not None else None,
        "lat": float(lat) if lat is not None else None,
        "text": _searched(alert),
    }


def _county(alert: dict[str, Any], key: bytes | None) -> str:
    """Routing county: the record's key by contract; else the zone's; else the place's."""
    path = alert.get("path")
    candidates = (
        (key or b"").decode("ascii", "replace")[:6],
        str(alert.get("county") or "")[:6],
        str(alert.get("zone") or "")[:6],
        str(path.get("county") or "") if isinstance(path, dict) else "",
        str(alert["unit"]["code"])[:6],
    )
    return next((code for code in candidates if code in COUNTY_SLOT), candidates[-1])


def _searched(alert: dict[str, Any]) -> str:
    words: list[str] = [str(alert["id"]), str(alert.get("kind", "")), str(alert.get("zone") or "")]
    for name in ("title", "reason", "name"):
        text = alert.get(name)
        words += [str(t) for t in text.values()] if isinstance(text, dict) else [str(text or "")]
    for name in ("assets", "sensors"):
        items = alert.get(name)
        if isinstance(items, list):
            words += [str(item.get("id", "") if isinstance(item, dict) else item) for item in items]
    words += [str(v) for v in alert["unit"].values() if v]
    words.append(str(alert.get("owner_org") or ""))
    return "\n".join(word for word in words if word).lower().replace("\x00", "")


def _text(alert: dict[str, Any], name: str) -> str:
    value = alert[name]
    if not isinstance(value, str) or not value:
        raise PoisonError(f"alert.{name} is no text")
    return value


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()
