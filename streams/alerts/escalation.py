"""The upward clock: steps of the frozen chain, who is told at each, and when the next one is due.

`Escalation.deadline_ms` is absolute, so a restart changes nothing: what is overdue fires once and says that it is late.
A level with nobody to tell is passed over at once. An exhausted chain of I or II repeats until somebody acks.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from streams.alerts.desk import PREFECTURE, Desk, Reached, above, level_of, unit_at
from streams.alerts.policy import Address, Chain, Policy, Step
from streams.alerts.policy_book import chain_for, ref
from streams.alerts.severity import worse
from streams.alerts.table import GRAVE, RANK
from streams.alerts.transitions import ASKS, Tell
from streams.alerts.working_time import add_working, calendar_of, next_end_of_night
from streams.events import Alert, Escalation, Told

ON_TIME_MS = 5_000
LATE_MS = 30_000
QUIETLY = ("sms", "chat", "email", "webhook", "voice", "feed")  # what nobody has to wake up for
REPEAT_S = 120  # of I and II where a policy that went round the checks gives none


def start(a: Alert, desk: Desk, now_ms: int, why: str = "raise") -> tuple[Alert, tuple[Tell, ...], tuple[str, ...]]:
    """Begin (again) the chain of the policy in force. (alert, whom it tells, places passed over)."""
    policy = desk.policies.current(a.county)
    index = chain_for(policy, a.severity, a.cls, a.domain, now_ms)
    chain = policy.chains[index]
    begin = next_end_of_night(now_ms) if chain.morning else now_ms
    e = Escalation(
        level=chain.steps[0].ack_level if chain.steps else "", step=-1, policy=ref(policy),
        chain=index, started_ms=begin,
    )  # fmt: skip
    a = replace(a, escalation=e)
    channels = _channels(chain, 0)
    tells, passed = _tell(a, desk, chain.inform, "inform", channels, now_ms, -1)
    if chain.task_level and a.limit_level >= chain.task_level:
        tells = (*tells, *_tell(a, desk, chain.task, "task", channels, now_ms, -1)[0])
    a = noted(a, tells, now_ms)
    if not chain.steps:
        return a, tells, passed
    first = clock(policy, chain, begin, chain.steps[0].after_s)
    if first > now_ms:
        return replace(a, escalation=replace(e, deadline_ms=first)), tells, passed
    a, more, gaps = fire(a, desk, chain, 0, now_ms, why)
    return a, (*tells, *more), (*passed, *gaps)


def fire(
    a: Alert, desk: Desk, chain: Chain, k: int, now_ms: int, why: str
) -> tuple[Alert, tuple[Tell, ...], tuple[str, ...]]:
    """Tell step `k`, or the first one after it that reaches somebody of the level that has to ack."""
    tells: tuple[Tell, ...] = ()
    passed: tuple[str, ...] = ()
    while k < len(chain.steps):
        step = chain.steps[k]
        due = _due(policy_of(a, desk), chain, step, a.escalation.started_ms, now_ms)
        told, gaps = _tell(a, desk, step.tell, why, step.channels, now_ms, k, due)
        tells, passed = (*tells, *told), (*passed, *gaps)
        a = noted(a, told, now_ms)
        if any(RANK[level_of(t.place)] >= RANK[step.ack_level] for t in told):
            e = replace(a.escalation, level=step.ack_level, step=k, deadline_ms=due, exhausted=False)
            return replace(a, escalation=e), tells, passed
        k += 1
    if not (tells or a.told) and a.severity in GRAVE:  # nobody anywhere: the prefecture's screen, whoever sits there
        tells = (Tell(why, PREFECTURE, "duty", (), ("feed",), k - 1),)
        a = noted(a, tells, now_ms)
    return _exhausted(a, chain, now_ms), tells, passed


def _exhausted(a: Alert, chain: Chain, now_ms: int) -> Alert:
    repeat_s = chain.repeat_s or (REPEAT_S if a.severity in GRAVE else 0)
    last = chain.steps[-1]
    e = replace(
        a.escalation, level=last.ack_level, step=len(chain.steps) - 1, exhausted=True,
        deadline_ms=now_ms + repeat_s * 1000 if repeat_s else 0,
    )  # fmt: skip
    return replace(a, escalation=e)


def overdue(a: Alert, desk: Desk, now_ms: int) -> tuple[str, Alert, tuple[Tell, ...], tuple[str, ...]]:
    """What a passed deadline makes: (name of the row, alert, whom it tells, places passed over)."""
    chain = chain_of(a, desk)
    e = a.escalation
    a = replace(a, late=now_ms - e.deadline_ms > LATE_MS)
    if any(RANK[k.level] >= RANK[e.level] for k in a.acks) and e.step >= 0:  # they have expired: nothing was done
        a = replace(a, acks=tuple(k for k in a.acks if k.expires_ms > now_ms))
        a, tells, passed = fire(a, desk, chain, e.step, now_ms, "remind")
        return "STEP-3", a, tells, passed
    if e.step + 1 < len(chain.steps):
        a, tells, passed = fire(a, desk, chain, e.step + 1, now_ms, "escalate" if e.step >= 0 else "raise")
        return "STEP-1", a, tells, passed
    a = _exhausted(replace(a, escalation=replace(e, repeats=e.repeats + 1)), chain, now_ms)
    tells = again(a, chain, desk, now_ms) if a.escalation.deadline_ms else ()
    return "STEP-2", noted(a, tells, now_ms), tells, ()


def again(a: Alert, chain: Chain, desk: Desk, now_ms: int) -> tuple[Tell, ...]:
    """Who was asked to ack and has not, by the fallback channels: of each place those who are on duty by now.

    Of I and II where all have acked who could be reached, and the clock runs on: the prefecture's screen.
    """
    by = chain.fallback or _channels(chain, -1)
    places = _by_place(t for t in a.told if not t.acked and t.step >= 0)
    if not places and a.severity in GRAVE:
        places, by = {(PREFECTURE, "duty"): []}, ("feed",)
    e = a.escalation
    out = []
    for (place, role), asked in places.items():
        who = tuple(p.id for p in desk.duty.people(place, role, now_ms) or ()) or tuple(asked)
        out.append(Tell("remind", place, role, who, by, e.step, e.deadline_ms or None))
    return tuple(out)


def _by_place(told: Iterable[Told]) -> dict[tuple[str, str], list[str]]:
    """People by place and role; none where only the place was told."""
    places: dict[tuple[str, str], list[str]] = {}
    for t in told:
        places.setdefault((t.place, t.role), []).extend([t.person] if t.person else [])
    return places


def _channels(chain: Chain, step: int) -> tuple[str, ...]:
    """Those of a step; of a chain without any, the feed."""
    return chain.steps[step].channels if chain.steps else ("feed",)


def stopped(a: Alert) -> Alert:
    """Without a clock upward."""
    return replace(a, escalation=replace(a.escalation, deadline_ms=0))


def at_rest(a: Alert) -> Alert:
    """III and IV that are cleared do not climb, whoever is told of them."""
    return a if lasts(a) else stopped(a)


def climbs(a: Alert) -> bool:
    """Has its upward clock to run, unless an ack holds? Not while people are not to be told, or another is for it."""
    if a.suppressions or a.merged or a.handling == "CLOSED":
        return False
    return lasts(a)


def lasts(a: Alert) -> bool:
    """Has somebody to act? III and IV need nobody once they, and the members that people merged, are cleared."""
    return a.condition != "CLEARED" or bool(a.open_members) or a.severity in GRAVE


def resumed(a: Alert, desk: Desk, now_ms: int, why: str = "raise") -> tuple[Alert, tuple[Tell, ...], tuple[str, ...]]:
    """After a suppression, an ack that was taken back, or a new rise: the clock goes on, with its time anew.

    Where it became graver meanwhile, the chain of its severity begins.
    """
    if not a.escalation.policy or worse(a.severity, chain_of(a, desk).severity):
        return start(a, desk, now_ms, why)
    if holds(a, now_ms):
        return rested(a, now_ms), (), ()
    if a.escalation.step < 0:
        return start(a, desk, now_ms, why)
    return fire(a, desk, chain_of(a, desk), a.escalation.step, now_ms, why)


def upward(
    a: Alert, desk: Desk, level: str, now_ms: int, why: str = "escalate"
) -> tuple[Alert, tuple[Tell, ...], tuple[str, ...]]:
    """Tell `level` now: by its step of the chain where there is one, else its duty."""
    chain = chain_of(a, desk)
    for k in range(max(a.escalation.step + 1, 0), len(chain.steps)):
        if RANK[chain.steps[k].ack_level] >= RANK[level]:
            return fire(a, desk, chain, k, now_ms, why)
    channels = _channels(chain, -1)
    tells, passed = _tell(a, desk, (Address(level),), why, channels, now_ms, a.escalation.step)
    return noted(a, tells, now_ms), tells, passed


def tasked(a: Alert, desk: Desk, now_ms: int) -> tuple[Alert, tuple[Tell, ...]]:
    """The task text of those who cordon off, evacuate, keep fire away: once the alert was found real."""
    chain = chain_of(a, desk)
    channels = _channels(chain, 0)
    tells, _ = _tell(a, desk, chain.task, "task", channels, now_ms, -1)
    return noted(a, tells, now_ms), tells


def holds(a: Alert, now_ms: int) -> bool:
    """Is the clock stopped by an ack of the level that has to act, or one above?"""
    need = RANK[a.escalation.level] if a.escalation.level else 0
    return any(RANK[k.level] >= need and (k.expires_ms > now_ms or a.handling != "NEW") for k in a.acks)


def rested(a: Alert, now_ms: int) -> Alert:
    """The clock after an ack or a step of handling: until the ack expires, or for good once something was done."""
    if not holds(a, now_ms):
        return a
    need = RANK[a.escalation.level] if a.escalation.level else 0
    until = max(k.expires_ms for k in a.acks if RANK[k.level] >= need)
    e = replace(a.escalation, deadline_ms=until if a.handling == "NEW" and lasts(a) else 0, exhausted=False)
    return replace(a, escalation=e)


def acked(a: Alert, level: str) -> Alert:
    """Those of a level who were told have acked."""
    told = tuple(replace(t, acked=True) if level_of(t.place) == level else t for t in a.told)
    return replace(a, told=told)


def to_all(a: Alert, why: str) -> tuple[Tell, ...]:
    """Everybody who was told."""
    return tuple(Tell(why, place, role, tuple(who), QUIETLY) for (place, role), who in _by_place(a.told).items())


def duty(
    a: Alert, desk: Desk, level: str, role: str, why: str, now_ms: int, due_ms: int | None = None
) -> tuple[Alert, tuple[Tell, ...]]:
    """Tell a role of the alert's unit at a level, or the first level above it that has somebody."""
    chain = chain_of(a, desk)
    channels = _channels(chain, -1)
    while True:
        tells, _ = _tell(
            a, desk, (Address(f"unit:{unit_at(level, a)}", role),), why, channels, now_ms, a.escalation.step, due_ms
        )
        if tells or level == "prefecture":
            return noted(a, tells, now_ms), tells
        level = above(level)


