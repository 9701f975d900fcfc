"""What is wrong with one chain of a policy: levels that go down, gaps, steps nobody can act in, silence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from geo.divisions import Divisions
from streams.alerts.faults import Fault
from streams.alerts.policy import ACK_LEVELS, DUTY, PLACES, ROOM, Address, Chain, Step
from streams.duty.records import CHANNELS, ROLES
from streams.events import LEVELS, SEVERITIES
from streams.topics import DOMAINS

CLASSES = ("hazard", "equipment")
HOURS = ("all", "day", "night")
LONGEST_S = 30 * 86_400
SHORTEST_REPEAT_S = 30  # people must be able to answer in between
MAX_STEPS, MAX_TELL = 20, 50  # a policy goes to every partition, and a step becomes as many messages
URGENT = ("I", "II")
_CODE = re.compile(r"5226(\d\d|\d{5}|\d{8})")


def label(chain: Chain) -> str:
    """Which alerts a chain is for.

    >>> label(Chain(severity="III", domains=("gas",), hours="night"))
    'III gas night'
    """
    parts = [chain.severity, *chain.domains]
    parts += [chain.cls] if chain.cls != "hazard" else []
    return " ".join(parts + ([chain.hours] if chain.hours != "all" else []))


def chain_faults(chain: Chain, where: str, county: str, divisions: Divisions | None) -> Iterator[Fault]:
    """Everything wrong with one chain. `county`: whose policy it is, "" for the prefecture's."""
    about = label(chain)
    for path, reason in _chain(chain, county, divisions):
        yield Fault(f"{where}.{path}", reason, about)


Found = Iterator[tuple[str, str]]


def _chain(chain: Chain, county: str, divisions: Divisions | None) -> Found:
    yield from one_of("severity", chain.severity, SEVERITIES)
    yield from one_of("class", chain.cls, CLASSES)
    yield from one_of("hours", chain.hours, HOURS)
    yield from one_of("clock", chain.clock, ("real", "working"))
    yield from several("domains", chain.domains, DOMAINS)
    yield from several("fallback", chain.fallback, CHANNELS)
    for name, some in (("inform", chain.inform), ("task", chain.task)):
        yield from _addresses(name, some, chain.cls, county, divisions)
    if not 0 <= chain.task_level <= 4:
        yield "task_level", f"is {chain.task_level}; want a hard limit's level 1 to 4, or 0 for never at once"
    if chain.task_level and not chain.task:
        yield "task_level", "is of a task, but task names nobody; add task, or leave it out"
    if chain.clock == "working" and chain.cls != "equipment":
        yield "clock", "working is for equipment only: a hazard does not wait for the office; leave it out"
    if chain.morning and chain.severity in URGENT:
        yield "morning", f"would keep severity {chain.severity} till the morning; leave it out"
    if chain.morning and chain.hours != "night":
        yield "morning", 'is of a chain that also begins by day; add hours = "night", or leave it out'
    yield from _steps(chain, county, divisions)
    yield from _repeats(chain)


def _steps(chain: Chain, county: str, divisions: Divisions | None) -> Found:
    if not chain.steps:
        yield "steps", "are missing: nobody is asked to acknowledge; add at least one step"
    if len(chain.steps) > MAX_STEPS:
        yield "steps", f"are {len(chain.steps)}; want at most {MAX_STEPS}"
    if chain.steps and chain.severity in URGENT and chain.steps[0].after_s > 0:
        yield "steps[0].after_s", f"is {chain.steps[0].after_s}: severity {chain.severity} is told at once; make it 0"
    for n, step in enumerate(chain.steps):
        at = f"steps[{n}]"
        yield from one_of(f"{at}.ack_level", step.ack_level, ACK_LEVELS)
        if not step.tell:
            yield f"{at}.tell", "names nobody; name at least one place"
        yield from _addresses(f"{at}.tell", step.tell, chain.cls, county, divisions)
        if not step.channels:
            yield f"{at}.channels", f"is empty; name some of {', '.join(CHANNELS)}"
        yield from several(f"{at}.channels", step.channels, CHANNELS)
        if chain.severity in URGENT and set(step.channels) == {"feed"}:
            yield f"{at}.channels", f"is feed alone, which wakes nobody at severity {chain.severity}; add voice or sms"
        if step.ack_level == "prefecture" and chain.cls == "equipment":
            yield f"{at}.ack_level", "is prefecture: equipment never goes above the county; make it county or lower"
        yield from _times(step, at)
    for n, (before, step) in enumerate(pairwise(chain.steps), 1):
        yield from _after(before, step, f"steps[{n}]")
    yield from _cycles(chain, county)
    yield from _out_of_reach(chain)


