"""Lifecycle of an alert: one readable table of rows, and one function a row.

Every move is a row of `TABLE`; an illegal move is refused with the row that forbids it. Fields are independent
(condition, acks, handling); `label` is derived after ISA-18.2. Time is an argument. `version` counts transitions; a
repeat only touches count and last_seen and is told at most each 30 s, so an officer never races a sensor.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from streams.alerts.fenced import suppressions
from streams.alerts.severity import worse
from streams.events import Ack, Alert, Command, Detection, Link, Text, Transition, stable_id

REPEAT_MS = 30_000
ACK_EXPIRES_MS = {"I": 15 * 60_000, "II": 30 * 60_000, "III": 2 * 3_600_000, "IV": 24 * 3_600_000}
RESPONSIBLE = {"I": "county", "II": "county", "III": "township", "IV": "village"}
LABEL_OF = {"BY_FENCE": "DSUPR", "BY_RULE": "DSUPR", "SHELVED": "SHLVD", "OUT_OF_SERVICE": "OOSRV"}
UNSUPPRESSED = Text("不再屏蔽，恢复通知", "no longer suppressed: told again")
RANK = {"village": 0, "township": 1, "county": 2, "prefecture": 3}
ACK_ROLES = ("officer", "commander", "admin")


class Row(NamedTuple):
    """A row of the table: what happens in which state, what it makes, or why it is refused (with HTTP status)."""

    name: str
    event: str
    state: str
    makes: str
    refused: int = 0
    zh: str = ""
    en: str = ""


TABLE: dict[str, Row] = {
    r.name: r
    for r in (
        Row("RAISE-1", "raise", "no alert of this asset and kind", "new episode, ACTIVE, version 1"),
        Row("RAISE-2", "raise", "ACTIVE", "count + 1, last seen; no new version"),
        Row("RAISE-3", "raise", "CLEARED, within the flap window", "same episode ACTIVE again, flaps + 1, acks kept"),
        Row("RAISE-4", "raise", "CLEARED, later", "new episode linked to the one before, version 1"),
        Row("SEVERITY-UP", "raise or update", "ACTIVE, worse than before", "severity set, acks drop"),
        Row("SEVERITY-DOWN", "raise or update", "ACTIVE, milder than before", "the worst of the episode holds"),
        Row("SUPPRESS-1", "raise or update", "a fence began to suppress it", "suppressions set"),
        Row("SUPPRESS-2", "raise or update", "no fence suppresses it any more", "suppressions dropped"),
        Row("CLEAR-1", "clear", "ACTIVE, no other sensor of it active", "CLEARED"),
        Row("CLEAR-3", "clear", "ACTIVE, another sensor of it is still active", "stays ACTIVE"),
        Row("CLEAR-2", "clear", "CLEARED or no alert", "nothing"),
        Row("LINK-1", "raise of another domain near", "ACTIVE", "links + 1; no new version"),
        Row("ACK-1", "ack", "not acked by this level", "ACKED by this level until it expires"),
        Row("ACK-2", "ack", "acked by this level", "", 409, "本级已签收", "this level has acknowledged already"),
        Row("ACK-3", "ack", "CLOSED", "", 409, "已结案，不能签收", "the alert is closed and cannot be acknowledged"),
        Row("ACK-4", "ack", "role viewer or engineer", "", 403, "此角色不能签收", "this role may not acknowledge"),
        Row("ANY-1", "any command", "no such alert", "", 404, "没有这条报警", "there is no such alert"),
        Row("ANY-2", "any command", "version is not the newest", "", 409, "报警已有变化，请刷新", "changed; reload"),
        Row("ANY-3", "any command", "unknown command", "", 422, "没有这个操作", "there is no such command"),
    )
}  # fmt: skip


class Step(NamedTuple):
    """Result of a move. `transition` None: nothing to record (a quiet repeat, or a refusal)."""

    alert: Alert | None
    transition: Transition | None
    row: Row


def on_detection(current: Alert | None, d: Detection, severity: str, why: Text, now_ms: int) -> Step:
    """Apply a detection to the newest episode of its (asset, kind)."""
    if d.state == "clear":
        return _clear(current, d, now_ms)
    if current is None:
        return _raise(None, d, severity, why, now_ms, TABLE["RAISE-1"])
    if current.condition == "CLEARED":
        if current.handling == "CLOSED" or not _flapping(current, d):
            return _raise(current, d, severity, why, now_ms, TABLE["RAISE-4"])
        return _reraise(current, d, severity, why, now_ms)
    return _repeat(current, d, severity, why, now_ms)


def _flapping(alert: Alert, d: Detection) -> bool:
    window = max(600_000, int(2 * d.interval_s * 1000))
    return d.onset_ms - (alert.cleared_ms or alert.last_seen_ms) <= window


def _raise(before: Alert | None, d: Detection, severity: str, why: Text, now_ms: int, row: Row) -> Step:
    alert = Alert(
        id=stable_id(d.run, d.asset, d.kind, d.onset_ms),
        version=1,
        run=d.run,
        mode=d.mode,
        domain=d.domain,
        kind=d.kind,
        cls=d.cls,
        severity=severity,
        severity_why=why,
        episode=before.episode + 1 if before else 1,
        first_seen_ms=d.onset_ms,
        last_seen_ms=d.ts_ms,
        changed_ms=now_ms,
        county=d.county,
        unit=d.unit,
        lon=d.lon,
        lat=d.lat,
        approximate=d.approximate,
        zone=d.zone,
        asset=d.asset,
        sensors=tuple(dict.fromkeys((d.sensor, *d.near))),
        active=(d.sensor,),
        name=d.name,
        title=d.title,
        reason=d.reason,
        evidence=d.evidence,
        owner_org=d.owner_org,
        operator_org=d.operator_org,
        regulator=d.regulator,
        interval_s=d.interval_s,
        delayed_by_s=d.delayed_by_s,
        previous=before.id if before else None,
        hard=d.hard,
        fences=d.fences,
        suppressions=suppressions(None, d),
    )
    return _made(before if before and before.id == alert.id else None, alert, "raise", d.reason, now_ms, row)


def _reraise(alert: Alert, d: Detection, severity: str, why: Text, now_ms: int) -> Step:
    changed = replace(_seen(alert, d), condition="ACTIVE", cleared_ms=None, flaps=alert.flaps + 1)
    if worse(severity, alert.severity):
        changed = replace(changed, severity=severity, severity_why=why, acks=())
    return _made(alert, changed, "reraise", d.reason, now_ms, TABLE["RAISE-3"])


def _repeat(alert: Alert, d: Detection, severity: str, why: Text, now_ms: int) -> Step:
    changed = _seen(alert, d)
    if worse(severity, alert.severity):
        changed = replace(changed, severity=severity, severity_why=why, acks=())
        return _made(alert, changed, "severity", why, now_ms, TABLE["SEVERITY-UP"])
    if {s.by for s in changed.suppressions} != {s.by for s in alert.suppressions}:
        return _suppressed(alert, changed, now_ms)
    if d.sensor not in alert.sensors or d.ts_ms - alert.last_seen_ms >= REPEAT_MS:
        return Step(changed, _transition(alert, changed, "repeat", d.reason, now_ms), TABLE["RAISE-2"])
    quiet = replace(changed, last_seen_ms=alert.last_seen_ms, evidence=alert.evidence, reason=alert.reason)
    return Step(quiet, None, TABLE["RAISE-2"])


def _suppressed(alert: Alert, changed: Alert, now_ms: int) -> Step:
    if changed.suppressions:
        return _made(alert, changed, "suppress", changed.suppressions[-1].why, now_ms, TABLE["SUPPRESS-1"])
    return _made(alert, changed, "unsuppress", UNSUPPRESSED, now_ms, TABLE["SUPPRESS-2"])


def _seen(alert: Alert, d: Detection) -> Alert:
    sensors = alert.sensors if d.sensor in alert.sensors else (*alert.sensors, d.sensor)
    return replace(
        alert,
        count=alert.count + 1,
        last_seen_ms=max(alert.last_seen_ms, d.ts_ms),
        sensors=sensors,
        active=alert.active if d.sensor in alert.active else (*alert.active, d.sensor),
        evidence=d.evidence,
        reason=d.reason,
        fences=d.fences,
        suppressions=suppressions(alert, d),
        hard=alert.hard or d.hard,
    )


def _clear(alert: Alert | None, d: Detection, now_ms: int) -> Step:
    if alert is None or alert.condition != "ACTIVE":
        return Step(None, None, TABLE["CLEAR-2"])
    active = tuple(s for s in alert.active if s != d.sensor)
    if active:
        return Step(replace(alert, active=active), None, TABLE["CLEAR-3"])
    last = max(alert.last_seen_ms, d.ts_ms)
    changed = replace(
        alert, condition="CLEARED", cleared_ms=d.ts_ms, last_seen_ms=last, active=(), fences=d.fences,
        suppressions=suppressions(alert, d),
    )  # fmt: skip
    return _made(alert, changed, "clear", d.reason, now_ms, TABLE["CLEAR-1"])


def on_link(alert: Alert, link: Link, now_ms: int) -> Step:
    """Another domain's alert near this one; an officer's version stays what it is."""
    changed = replace(alert, links=(*alert.links, link))
    return Step(changed, _transition(alert, changed, "link", link.why, now_ms), TABLE["LINK-1"])


def on_command(alert: Alert | None, c: Command, level: str, now_ms: int) -> Step:
    """Apply a command of a person of `level`; a refused one comes back with the row that forbids it."""
    if alert is None:
        return Step(None, None, TABLE["ANY-1"])
    if c.command != "ack":
        return Step(alert, None, TABLE["ANY-3"])
    if c.role not in ACK_ROLES:
        return Step(alert, None, TABLE["ACK-4"])
    if c.version is not None and c.version != alert.version:
        return Step(alert, None, TABLE["ANY-2"])
    if alert.handling == "CLOSED":
        return Step(alert, None, TABLE["ACK-3"])
    if any(a.level == level and a.expires_ms > now_ms for a in alert.acks):
        return Step(alert, None, TABLE["ACK-2"])
    ack = Ack(level, c.by, now_ms, now_ms + ACK_EXPIRES_MS[alert.severity])
    changed = replace(alert, acks=(*(a for a in alert.acks if a.level != level), ack))
    text = Text(
        f"{c.by} 签收" + (f"：{c.comment}" if c.comment else ""),
        f"acknowledged by {c.by}" + (f": {c.comment}" if c.comment else ""),
    )
    return _made(alert, changed, "ack", text, now_ms, TABLE["ACK-1"], c)


def label(alert: Alert) -> str:
    """ISA-18.2 label from condition and the ack of the responsible level or one above it; suppressed ones first."""
    if alert.suppressions:
        return LABEL_OF[alert.suppressions[0].kind]
    need = RANK[RESPONSIBLE[alert.severity]]
    acked = any(RANK[a.level] >= need for a in alert.acks)
    if alert.condition == "CLEARED":
        return "NORM" if acked else "RTNUN"
    return "ACKED" if acked else "UNACK"


_NEW: dict[str, object] = {"suppressions": []}  # of a new alert, and not worth telling
_SHOWN = ("condition", "severity", "handling", "label", "count", "flaps", "acks", "suppressions")


def _made(
    before: Alert | None, after: Alert, trigger: str, why: Text, now_ms: int, row: Row, c: Command | None = None
) -> Step:
    version = before.version + 1 if before else 1
    after = replace(after, version=version, changed_ms=now_ms)
    after = replace(after, label=label(after))
    return Step(after, _transition(before, after, trigger, why, now_ms, c), row)


def _transition(
    before: Alert | None, after: Alert, trigger: str, why: Text, now_ms: int, c: Command | None = None
) -> Transition:
    old = {k: _plain(getattr(before, k)) for k in _SHOWN} if before else {}
    new = {k: _plain(getattr(after, k)) for k in _SHOWN}
    return Transition(
        seq=after.version,
        trigger=trigger,
        command=c.command if c else None,
        by=c.by if c else "system",
        at_ms=now_ms,
        reason=why,
        before={k: v for k, v in old.items() if new[k] != v},
        after={k: v for k, v in new.items() if old.get(k, _NEW.get(k)) != v},
    )


def _plain(value: object) -> object:
    if not isinstance(value, tuple):
        return value
    return [f"{a.level if isinstance(a, Ack) else a.kind}:{a.by}" for a in value]
