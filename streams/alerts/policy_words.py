"""A policy in words, Chinese and English: who is told when, and what happens if nobody acknowledges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from msgspec.structs import replace

from streams.alert_parts import Text
from streams.alerts.policy import REPORTS, STEPS, Chain, Policy, Step
from streams.alerts.policy_book import chain_for, fitting, response_for
from streams.alerts.policy_names import (
    CLASSES,
    DOMAINS,
    HOURS,
    PLACES,
    RESPONSE,
    SEVERITIES,
    channels,
    clock,
    moment,
    names,
)

TIMES = ("day", "night")


def timeline(policy: Policy, severity: str, cls: str, domain: str, at_ms: int) -> list[Text]:
    """Lines of what happens to an alert that is raised at this time (epoch ms) and that nobody acknowledges.

    Raises
    ------
    LookupError
        the policy has no chain for it.
    """
    return lines(policy, policy.chains[chain_for(policy, severity, cls, domain, at_ms)], [domain])


def sections(policy: Policy) -> list[tuple[Text, list[Text]]]:
    """The whole policy: heading and lines of each chain; neighbours with the same lines are one."""
    out: list[tuple[Text, list[Text]]] = []
    every = [(c, lines(policy, c, _domains(policy, k))) for k, c in enumerate(policy.chains)]
    for _, some in groupby(every, lambda pair: (alike(pair[0]), pair[1])):
        chains, told = zip(*some, strict=True)
        out.append((heading(chains), told[0]))
    return out


def heading(chains: Sequence[Chain]) -> Text:
    """Which alerts they are for; they differ in severity alone."""
    parts = [*(SEVERITIES[c.severity] for c in chains), CLASSES[chains[0].cls]]
    parts += [*(DOMAINS[d] for d in chains[0].domains), HOURS[chains[0].hours]]
    return Text(" ".join(p.zh for p in parts), ", ".join(p.en for p in parts))


def alike(chain: Chain) -> Chain:
    """The chain of no severity, to compare."""
    return replace(chain, severity="")


def _domains(policy: Policy, k: int) -> list[str]:
    """For whose alerts the k-th chain is the first that fits, by day or by night."""
    c = policy.chains[k]
    return [d for d in ("", *DOMAINS) if k in [next(fitting(policy, c.severity, c.cls, d, h), -1) for h in TIMES]]


def lines(policy: Policy, chain: Chain, domains: Iterable[str]) -> list[Text]:
    """Lines of one chain, with the times after the acknowledgement of these domains ("": those of no name)."""
    working, last = chain.clock == "working", len(chain.steps) - 1
    out = [*_begins(chain, working)]
    out += [_step(s, working, ends=n == last and not chain.repeat_s) for n, s in enumerate(chain.steps)]
    out.append(_repeats(chain, working))
    out += [_task(chain)] if chain.task else []
    after = [*_times(policy, chain, domains, STEPS, Text("签收后", "after the acknowledgement"))]
    out += [*after, _missed(policy)] if after else []
    return [*out, *_times(policy, chain, domains, REPORTS, Text("研判后", "after the assessment"))]


def _begins(chain: Chain, working: bool) -> Iterator[Text]:
    if chain.morning:
        yield Text("列入晨间清单，07:00 开始计时", "waits for the morning list: its clock starts at 07:00")
    if working:
        yield Text("维修工单，只计工作日 09:00–17:00", "a maintenance order: 09:00–17:00 of working days alone count")
    if chain.inform:
        who, at = names(chain.inform), moment(0, working)
        yield Text(f"{at.zh} 告知{who.zh}，不计时", f"{at.en} {who.en} informed, without a clock")


def _step(step: Step, working: bool, ends: bool) -> Text:
    start, end = moment(step.after_s, working), clock(step.within_s, working)
    who, by, level = names(step.tell), channels(step.channels), PLACES[step.ack_level]
    return Text(
        f"{start.zh} {who.zh} {by.zh}，{end.zh} 内{level.zh}签收" + ("" if ends else "；否则"),
        f"{start.en} {who.en} by {by.en}: {level.en} acknowledges within {end.en}" + ("" if ends else "; if not"),
    )


def _repeats(chain: Chain, working: bool) -> Text:
    if not chain.repeat_s:
        return Text("此后不再升级", "after that it goes no higher")
    every, by = clock(chain.repeat_s, working), channels(chain.fallback)
    return Text(
        f"每 {every.zh} 再次通知未签收者 {by.zh}，直至签收",
        f"every {every.en} again to those who have not acknowledged, by {by.en}, until it is acknowledged",
    )


def _task(chain: Chain) -> Text:
    who = names(chain.task)
    zh = f"，越过 {chain.task_level} 级硬限值时立即" if chain.task_level else ""
    en = f", or at once where hard limit {chain.task_level} was crossed" if chain.task_level else ""
    return Text(
        f"研判后{zh}：任务通知{who.zh}（警戒、疏散、禁火）",
        f"after the assessment{en}: {who.en} get a task (cordon, evacuate, no fire)",
    )


def _times(policy: Policy, chain: Chain, domains: Iterable[str], steps: Sequence[str], start: Text) -> Iterator[Text]:
    """A line for the first domain, and one for each other that has times of its own."""
    told: set[Text] = set()
    for domain in domains:
        found = [t for step in steps for t in _time(policy, chain, domain, step)]
        times = Text("，".join(t.zh for t in found), ", ".join(t.en for t in found))
        if found and times not in told:
            of = Text(f"，{DOMAINS[domain].zh}", f", {DOMAINS[domain].en}") if told else Text("", "")
            yield Text(f"{start.zh}{of.zh}：{times.zh}", f"{start.en}{of.en}: {times.en}")
            told.add(times)


def _time(policy: Policy, chain: Chain, domain: str, step: str) -> Iterator[Text]:
    town, remote = (response_for(policy, chain.severity, chain.cls, domain, step, r) for r in (False, True))
    if town is None or remote is None:
        return
    name, at, far = RESPONSE[step], *(clock(s, chain.clock == "working") for s in (town, remote))
    zh, en = (f"（村 {far.zh}）", f" (villages {far.en})") if far != at else ("", "")
    yield Text(f"{name.zh} {at.zh}{zh}", f"{name.en} {at.en}{en}")


def _missed(policy: Policy) -> Text:
    supervise, above = f"{policy.supervise_after:.0%}", f"{policy.next_level_after:.0%}"
    return Text(
        f"任一步超时：立即催办，再过该步时限的 {supervise} 督办、{above} 通知上一级",
        f"a step missed: urged at once, supervised {supervise} of its time later, the next level told at {above}",
    )
