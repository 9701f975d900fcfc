"""A policy as Markdown tables, for the docs and for printing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from streams.alerts.policy import REPORTS, STEPS, Chain, Policy
from streams.alerts.policy_names import DOMAINS, RESPONSE, SEVERITIES, channels, clock, moment, names
from streams.alerts.policy_text import public
from streams.alerts.policy_words import alike, heading


def markdown(policy: Policy) -> str:
    """Who is told when, and by when the steps after the acknowledgement are to be done."""
    chains = [row for _, same in groupby(policy.chains, alike) for row in _chain(list(same))]
    head = ["alerts", "told at", "who", "by", "acknowledged by", "within"]
    steps = (*STEPS, *REPORTS)
    response = ["alerts", *(RESPONSE[s].en for s in steps)]
    return f"{_table(head, chains)}\n{_table(response, _response(policy, steps))}"


def _chain(same: Sequence[Chain]) -> Iterator[list[str]]:
    chain = same[0]
    working, first = chain.clock == "working", heading(same).en
    for n, step in enumerate(chain.steps):
        start, end = moment(step.after_s, working).en, clock(step.within_s, working).en
        if n == 0 and chain.morning:
            start = "07:00 of the day"
        yield [first if n == 0 else "", start, names(step.tell).en, channels(step.channels).en, step.ack_level, end]
    for name, who, when in (("informed", chain.inform, "start"), ("task", chain.task, "assessed")):
        if who:
            at = f"hard limit {chain.task_level}, or {when}" if name == "task" and chain.task_level else when
            yield ["", at, names(who).en, name, "", ""]
    if chain.repeat_s:
        every = f"every {clock(chain.repeat_s, working).en}"
        yield ["", every, "who has not acknowledged", channels(chain.fallback).en, "", ""]


def _response(policy: Policy, steps: Iterable[str]) -> Iterator[list[str]]:
    for row in public(policy)["response"]:
        severities = row["severity"] if isinstance(row["severity"], list) else [row["severity"]]
        working = row.get("class") == "equipment"
        about = [*(SEVERITIES[s].en for s in severities), *([row["class"]] if working else [])]
        about += [DOMAINS[d].en for d in row.get("domains", ())]
        yield [", ".join(about), *(_cell(row.get(f"{step}_s"), working) for step in steps)]


def _cell(value: int | list[int] | None, working: bool) -> str:
    if value is None:
        return ""
    both = value if isinstance(value, list) else [value]
    return " / ".join(clock(s, working).en for s in both)


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    every = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in every)