def _times(step: Step, at: str) -> Found:
    if not 0 <= step.after_s <= LONGEST_S:
        yield f"{at}.after_s", f"is {step.after_s}; want seconds from the start of the chain, 0 to {LONGEST_S}"
    if not 0 < step.within_s <= LONGEST_S:
        yield f"{at}.within_s", f"is {step.within_s}; want seconds from the start of the chain, 1 to {LONGEST_S}"
    elif step.after_s >= step.within_s:
        yield (
            f"{at}.after_s",
            f"is {step.after_s}, not before within_s = {step.within_s}: nobody told then could still answer in time; "
            f"both count from the start of the chain, so set within_s above {step.after_s}",
        )


def _after(before: Step, step: Step, at: str) -> Found:
    """A step and the one before it: both times rise, and no time lies in between in which nobody is asked."""
    if step.after_s <= before.after_s:
        yield (
            f"{at}.after_s",
            f"is {step.after_s}, but the step before begins at {before.after_s}: this one is never reached in turn; "
            f"set it to {before.within_s}, the end of the step before",
        )
    elif step.after_s > before.within_s:
        yield (
            f"{at}.after_s",
            f"is {step.after_s}, but the step before ends at {before.within_s}: in between nobody is asked; "
            f"set it to {before.within_s}",
        )
    if step.within_s <= before.within_s:
        yield (
            f"{at}.within_s",
            f"is {step.within_s}, but the step before has until {before.within_s}: its end comes first; "
            f"set it above {before.within_s}",
        )


def rank(at: str) -> int:
    """Level of a place as its index in LEVELS; -1 for organisations.

    >>> rank("village"), rank("unit:522600"), rank("unit:522601001"), rank("owner_org")
    (0, 3, 1, -1)
    """
    if at in LEVELS:
        return LEVELS.index(at)
    if not at.startswith("unit:"):
        return -1
    code = at.removeprefix("unit:")
    return 3 if code == "522600" else {6: 2, 9: 1}.get(len(code), 0)


def _cycles(chain: Chain, county: str) -> Found:
    """Levels never go down again, and nobody is told a second time as if that were higher up."""
    same = {"unit:522600": "prefecture", f"unit:{county}": "county"}
    told: dict[Address, int] = {}
    for n, step in enumerate(chain.steps):
        for address in step.tell:
            first = told.setdefault(Address(same.get(address.at, address.at), address.role), n)
            if first < n:
                yield (
                    f"steps[{n}].tell",
                    f"names {address.at}/{address.role} again, which step {first + 1} told: a cycle; leave it out, "
                    "repeat_s tells again those who have not acknowledged",
                )
    for n, (before, step) in enumerate(pairwise(chain.steps), 1):
        if _known_level(before) > _known_level(step) >= 0:
            yield (
                f"steps[{n}].ack_level",
                f"is {step.ack_level}, below {before.ack_level} of the step before: a cycle; "
                f"escalation only goes up, so make it {before.ack_level} or higher",
            )
        was, now = (max((rank(a.at) for a in s.tell), default=-1) for s in (before, step))
        if 0 <= now < was:
            yield (
                f"steps[{n}].tell",
                f"goes down from {LEVELS[was]} to {LEVELS[now]}: a cycle; tell the {LEVELS[now]} in an earlier step",
            )


