"""What detections make of an alert: raise, repeat, severity, clear. Rows of `streams.alerts.table`."""

from __future__ import annotations

from msgspec.structs import replace

from streams.alerts import chatter, response
from streams.alerts.desk import Desk
from streams.alerts.escalation import at_rest, climbs, lasts, resumed, start, to_all
from streams.alerts.fenced import suppressions
from streams.alerts.rising import looked_at, risen
from streams.alerts.severity import worse
from streams.alerts.table import GRAVE, TABLE, Row
from streams.alerts.transitions import Step, Tell, moved, touched
from streams.events import Alert, Detection, Link, Text, stable_id

REPEAT_MS = 30_000
LINKS = 20  # of one alert, the newest
STARTS = ("raise", "reraise", "latch", "severity", "unsuppress", "release")  # what sets the upward clock
UNSUPPRESSED = Text("不再屏蔽，恢复通知", "no longer suppressed: told again")
GAS = ("gas_concentration", "tunnel_gas", "gas_spread")


def on_detection(current: Alert | None, d: Detection, severity: str, why: Text, now_ms: int) -> Step:
    """Apply a detection to the newest episode of its (asset, kind). The clocks are set by `clocked`."""
    if d.state == "clear":
        return _clear(current, d, now_ms)
    if current is None:
        return _raise(None, d, severity, why, now_ms, TABLE["RAISE-1"])
    if current.handling == "CLOSED":
        flapping = current.condition != "CLEARED" or _flapping(current, d)
        return _raise(current, d, severity, why, now_ms, TABLE["RAISE-5" if flapping else "RAISE-4"])
    if current.latched and current.cleared_ms is not None:
        return _reraise(current, d, severity, why, now_ms)
    if current.condition == "CLEARED":
        if not _flapping(current, d):
            return _raise(current, d, severity, why, now_ms, TABLE["RAISE-4"])
        return _reraise(current, d, severity, why, now_ms)
    return _repeat(current, d, severity, why, now_ms)


def _flapping(alert: Alert, d: Detection) -> bool:
    window = max(600_000, int(2 * d.interval_s * 1000))
    return d.onset_ms - (alert.cleared_ms or alert.last_seen_ms) <= window


def _raise(before: Alert | None, d: Detection, severity: str, why: Text, now_ms: int, row: Row) -> Step:
    again = (before.episode + 1,) if before and d.onset_ms <= before.last_seen_ms else ()  # that onset may be known
    alert = Alert(
        id=d.alert or stable_id(d.run, d.asset, d.kind, d.onset_ms, *again),
        version=1,
        run=d.run,
        mode=d.mode,
        domain=d.domain,
        kind=d.kind,
        cls=d.cls,
        source=d.source,
        severity=severity,
        severity_why=why,
        severity_by=d.by,
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
        sensors=tuple(dict.fromkeys((d.sensor, *d.near))) if d.sensor else (),
        active=(d.sensor,) if d.sensor else (),
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
        limit_level=d.level,
        fences=d.fences,
        suppressions=suppressions(None, d),
    )
    return said_by(moved(None, alert, "raise", d.reason, now_ms, row), d.by)


def _reraise(alert: Alert, d: Detection, severity: str, why: Text, now_ms: int) -> Step:
    """It came back. A chattering one is told once that it is latched, and then held."""
    turn = chatter.on_reraise(_seen(alert, d), now_ms)
    if worse(severity, alert.severity):
        return moved(alert, risen(turn.alert, severity, why), "severity", why, now_ms, TABLE["SEVERITY-UP"])
    if not turn.trigger:
        if _who(turn.alert) != _who(alert):
            return _suppressed(alert, turn.alert, now_ms)
        return Step(turn.alert, None, TABLE["RAISE-6"])
    if turn.trigger == "latch":
        return moved(alert, turn.alert, "latch", turn.reason, now_ms, TABLE["LATCH-1"])
    return moved(alert, turn.alert, "reraise", d.reason, now_ms, TABLE["RAISE-3"])


def _repeat(alert: Alert, d: Detection, severity: str, why: Text, now_ms: int) -> Step:
    changed = _seen(alert, d)
    if worse(severity, alert.severity) and not (alert.severity_by and (alert.hard or not d.hard)):
        return moved(alert, risen(changed, severity, why), "severity", why, now_ms, TABLE["SEVERITY-UP"])
    if _who(changed) != _who(alert):
        return _suppressed(alert, changed, now_ms)
    if d.sensor not in alert.sensors or d.ts_ms - alert.last_seen_ms >= REPEAT_MS:
        return touched(alert, changed, "repeat", d.reason, now_ms, TABLE["RAISE-2"])
    quiet = replace(changed, last_seen_ms=alert.last_seen_ms, evidence=alert.evidence, reason=alert.reason)
    return Step(quiet, None, TABLE["RAISE-2"])