def chain_of(a: Alert, desk: Desk) -> Chain:
    """Its frozen chain; where it has not begun, the one that it would begin with."""
    if a.escalation.policy:
        return policy_of(a, desk).chains[a.escalation.chain]
    policy = desk.policies.current(a.county)
    return policy.chains[chain_for(policy, a.severity, a.cls, a.domain, a.first_seen_ms)]


def policy_of(a: Alert, desk: Desk) -> Policy:
    """The version it began with."""
    return desk.policies.get(a.escalation.policy) if a.escalation.policy else desk.policies.current(a.county)


def _tell(
    a: Alert, desk: Desk, addresses: tuple[Address, ...], why: str, channels: tuple[str, ...], now_ms: int,
    step: int = 0, due_ms: int | None = None,
) -> tuple[tuple[Tell, ...], tuple[str, ...]]:  # fmt: skip
    """(whom, places with nobody): each place and role once."""
    found: dict[tuple[str, str], Reached] = {}
    passed: list[str] = []
    for address in addresses:
        r = desk.reach(address, a, now_ms)
        if r.gap:
            passed.append(r.place or address.at)
        else:
            found.setdefault((r.place, r.role), r)
    return tuple(Tell(why, r.place, r.role, r.people, channels, step, due_ms) for r in found.values()), tuple(passed)