def _known_level(step: Step) -> int:
    return ACK_LEVELS.index(step.ack_level) if step.ack_level in ACK_LEVELS else -1


def _out_of_reach(chain: Chain) -> Found:
    """Somebody who was told must be able to stop each step's clock."""
    highest = -1
    for n, step in enumerate(chain.steps):
        highest = max([highest, *(rank(a.at) for a in step.tell)])
        if step.ack_level in LEVELS and LEVELS.index(step.ack_level) > highest:
            yield (
                f"steps[{n}].ack_level",
                f"is {step.ack_level}, but nobody of that level is told by then, so no acknowledgement can stop the "
                f"clock; add {step.ack_level} to tell, or name a lower level",
            )


def _repeats(chain: Chain) -> Found:
    urgent = chain.severity in URGENT
    if urgent and chain.repeat_s == 0:
        yield "repeat_s", f"is missing: severity {chain.severity} never stops silently; give seconds, e.g. 120"
    elif chain.repeat_s != 0 and not SHORTEST_REPEAT_S <= chain.repeat_s <= LONGEST_S:
        yield "repeat_s", f"is {chain.repeat_s}; want seconds, {SHORTEST_REPEAT_S} to {LONGEST_S}"
    if chain.fallback and not chain.repeat_s:
        yield "fallback", "is of repeats, but there are none; add repeat_s, or leave it out"
    if not chain.fallback and (chain.repeat_s or urgent):
        yield "fallback", "is missing: repeats need channels, another one than the last step's first, e.g. sms"
    elif urgent and chain.steps and not set(chain.fallback) - {*chain.steps[-1].channels[:1], "feed"}:
        last = chain.steps[-1].channels[0] if chain.steps[-1].channels else "feed"
        yield (
            "fallback",
            f"is {', '.join(chain.fallback)}: when {last} of the last step does not get through, nothing else would; "
            f"add one of {', '.join(c for c in CHANNELS if c not in (last, 'feed'))}",
        )


def _addresses(name: str, some: tuple[Address, ...], cls: str, county: str, divisions: Divisions | None) -> Found:
    if len(some) > MAX_TELL:
        yield name, f"has {len(some)} entries; want at most {MAX_TELL}"
    if len(set(some)) < len(some):
        yield name, "names a place and role twice; leave one out"
    for address in some:
        if fault := _address(address, county, divisions):
            yield name, fault
        elif cls == "equipment" and rank(address.at) == LEVELS.index("prefecture"):
            yield name, f"names {address.at}: equipment never goes above the county; leave it out"


def _address(address: Address, county: str, divisions: Divisions | None) -> str:
    at, kind, id_ = address.at, *address.at.partition(":")[::2]
    if address.role not in (DUTY, ROOM, *ROLES):
        return f"names the role {address.role!r} of {at}; known are {', '.join((DUTY, ROOM, *ROLES))}"
    if at in PLACES:
        return ""
    if kind == "org" and id_.strip() == id_ != "" and len(id_) <= 100:
        return ""
    if kind != "unit":
        return f"names {at[:60]!r}; known are {', '.join(PLACES)}, unit:<code> and org:<id>"
    if not _CODE.fullmatch(id_) or (divisions is not None and id_ not in divisions):
        return f"names {at[:60]}, and there is no such unit; give its 6-, 9- or 12-digit code"
    if county and id_ != "522600" and not id_.startswith(county):
        return f"names {at} outside of {county}; that is for the prefecture's policy"
    return ""


def one_of(name: str, value: str, known: tuple[str, ...]) -> Found:
    if value not in known:
        yield name, f"is {value[:60]!r}; want one of {', '.join(known)}"


def several(name: str, values: tuple[str, ...], known: tuple[str, ...]) -> Found:
    for value in values:
        if value not in known:
            yield name, f"names {value[:60]!r}; known are {', '.join(known)}"
    if len(set(values)) < len(values):
        yield name, "names one twice; leave one out"
