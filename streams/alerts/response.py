"""Deadlines that run on after the ack: assess, dispatch, on site, dispose, verify, and the information reports.

A missed one is urged (催办), then supervised (督办), then the next level is told; of I and II again and
again until it is done.
"""

from __future__ import annotations

from msgspec.structs import replace

from streams.alerts import escalation
from streams.alerts.desk import Desk, above
from streams.alerts.policy import REPORTS, STEPS
from streams.alerts.policy_book import response_for
from streams.alerts.table import GRAVE, HANDLING, RANK, RESPONSIBLE
from streams.alerts.transitions import Tell
from streams.events import Alert, Deadline

STAGE = {
    "assess": "ASSESSED",
    "dispatch": "DISPATCHED",
    "on_site": "ON_SITE",
    "dispose": "DISPOSED",
    "verify": "VERIFIED",
}
AGAIN_MS = 600_000
ROW_OF = {"urged": "LATE-1", "supervised": "LATE-2", "escalated": "LATE-3"}


def begin(a: Alert, desk: Desk, now_ms: int) -> Alert:
    """The clocks of the steps that have none start with an ack; III and IV that are cleared need none."""
    if not escalation.lasts(a):
        return a
    have = {d.step for d in a.deadlines}
    return done(begin_reports(_with(a, desk, tuple(s for s in STEPS if s not in have), now_ms), desk, now_ms))


def begin_reports(a: Alert, desk: Desk, now_ms: int) -> Alert:
    """The clocks of the information reports start when the alert was found real."""
    if a.verdict != "real" or a.reports or any(d.step in REPORTS for d in a.deadlines):
        return a
    return _with(a, desk, REPORTS, now_ms)


def _with(a: Alert, desk: Desk, steps: tuple[str, ...], now_ms: int) -> Alert:
    policy = escalation.policy_of(a, desk)
    chain = escalation.chain_of(a, desk)
    new = []
    for step in steps:
        seconds = response_for(policy, a.severity, a.cls, a.domain, step, desk.remote(a.unit))
        if seconds is not None:
            due = escalation.clock(policy, chain, now_ms, seconds)
            new.append(Deadline(step=step, due_ms=due, next_ms=due, allowed_s=seconds))
    return replace(a, deadlines=(*a.deadlines, *new))


def done(a: Alert) -> Alert:
    """Without the clocks of what was done, or is no longer to be done."""
    stage = HANDLING.index(a.handling)
    left = tuple(d for d in a.deadlines if d.step in REPORTS or HANDLING.index(STAGE[d.step]) > stage)
    if a.verdict not in (None, "real"):  # of I and II somebody has to look at the verdict: they wait for that
        left = tuple(d for d in left if d.step == "verify" and a.severity in GRAVE)
    return replace(a, deadlines=left)


def reported(a: Alert, form: str) -> Alert:
    return replace(a, deadlines=tuple(d for d in a.deadlines if d.step != f"report_{form}"))


def next_ms(a: Alert) -> int:
    """When the first of them makes something happen, 0: never."""
    return min((d.next_ms for d in a.deadlines if d.next_ms), default=0)


def missed(a: Alert, desk: Desk, now_ms: int) -> tuple[str, Deadline, Alert, tuple[Tell, ...]]:
    """(name of the row, the deadline as it is now, alert, whom it tells) for the first one that has passed."""
    old = min((d for d in a.deadlines if d.next_ms), key=lambda d: (d.next_ms, d.step))
    policy = escalation.policy_of(a, desk)
    own = acting(a)
    if old.state == "running":
        new = replace(old, state="urged", next_ms=_later(old, now_ms, policy.supervise_after))
        a, tells = escalation.duty(a, desk, own, "duty", "urge", now_ms)
    elif old.state == "urged":
        rest = max(policy.next_level_after - policy.supervise_after, 0.1)
        new = replace(old, state="supervised", next_ms=_later(old, now_ms, rest))
        a, tells = escalation.duty(a, desk, own, "lead", "supervise", now_ms)
    else:
        again = max(old.allowed_s * 1000, AGAIN_MS) if a.severity in GRAVE else 0
        new = replace(old, state="escalated", next_ms=now_ms + again if again else 0)
        upper = above(own) if a.cls == "hazard" or RANK[own] < RANK["county"] else "county"  # equipment: never above
        a, tells = escalation.duty(a, desk, upper, "duty", "escalate", now_ms)
    a = replace(a, late=now_ms - old.next_ms > escalation.LATE_MS)
    return ROW_OF[new.state], new, replace(a, deadlines=tuple(new if d is old else d for d in a.deadlines)), tells


def extended(a: Alert, step: str, seconds: int) -> Alert:
    """That step has so much longer from its due time; a miss is forgiven."""
    out = []
    for d in a.deadlines:
        if d.step == step:
            due = d.due_ms + seconds * 1000
            d = replace(d, due_ms=due, next_ms=due, state="running", extended=d.extended + 1)
        out.append(d)
    return replace(a, deadlines=tuple(out))


def _later(d: Deadline, now_ms: int, part: float) -> int:
    return now_ms + max(int(d.allowed_s * part * 1000), 60_000)


def acting(a: Alert) -> str:
    """The level that acts: the lowest that acked and may answer for it, else the highest, else the responsible one."""
    levels = sorted({k.level for k in a.acks if k.level != "organisation"}, key=lambda level: RANK[level])
    need = RANK[RESPONSIBLE[a.severity]]
    return next((level for level in levels if RANK[level] >= need), levels[-1] if levels else RESPONSIBLE[a.severity])
