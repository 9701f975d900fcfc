"""Who is told when, and by when they must have acted: the records of the `policies` topic.

A policy is of a prefecture or a county; the deepest one of an alert's routing county is in force. Versions never
change: an alert keeps the version it began with.
"""

from __future__ import annotations

from msgspec import Struct

from streams.events import LEVELS

PLACES = ("village", "township", "county", "prefecture", "owner_org", "operator_org", "regulator")
DUTY = "duty"  # role of an address: whoever is on duty, main before deputy
ROOM = "room"  # the duty room itself
DAYTIME = (7 * 60, 22 * 60)  # minutes of the local day (UTC+8): the rest is night
ACK_LEVELS = ("organisation", *LEVELS)  # upward; `organisation`: an ack of anybody who was told will do
STEPS = ("assess", "dispatch", "on_site", "dispose", "verify")  # after the ack
REPORTS = ("report_verbal", "report_written")  # information reports 信息报送


class Address(Struct, frozen=True):
    """Whom: a place seen from the alert (`PLACES`), or `unit:<code>` or `org:<id>`; and a role of its roster."""

    at: str
    role: str = DUTY


class Step(Struct, frozen=True, kw_only=True):
    """One step of a chain. Its clock is stopped by an ack of `ack_level` or above.

    `after_s` and `within_s` are seconds from the start of the chain: told at `after_s`, acked until `within_s`.
    """

    after_s: int = 0
    tell: tuple[Address, ...]
    ack_level: str  # of ACK_LEVELS
    within_s: int
    channels: tuple[str, ...] = ("feed",)  # each person by the first of these that this person has


class Chain(Struct, frozen=True, kw_only=True):
    """The steps for some alerts. The first chain of a policy that fits an alert is its chain."""

    severity: str
    cls: str = "hazard"
    domains: tuple[str, ...] = ()  # none: all
    hours: str = "all"  # all | day | night, of the time at which the chain starts
    clock: str = "real"  # real | working: seconds of working days only
    inform: tuple[Address, ...] = ()  # told at the start, without a clock
    task: tuple[Address, ...] = ()  # told what to do (警戒、疏散、禁火) once the alert was assessed, without a clock,
    task_level: int = 0  # or at once where this hard limit (`Detection.level`) was crossed; 0: never at once
    steps: tuple[Step, ...] = ()
    repeat_s: int = 0  # after the last step: those who have not acked are told again, 0: never (not for I and II)
    fallback: tuple[str, ...] = ()  # channels of the repeats
    morning: bool = False  # begins at the next end of the night: the morning list


class ResponseTime(Struct, frozen=True, kw_only=True):
    """By when a step after the ack is to be done, from the ack; `remote_s`: outside of towns (village units).

    Reports count from the assessment. The seconds are those of the alert's chain: of working days where its clock is.
    The first one of a policy that fits is in force, as with chains.
    """

    severity: str
    step: str  # of STEPS or REPORTS
    domains: tuple[str, ...] = ()
    cls: str = "hazard"
    within_s: int
    remote_s: int = 0  # 0: as within_s


class Policy(Struct, frozen=True, kw_only=True):
    """All of one prefecture or county. `id` is its unit code. Version 0 is the default that ships with the project."""

    id: str
    version: int = 1
    chains: tuple[Chain, ...]
    response: tuple[ResponseTime, ...] = ()
    supervise_after: float = 0.5  # missed: urged at once, supervised after so much of the step's time more,
    next_level_after: float = 1.0  # and the next level told after so much
    days_off: tuple[str, ...] = ()  # own holidays, "2027-02-05" or "2027-02-05/2027-02-12", over the national ones
    days_on: tuple[str, ...] = ()  # own working days
    by: str = ""  # who wrote this version, and when
    at_ms: int = 0
    removed: bool = False  # it ended: the policy above is in force
