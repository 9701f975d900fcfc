"""Policies of one process or partition in all versions that are in use, and which part of one is for an alert."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from streams.alerts.policy import Policy
from streams.alerts.policy_checks import PREFECTURE
from streams.alerts.policy_file import default_policy
from streams.alerts.working_time import is_day
from streams.events import stable_id


def ref(policy: Policy) -> str:
    """How an alert names the version that it began with; the shipped one (0) by its content too: releases change it.

    >>> from msgspec.structs import replace
    >>> ref(replace(default_policy(), version=2)), ref(default_policy()).partition("-")[0]
    ('522600@2', '522600@0')
    """
    if policy.version:
        return f"{policy.id}@{policy.version}"
    return _shipped() if policy is default_policy() else _by_content(policy)


@lru_cache(maxsize=1)
def _shipped() -> str:
    return _by_content(default_policy())


def _by_content(policy: Policy) -> str:
    return f"{policy.id}@0-{stable_id(msgspec.json.encode(policy).decode())[:8]}"


class PolicyBook:
    """Versions by `id@version`. A version never changes: the first record of one stays."""

    def __init__(self) -> None:
        self._versions: dict[str, Policy] = {ref(default_policy()): default_policy()}
        self._newest: dict[str, Policy] = {}

    def put(self, policy: Policy) -> bool:
        """Keep a version; True where it was not known. The newest of an id is in force, whatever comes when."""
        known = ref(policy) in self._versions
        kept = self._versions.setdefault(ref(policy), policy)
        if not policy.version:  # shipped with some release: of alerts that began with it
            return not known
        newest = self._newest.get(policy.id)
        if newest is None or kept.version > newest.version:
            self._newest[policy.id] = kept
        return not known

    def current(self, county: str) -> Policy:
        """Of a routing county: its own, else the prefecture's, else the default."""
        for id_ in (county[:6], PREFECTURE):
            found = self._newest.get(id_)
            if found is not None and not found.removed:
                return found
        return default_policy()

    def get(self, name: str) -> Policy:
        """The version of `id@version`.

        Raises
        ------
        LookupError
            it was never put, or dropped.
        """
        try:
            return self._versions[name]
        except KeyError:
            raise LookupError(f"policy {name} is not known here; have {', '.join(sorted(self._versions))}") from None

    def __iter__(self) -> Iterator[Policy]:
        """Every version that is kept, for storing."""
        return iter(self._versions.values())

    def __len__(self) -> int:
        return len(self._versions)


def chain_for(policy: Policy, severity: str, cls: str, domain: str, at_ms: int) -> int:
    """Index of the first chain that fits an alert at this time (epoch ms; Beijing time decides day or night).

    Raises
    ------
    LookupError
        none fits, which a policy that was checked does not let happen.
    """
    hours = "day" if is_day(at_ms) else "night"
    for k in fitting(policy, severity, cls, domain, hours):
        return k
    raise LookupError(f"policy {ref(policy)} has no chain for {cls} {domain} of severity {severity} by {hours}")


def fitting(policy: Policy, severity: str, cls: str, domain: str, hours: str) -> Iterator[int]:
    """Indices of all chains that fit by day or by night; the first is in force."""
    for k, chain in enumerate(policy.chains):
        if (
            (chain.severity, chain.cls) == (severity, cls)
            and chain.hours in ("all", hours)
            and (not chain.domains or domain in chain.domains)
        ):
            yield k


def response_for(policy: Policy, severity: str, cls: str, domain: str, step: str, remote: bool) -> int | None:
    """Seconds for a step of STEPS or REPORTS, `remote`: outside of towns; None where the policy sets no time."""
    for time in policy.response:
        if (time.severity, time.cls, time.step) == (severity, cls, step) and (
            not time.domains or domain in time.domains
        ):
            return time.remote_s if remote and time.remote_s else time.within_s
    return None
