"""What is wrong with a policy, each with a reason a person can act on. Chains one by one: `chain_checks`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise, product

from geo.divisions import Divisions
from streams.alerts.chain_checks import CLASSES, LONGEST_S, chain_faults, label, one_of, several
from streams.alerts.faults import Fault
from streams.alerts.policy import REPORTS, STEPS, Chain, Policy, ResponseTime
from streams.alerts.working_time import CalendarError, days
from streams.events import SEVERITIES
from streams.topics import COUNTIES, DOMAINS

PREFECTURE = "522600"
OTHER = ""  # a domain that has no name here yet, and alerts made by hand
MAX_TABLES = 500
MAX_RANGES = 100
Cell = tuple[str, str]  # domain, day or night


def problems(policy: Policy, divisions: Divisions | None = None) -> list[Fault]:
    """Everything wrong with a policy; [] when it is usable. Of a removed one only its id and version matter.

    `divisions`: units that it names must be in them; None: they are not looked up.
    """
    out = [*_head(policy)]
    if out or policy.removed:
        return out
    county = "" if policy.id == PREFECTURE else policy.id
    for k, chain in enumerate(policy.chains):
        out += chain_faults(chain, f"chains[{k}]", county, divisions)
    for k, time in enumerate(policy.response):
        out += _response(time, f"response[{k}]")
    if not out:  # with odd names in it, what fits which alert means nothing
        out += [*_covered(policy), *_hidden_response(policy), *_in_order(policy)]
    return out


def _head(policy: Policy) -> Iterator[Fault]:
    if policy.id not in (PREFECTURE, *COUNTIES):
        yield Fault("id", f"is {policy.id[:40]!r}; want the prefecture's code {PREFECTURE} or a county's")
    if policy.version < 0:
        yield Fault("version", f"is {policy.version}; want the one that you saw, 0 where there was none")
    for key, some in (("chains", policy.chains), ("response", policy.response)):
        if len(some) > MAX_TABLES:
            yield Fault(key, f"has {len(some)} entries; want at most {MAX_TABLES}")
    for key, value in (("supervise_after", policy.supervise_after), ("next_level_after", policy.next_level_after)):
        if not (math.isfinite(value) and 0 < value <= 10):
            yield Fault(key, f"is {value:g}; want a part of the step's time, above 0, at most 10")
    if policy.supervise_after > policy.next_level_after:
        yield Fault(
            "supervise_after",
            f"is {policy.supervise_after:g}, after next_level_after = {policy.next_level_after:g}: supervising comes "
            "before the next level is told; set it to that or less",
        )
    for key, some_days in (("off", policy.days_off), ("on", policy.days_on)):
        if len(some_days) > MAX_RANGES:
            yield Fault(f"calendar.{key}", f"has {len(some_days)} entries; want at most {MAX_RANGES}")
            continue
        try:
            days(some_days)
        except CalendarError as error:
            yield Fault(f"calendar.{key}", str(error))


def _cells(domains: tuple[str, ...], hours: str = "all") -> set[Cell]:
    """What a table is for, of all domains and both times of day."""
    times = ("day", "night") if hours == "all" else (hours,)
    return set(product(domains or (*DOMAINS, OTHER), times))


def _covered(policy: Policy) -> Iterator[Fault]:
    """Every severity has a chain for every alert, and every chain has an alert."""
    left = {key: _cells(()) for key in product(CLASSES, SEVERITIES)}
    first: dict[tuple[str, str], list[tuple[int, Chain]]] = {key: [] for key in left}
    for k, chain in enumerate(policy.chains):
        key = chain.cls, chain.severity
        mine = _cells(chain.domains, chain.hours)
        if not mine & left[key]:
            by = ", ".join(f"{n + 1} ({label(c)})" for n, c in first[key] if _cells(c.domains, c.hours) & mine)
            yield Fault(
                f"chains[{k}]",
                f"is never reached: chain {by} above fits all its alerts first; put it above, or remove it",
                label(chain),
            )
        left[key] -= mine
        first[key].append((k, chain))
    for (cls, severity), cells in left.items():
        if cells:
            yield Fault("chains", _lacks(cls, severity, cells))


def _lacks(cls: str, severity: str, cells: set[Cell]) -> str:
    if cells == _cells(()):
        return f"have none for {cls} of severity {severity}; add a chain with it"
    named = [d for d in DOMAINS if any(domain == d for domain, _ in cells)]
    times = sorted({time for _, time in cells})
    what = ", ".join(named) if named else "domains that are not named"
    when = f" by {times[0]}" if len(times) == 1 else ""
    return f"have none for {cls} of severity {severity}, {what}{when}; add one without domains and hours at the end"


def _response(time: ResponseTime, where: str) -> Iterator[Fault]:
    about, key = _about(time), f"{time.step}_s"
    for name, reason in (
        *one_of("severity", time.severity, SEVERITIES),
        *one_of("class", time.cls, CLASSES),
        *one_of("step", time.step, (*STEPS, *REPORTS)),
        *several("domains", time.domains, DOMAINS),
    ):
        yield Fault(f"{where}.{name}", reason, about)
    if not 0 < time.within_s <= LONGEST_S:
        yield Fault(f"{where}.{key}", f"is {time.within_s}; want seconds, 1 to {LONGEST_S}", about)
    elif time.remote_s and not time.within_s <= time.remote_s <= LONGEST_S:
        yield Fault(
            f"{where}.{key}",
            f"is {time.remote_s} in villages; want at least the {time.within_s} of towns, at most {LONGEST_S}",
            about,
        )


def _about(time: ResponseTime) -> str:
    return " ".join([time.severity, *time.domains, *([time.cls] if time.cls != "hazard" else [])])


def _hidden_response(policy: Policy) -> Iterator[Fault]:
    left: dict[tuple[str, str, str], set[Cell]] = {}
    for k, time in enumerate(policy.response):
        free = left.setdefault((time.cls, time.severity, time.step), _cells(()))
        if not free & _cells(time.domains):
            reason = "is never reached: entries above fit all its alerts first; put it above them, or remove it"
            yield Fault(f"response[{k}].{time.step}_s", reason, _about(time))
        free -= _cells(time.domains)


def _in_order(policy: Policy) -> Iterator[Fault]:
    """Of the times in force for an alert, each step's is not before that of the step before."""
    for cls, severity, domain in product(CLASSES, SEVERITIES, (*DOMAINS, OTHER)):
        for steps in (STEPS, REPORTS):
            found = [(k, t) for step in steps for k, t in _first(policy, cls, severity, domain, step)]
            for (_, a), (k, b) in pairwise(found):
                for where, early, late in (
                    ("", a.within_s, b.within_s),
                    (" in villages", a.remote_s or a.within_s, b.remote_s or b.within_s),
                ):
                    if late < early:
                        reason = f"is {late}{where}, before {a.step}_s = {early}; set it to {early} or more"
                        yield Fault(f"response[{k}].{b.step}_s", reason, _about(b))
                        break


def _first(policy: Policy, cls: str, severity: str, domain: str, step: str) -> Iterator[tuple[int, ResponseTime]]:
    for k, t in enumerate(policy.response):
        if (t.cls, t.severity, t.step) == (cls, severity, step) and (not t.domains or domain in t.domains):
            yield k, t
            return