def _who(alert: Alert) -> set[tuple[str, str]]:
    return {(s.kind, s.by) for s in alert.suppressions}


def _suppressed(alert: Alert, changed: Alert, now_ms: int) -> Step:
    if changed.suppressions:
        return moved(alert, changed, "suppress", changed.suppressions[-1].why, now_ms, TABLE["SUPPRESS-1"])
    return moved(alert, changed, "unsuppress", UNSUPPRESSED, now_ms, TABLE["SUPPRESS-2"])


def _seen(alert: Alert, d: Detection) -> Alert:
    sensors = alert.sensors if d.sensor in alert.sensors else (*alert.sensors, d.sensor)
    seen = replace(
        alert,
        condition="ACTIVE" if alert.condition == "UNKNOWN" else alert.condition,
        count=alert.count + 1,
        last_seen_ms=max(alert.last_seen_ms, d.ts_ms),
        sensors=sensors,
        active=alert.active if d.sensor in alert.active else (*alert.active, d.sensor),
        evidence=d.evidence,
        reason=d.reason,
        fences=d.fences,
        suppressions=suppressions(alert, d),
        hard=alert.hard or d.hard,
        limit_level=max(alert.limit_level, d.level),
    )
    return looked_at(seen) if seen.hard else seen


def _clear(alert: Alert | None, d: Detection, now_ms: int) -> Step:
    if alert is None or alert.condition == "CLEARED":
        return Step(None, None, TABLE["CLEAR-2"])
    active = tuple(s for s in alert.active if s != d.sensor)
    if active:
        return Step(replace(alert, active=active), None, TABLE["CLEAR-3"])
    if alert.latched:
        return Step(chatter.on_clear(alert, d.ts_ms).alert, None, TABLE["CLEAR-4"])
    changed = cleared(alert, d.ts_ms)
    changed = replace(changed, fences=d.fences, suppressions=suppressions(changed, d))
    told = () if alert.handling == "CLOSED" else to_all(alert, "clear")  # they were told of the closing
    return moved(alert, changed, "clear", d.reason, now_ms, TABLE["CLEAR-1"], told)


def cleared(alert: Alert, at_ms: int) -> Alert:
    """CLEARED. An officer's severity holds no longer; gas waits for a hand-held reading; III and IV stop climbing."""
    over = replace(
        alert,
        condition="CLEARED",
        cleared_ms=at_ms,
        last_seen_ms=max(alert.last_seen_ms, at_ms),
        active=(),
        severity_by="",
        recheck=alert.recheck or (alert.domain == "gas" and alert.severity in GRAVE and alert.kind in GAS),
    )
    if lasts(over) or alert.handling not in ("NEW", "ASSESSED"):
        return at_rest(over)
    return replace(at_rest(over), deadlines=())


def clocked(before: Alert | None, step: Step, desk: Desk, now_ms: int) -> Step:
    """The same move with the upward clock as it has to be after it, and whom that tells."""
    if step.transition is None or step.alert is None or step.transition.seq != step.alert.version:
        return step
    a, trigger = step.alert, step.transition.trigger
    ended = trigger == "clear" and before is not None and before.suppressions
    if not climbs(a) or not (ended or trigger in STARTS):
        return step
    told = (Tell(n.why, n.place, n.role, n.people, n.channels, n.step, n.due_ms) for n in step.transition.tell)
    tells: tuple[Tell, ...]
    if trigger in ("raise", "severity") or not a.escalation.policy:
        a, tells, passed = start(a, desk, now_ms, "severity" if trigger == "severity" else "raise")
    else:
        a, tells, passed = resumed(a, desk, now_ms)
        a = response.begin(a, desk, now_ms) if a.acks else a
    made = moved(before, a, trigger, with_gaps(step.transition.reason, passed), now_ms, step.row, (*told, *tells))
    return said_by(made, step.transition.by)


def said_by(step: Step, who: str) -> Step:
    """The same move, made by a person ("": by nobody)."""
    if not who or step.transition is None:
        return step
    return step._replace(transition=replace(step.transition, by=who))


def with_gaps(why: Text, passed: tuple[str, ...]) -> Text:
    """The sentence, and which places had nobody to tell."""
    if not passed:
        return why
    places = tuple(dict.fromkeys(passed))
    return Text(
        f"{why.zh}；无人值班，越过：{'、'.join(places)}", f"{why.en}; nobody on duty, passed over: {', '.join(places)}"
    )


def on_link(alert: Alert, link: Link, now_ms: int) -> Step:
    """Another domain's alert near this one; an officer's version stays what it is."""
    return touched(
        alert, replace(alert, links=(*alert.links, link)[-LINKS:]), "link", link.why, now_ms, TABLE["LINK-1"]
    )
