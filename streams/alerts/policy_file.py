"""Policies as people and other programs write them: TOML files and the same shape as plain values (JSON of the API).

An address is written `place` or `place/role`: `county`, `county/lead`, `unit:522601/room`, `org:凯里供水公司`. A
table of a chain or of response times may be of several severities. Whatever is wrong, the whole of it is refused.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace

from geo.divisions import Divisions
from streams.alerts.faults import Fault
from streams.alerts.policy import REPORTS, STEPS, Address, Chain, Policy, ResponseTime, Step
from streams.alerts.policy_checks import problems

DEFAULT_ID = "522600"
MAX_BYTES = 300_000  # it travels with others in one message, of which a broker takes 1 MB
encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Policy)
_TIMED = (*STEPS, *REPORTS)


class PolicyError(ValueError):
    """A policy is refused as a whole; the text names the file, the table, the key and the fix. `faults`: each one."""

    def __init__(self, source: str, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{source}: {fault}" for fault in faults))
        self.faults = faults


class _Step(Struct, forbid_unknown_fields=True, kw_only=True):
    after_s: int = 0
    within_s: int
    tell: list[str]
    ack_level: str
    channels: tuple[str, ...] = ("feed",)


class _Chain(Struct, forbid_unknown_fields=True, kw_only=True):
    severity: str | list[str]
    cls: str = field(default="hazard", name="class")
    domains: list[str] = []
    hours: str = "all"
    clock: str = "real"
    morning: bool = False
    inform: list[str] = []
    task: list[str] = []
    task_level: int = 0
    steps: list[_Step] = []
    repeat_s: int = 0
    fallback: list[str] = []


_Time = int | list[int] | UnsetType  # seconds, or [in towns, in villages]


class _Response(Struct, forbid_unknown_fields=True, kw_only=True):
    severity: str | list[str]
    cls: str = field(default="hazard", name="class")
    domains: list[str] = []
    assess_s: _Time = UNSET
    dispatch_s: _Time = UNSET
    on_site_s: _Time = UNSET
    dispose_s: _Time = UNSET
    verify_s: _Time = UNSET
    report_verbal_s: _Time = UNSET
    report_written_s: _Time = UNSET


class _Calendar(Struct, forbid_unknown_fields=True):
    off: list[str] = []
    on: list[str] = []


class _Written(Struct, forbid_unknown_fields=True, kw_only=True):
    id: str
    version: int = 0  # that the writer saw; 0: none of its own
    supervise_after: float = 0.5
    next_level_after: float = 1.0
    calendar: _Calendar = field(default_factory=_Calendar)
    chains: list[_Chain] = []
    response: list[_Response] = []
    by: str = ""  # these three are told, and ignored when written
    at: str | None = None
    removed: bool = False


def parse_toml(text: str, source: str, divisions: Divisions | None = None) -> Policy:
    """The policy of a TOML text; see `parse`."""
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(source, [Fault("", f"not valid TOML: {error}")]) from None
    return parse(plain, source, divisions)


def parse(plain: Any, source: str, divisions: Divisions | None = None) -> Policy:
    """The policy of plain values; its `version` is the one that the writer saw.

    Raises
    ------
    PolicyError
        an unknown key, a value of another type, or anything that `policy_checks.problems` finds. With `divisions`
        the units that it names must be there.
    """
    try:
        w = msgspec.convert(plain, _Written)
    except msgspec.ValidationError as error:
        raise PolicyError(source, [_structural(str(error))]) from None
    faults: list[Fault] = []
    chains, tables = _chains(w, faults)
    response, timed = _response(w, faults)
    if faults:
        raise PolicyError(source, faults)
    policy = Policy(
        id=w.id, version=w.version, chains=chains, response=response, supervise_after=w.supervise_after,
        next_level_after=w.next_level_after, days_off=tuple(w.calendar.off), days_on=tuple(w.calendar.on),
    )  # fmt: skip
    if found := [f.moved({"chains": tables, "response": timed}) for f in problems(policy, divisions)]:
        raise PolicyError(source, list({(f.path, f.reason): f for f in reversed(found)}.values())[::-1])
    if (size := len(encode(policy))) > MAX_BYTES:
        raise PolicyError(
            source, [Fault("", f"is {size} bytes as a record; use fewer tables, at most {MAX_BYTES} bytes")]
        )
    return policy


def _chains(w: _Written, faults: list[Fault]) -> tuple[tuple[Chain, ...], list[int]]:
    """Chains, one a severity, and for each the table that it was written in."""
    made: list[Chain] = []
    tables: list[int] = []
    for k, c in enumerate(w.chains):
        where = f"chains[{k}]"
        chain = Chain(
            severity="", cls=c.cls, domains=tuple(c.domains), hours=c.hours, clock=c.clock, morning=c.morning,
            inform=_addresses(c.inform, f"{where}.inform", faults), task=_addresses(c.task, f"{where}.task", faults),
            task_level=c.task_level, repeat_s=c.repeat_s, fallback=tuple(c.fallback),
            steps=tuple(
                Step(after_s=s.after_s, within_s=s.within_s, ack_level=s.ack_level, channels=s.channels,
                     tell=_addresses(s.tell, f"{where}.steps[{n}].tell", faults))
                for n, s in enumerate(c.steps)
            ),
        )  # fmt: skip
        for severity in _severities(c.severity, where, faults):
            made.append(replace(chain, severity=severity))
            tables.append(k)
    return tuple(made), tables


def _response(w: _Written, faults: list[Fault]) -> tuple[tuple[ResponseTime, ...], list[int]]:
    made: list[ResponseTime] = []
    tables: list[int] = []
    for k, r in enumerate(w.response):
        where = f"response[{k}]"
        for severity in _severities(r.severity, where, faults):
            for step in _TIMED:
                value: _Time = getattr(r, f"{step}_s")
                if value is UNSET:
                    continue
                both = value if isinstance(value, list) else [value, 0]
                if len(both) != 2:
                    faults.append(Fault(f"{where}.{step}_s", f"is {both}; want seconds, or [in towns, in villages]"))
                    continue
                made.append(
                    ResponseTime(severity=severity, step=step, cls=r.cls, domains=tuple(r.domains), within_s=both[0],
                                 remote_s=both[1])
                )  # fmt: skip
                tables.append(k)
    return tuple(made), tables


def _severities(written: str | list[str], where: str, faults: list[Fault]) -> list[str]:
    some = [written] if isinstance(written, str) else written
    if not some:
        faults.append(Fault(f"{where}.severity", "is empty; name one of I, II, III, IV or several"))
    return some


def _addresses(written: list[str], where: str, faults: list[Fault]) -> tuple[Address, ...]:
    out = []
    for text in written:
        at, slash, role = text.rpartition("/")
        if slash and not (at and role):
            faults.append(Fault(where, f"names {text!r}; write place or place/role, e.g. county or county/lead"))
        out.append(Address(at, role) if slash else Address(text))
    return tuple(out)


_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")


def _structural(message: str) -> Fault:
    """msgspec's sentence and path as a fault; for an unknown key the known ones."""
    what, _, where = message.partition(" - at ")
    path = where.strip("`").removeprefix("$").lstrip(".")
    if (found := _UNKNOWN.match(what)) is not None:
        shape = _shape(path)
        known = ", ".join(f.encode_name for f in msgspec.structs.fields(shape))
        return Fault(f"{path}.{found[1]}".lstrip("."), f"there is no such key; known are {known}")
    if (found := _MISSING.match(what)) is not None:
        return Fault(f"{path}.{found[1]}".lstrip("."), "is missing")
    return Fault(path, what.replace("`", "").replace("Expected", "expected", 1))


def _shape(path: str) -> type[Struct]:
    for part, shape in ((".steps[", _Step), ("chains[", _Chain), ("response[", _Response), ("calendar", _Calendar)):
        if part in path:
            return shape
    return _Written


def decode_any(value: bytes) -> Policy:
    """The record of one value of the topic, also an old one that could no longer be put in force.

    Raises
    ------
    PolicyError
        not JSON, a field is missing or has the wrong type.
    """
    try:
        return _decoder.decode(value)
    except msgspec.MsgspecError as error:
        raise PolicyError("policy record", [Fault("", str(error))]) from None


def decode(value: bytes) -> Policy:
    """The record of one value of the topic, checked but for the names of units; raises PolicyError."""
    policy = decode_any(value)
    if faults := problems(policy):
        raise PolicyError(f"policy {policy.id[:20]}", faults)
    return policy


@lru_cache(maxsize=1)
def default_policy() -> Policy:
    """The policy that ships with the project: that of the prefecture until it has its own. Its version is 0."""
    text = files("streams.alerts").joinpath("policies.toml").read_text("utf-8")
    return parse_toml(text, "policies.toml")
