"""A policy as it is written: the plain values of the API, and the TOML of files. `policy_file` reads both again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from geo.moments import rfc3339
from streams.alerts.policy import DUTY, REPORTS, STEPS, Address, Chain, Policy, ResponseTime, Step

Plain = dict[str, Any]
_ORDER = (*STEPS, *REPORTS)


def public(policy: Policy) -> Plain:
    """As the API shows it; what is as by default is left out of the tables."""
    return {
        "id": policy.id,
        "version": policy.version,
        "supervise_after": policy.supervise_after,
        "next_level_after": policy.next_level_after,
        "calendar": {"off": list(policy.days_off), "on": list(policy.days_on)},
        "chains": _merged(_chain(c) for c in policy.chains),
        "response": _merged(_responses(policy.response)),
        "by": policy.by,
        "at": rfc3339(policy.at_ms) if policy.at_ms else None,
        "removed": policy.removed,
    }


def to_toml(policy: Policy) -> str:
    """The text of a file that makes the same policy; `version` is the one that a change of it has seen."""
    plain = public(policy)
    lines = [f"{key} = {_value(plain[key])}" for key in ("id", "version", "supervise_after", "next_level_after")]
    if policy.days_off or policy.days_on:
        lines += ["", "[calendar]", *(f"{key} = {_value(days)}" for key, days in plain["calendar"].items())]
    for chain in plain["chains"]:
        steps = chain.pop("steps")
        lines += ["", "[[chains]]", *_pairs(chain)]
        for step in steps:
            lines += ["[[chains.steps]]", *_pairs(step)]
    for response in plain["response"]:
        lines += ["", "[[response]]", *_pairs(response)]
    return "\n".join(lines) + "\n"


def address_text(address: Address) -> str:
    """As it is written in files.

    >>> address_text(Address("county")), address_text(Address("county", "lead"))
    ('county', 'county/lead')
    """
    short = address.role == DUTY and "/" not in address.at
    return address.at if short else f"{address.at}/{address.role}"


def _chain(chain: Chain) -> Plain:
    out: Plain = {
        "severity": chain.severity,
        "class": chain.cls,
        "domains": list(chain.domains),
        "hours": chain.hours,
        "clock": chain.clock,
        "morning": chain.morning,
        "inform": [address_text(a) for a in chain.inform],
        "task": [address_text(a) for a in chain.task],
        "task_level": chain.task_level,
        "repeat_s": chain.repeat_s,
        "fallback": list(chain.fallback),
    }
    usual = {"class": "hazard", "hours": "all", "clock": "real"}
    out = {key: value for key, value in out.items() if value and usual.get(key) != value}
    return {**out, "steps": [_step(s) for s in chain.steps]}


def _step(step: Step) -> Plain:
    return {
        "after_s": step.after_s,
        "within_s": step.within_s,
        "tell": [address_text(a) for a in step.tell],
        "ack_level": step.ack_level,
        "channels": list(step.channels),
    }


def _responses(times: Iterable[ResponseTime]) -> Iterator[Plain]:
    """A table for neighbours of the same alerts, as long as their steps are in order."""
    table: Plain = {}
    head, last = None, -1
    for t in times:
        key, n = (t.severity, t.cls, t.domains), _ORDER.index(t.step)
        if key != head or n <= last:
            if table:
                yield table
            table = {"severity": t.severity}
            table |= {"class": t.cls} if t.cls != "hazard" else {}
            table |= {"domains": list(t.domains)} if t.domains else {}
        head, last = key, n
        table[f"{t.step}_s"] = [t.within_s, t.remote_s] if t.remote_s else t.within_s
    if table:
        yield table


def _merged(tables: Iterable[Plain]) -> list[Plain]:
    """Neighbours that differ in severity alone become one table."""
    out: list[Plain] = []
    for table in tables:
        before = out[-1] if out else {}
        severity, *some = _severities(before), table["severity"]
        if severity and some[0] not in severity and {**before, "severity": ""} == {**table, "severity": ""}:
            before["severity"] = [*severity, *some]
        else:
            out.append(table)
    return out


def _severities(table: Plain) -> list[str]:
    written = table.get("severity", [])
    return written if isinstance(written, list) else [written]


def _pairs(table: Plain) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: Any) -> str:
    """A TOML value; strings as JSON writes them, which TOML reads alike (but DEL, which is escaped)."""
    if isinstance(value, list):
        return f"[{', '.join(_value(v) for v in value)}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