def noted(a: Alert, tells: tuple[Tell, ...], now_ms: int) -> Alert:
    """The alert with those who are told. What asks for no ack changes nothing for who was asked, or has acked."""
    table = {(t.place, t.role, t.person): t for t in a.told}
    for t in tells:
        asks = t.why in ASKS
        for person in t.people or ("",):
            who = t.place, t.role, person
            if asks or who not in table:
                table[who] = Told(
                    place=t.place, role=t.role, person=person, at_ms=now_ms, channel=t.channels[0],
                    step=t.step if asks else -1,
                )  # fmt: skip
    return replace(a, told=tuple(table.values()))


def clock(policy: Policy, chain: Chain, from_ms: int, seconds: int) -> int:
    """So many seconds later, of working days where the chain's clock is that."""
    if chain.clock == "working":
        return add_working(from_ms, seconds, calendar_of(policy))
    return from_ms + seconds * 1000


def _due(policy: Policy, chain: Chain, step: Step, started_ms: int, now_ms: int) -> int:
    """As the chain says from its start; where the step is told early or late, with its own time from now."""
    if abs(now_ms - clock(policy, chain, started_ms, step.after_s)) <= ON_TIME_MS:
        return clock(policy, chain, started_ms, step.within_s)
    return clock(policy, chain, now_ms, step.within_s - step.after_s)
