"""Policies from files and records: what is refused, in which words; and that nothing is lost on the way."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from geo.divisions import Divisions
from streams.alerts.policy import ACK_LEVELS, PLACES, REPORTS, STEPS, Address, Chain, Policy, ResponseTime, Step
from streams.alerts.policy_checks import problems
from streams.alerts.policy_file import PolicyError, decode, default_policy, encode, parse, parse_toml
from streams.alerts.policy_text import public, to_toml
from streams.duty.records import CHANNELS, ROLES
from streams.events import SEVERITIES
from streams.topics import DOMAINS

I_GAS, I_ALL, II, III_NIGHT, III, IV_NIGHT, IV, EQUIPMENT_URGENT, EQUIPMENT = range(9)  # tables of the default
LEAVE_OUT = object()


def with_(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """The default policy as plain values, with one of them another."""
    plain = copy.deepcopy(public(default_policy()))
    at: Any = plain
    for part in path[:-1]:
        at = at[part]
    if value is LEAVE_OUT:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return plain


def refused(plain: Any) -> str:
    with pytest.raises(PolicyError) as told:
        parse(plain, "p.toml", Divisions.load())
    return str(told.value)


def chain(k: int, *more: str | int) -> tuple[str | int, ...]:
    return ("chains", k, *more)


def step(k: int, n: int, *more: str | int) -> tuple[str | int, ...]:
    return ("chains", k, "steps", n, *more)


BAD: list[tuple[tuple[str | int, ...], Any, str]] = [
    # keys and types
    (("colour",), 1, "p.toml: colour: there is no such key; known are id, version, supervise_after"),
    (chain(2, "colour"), 1, "p.toml: chain 3: colour: there is no such key; known are severity, class, domains"),
    (step(2, 1, "after"), 1, "p.toml: chain 3, step 2: after: there is no such key; known are after_s, within_s, tell"),
    (("response", 0, "arrive_s"), 1, "p.toml: response 1: arrive_s: there is no such key; known are severity, class"),
    (("calendar", "holidays"), [], "p.toml: calendar.holidays: there is no such key; known are off, on"),
    (("id",), LEAVE_OUT, "p.toml: id: is missing"),
    (step(2, 0, "within_s"), LEAVE_OUT, "p.toml: chain 3, step 1: within_s: is missing"),
    (step(2, 0, "within_s"), "300", "p.toml: chain 3, step 1: within_s: expected int, got str"),
    (step(2, 0, "within_s"), True, "p.toml: chain 3, step 1: within_s: expected int, got bool"),
    (chain(2, "severity"), [], "p.toml: chain 3: severity: is empty; name one of I, II, III, IV or several"),
    (
        ("response", 0, "on_site_s"),
        [1, 2, 3],
        "p.toml: response 1: on_site_s: is [1, 2, 3]; want seconds, or [in towns",
    ),
    # names
    (("id",), "520000", "p.toml: id: is '520000'; want the prefecture's code 522600 or a county's"),
    (chain(2, "severity"), "V", "p.toml: chain 3 (V): severity: is 'V'; want one of I, II, III, IV"),
    (chain(2, "class"), "risk", "p.toml: chain 3 (II risk): class: is 'risk'; want one of hazard, equipment"),
    (chain(2, "hours"), "noon", "p.toml: chain 3 (II noon): hours: is 'noon'; want one of all, day, night"),
    (chain(2, "domains"), ["sea"], "p.toml: chain 3 (II sea): domains: names 'sea'; known are water, gas, pipeline"),
    (step(2, 0, "channels"), ["fax"], "p.toml: chain 3 (II), step 1: channels: names 'fax'; known are voice, sms"),
    (step(2, 0, "channels"), [], "p.toml: chain 3 (II), step 1: channels: is empty; name some of voice, sms"),
    (
        step(2, 0, "ack_level"),
        "street",
        "p.toml: chain 3 (II), step 1: ack_level: is 'street'; want one of organisation",
    ),
    (step(2, 0, "tell"), ["mayor"], "p.toml: chain 3 (II), step 1: tell: names 'mayor'; known are village, township"),
    (step(2, 0, "tell"), ["county/cook"], "step 1: tell: names the role 'cook' of county; known are duty, room, lead"),
    (step(2, 0, "tell"), ["county/"], "p.toml: chain 3, step 1: tell: names 'county/'; write place or place/role"),
    (step(2, 0, "tell"), ["unit:522699", "county"], "names unit:522699, and there is no such unit; give its 6-, 9-"),
    (step(2, 0, "tell"), ["county", "county/duty"], "tell: names a place and role twice; leave one out"),
    (step(2, 0, "tell"), [], "p.toml: chain 3 (II), step 1: tell: names nobody; name at least one place"),
    (step(2, 0, "tell"), ["county", "org:凯里供水公司", "org:a/b/room", "unit:522601/lead"], ""),
    (step(2, 0, "tell"), ["county", "org: x"], "step 1: tell: names 'org: x'; known are village, township, county"),
    (step(2, 0, "tell"), ["county", *(f"org:{n}" for n in range(50))], "tell: has 51 entries; want at most 50"),
    (step(2, 0, "channels"), ["voice", "sms", "voice"], "step 1: channels: names one twice; leave one out"),
    # I and II
    (
        chain(I_ALL, "steps"),
        [],
        "p.toml: chain 2 (I): steps: are missing: nobody is asked to acknowledge; add at least",
    ),
    (chain(II, "repeat_s"), 0, "p.toml: chain 3 (II): repeat_s: is missing: severity II never stops silently; give"),
    (chain(II, "fallback"), [], "p.toml: chain 3 (II): fallback: is missing: repeats need channels, another one than"),
    (
        chain(II, "fallback"),
        ["voice"],
        "p.toml: chain 3 (II): fallback: is voice: when voice of the last step does not",
    ),
    (chain(II, "fallback"), ["feed", "voice"], "nothing else would; add one of sms, chat, email, webhook"),
    (
        step(II, 0, "channels"),
        ["feed"],
        "step 1: channels: is feed alone, which wakes nobody at severity II; add voice",
    ),
    (
        step(II, 0, "after_s"),
        10,
        "p.toml: chain 3 (II), step 1: after_s: is 10: severity II is told at once; make it 0",
    ),
    (chain(II, "repeat_s"), 5, "p.toml: chain 3 (II): repeat_s: is 5; want seconds, 30 to 2592000"),
    (
        chain(II, "morning"),
        True,
        "p.toml: chain 3 (II): morning: would keep severity II till the morning; leave it out",
    ),
    (chain(IV, "morning"), True, "p.toml: chain 7 (IV day): morning: is of a chain that also begins by day; add hours"),
    (
        chain(III, "fallback"),
        ["sms"],
        "p.toml: chain 5 (III day): fallback: is of repeats, but there are none; add repeat_s",
    ),
    # steps that cannot be reached
    (step(II, 0, "within_s"), 0, "p.toml: chain 3 (II), step 1: within_s: is 0; want seconds from the start"),
    (step(II, 0, "after_s"), -1, "p.toml: chain 3 (II), step 1: after_s: is -1; want seconds from the start"),
    (step(II, 1, "within_s"), 300, "p.toml: chain 3 (II), step 2: after_s: is 300, not before within_s = 300: nobody"),
    (
        step(III, 2, "after_s"),
        900,
        "p.toml: chain 5 (III day), step 3: after_s: is 900, but the step before begins",
    ),
    (
        step(III, 1, "after_s"),
        1000,
        "after_s: is 1000, but the step before ends at 900: in between nobody is asked; set",
    ),
    (
        step(III, 0, "within_s"),
        2700,
        "p.toml: chain 5 (III day), step 2: within_s: is 2700, but the step before has",
    ),
    (
        step(II, 0, "tell"),
        ["township"],
        "step 1: ack_level: is county, but nobody of that level is told by then, so no",
    ),
    (chain(III_NIGHT, "hours"), "all", "p.toml: chain 5 (III day): is never reached: chain 4 (III) above fits all its"),
    (
        chain(III, "hours"),
        "night",
        "is never reached: chain 4 (III night) above fits all its alerts first; put it above",
    ),
    (step(III, 0, "tell"), ["owner_org"], "step 1: ack_level: is township, but nobody of that level is told by then"),
    (chain(III, "steps"), [public(default_policy())["chains"][II]["steps"][0]] * 21, "steps: are 21; want at most 20"),
    # cycles
    (step(III, 2, "tell"), ["prefecture", "township"], "step 3: tell: names township/duty again, which step 1 told: a"),
    (step(III, 2, "tell"), ["township/lead"], "step 3: tell: goes down from county to township: a cycle; tell the"),
    (step(III, 2, "ack_level"), "village", "step 3: ack_level: is village, below county of the step before: a cycle;"),
    (step(III, 2, "tell"), ["prefecture", "unit:522601"], ""),  # a county of its own, whichever the alert's is
    (step(III, 1, "tell"), ["county", "unit:522600"], "step 3: tell: names prefecture/duty again, which step 2 told"),
    # equipment and the working clock
    (
        chain(III, "clock"),
        "working",
        "p.toml: chain 5 (III day): clock: working is for equipment only: a hazard does",
    ),
    (step(EQUIPMENT, 1, "tell"), ["prefecture"], "chain 9 (III equipment), step 2: tell: names prefecture: equipment"),
    (chain(EQUIPMENT, "inform"), ["unit:522600"], "inform: names unit:522600: equipment never goes above the county"),
    (step(EQUIPMENT, 1, "ack_level"), "prefecture", "step 2: ack_level: is prefecture: equipment never goes above"),
    # tasks
    (chain(II, "task_level"), 3, "p.toml: chain 3 (II): task_level: is of a task, but task names nobody; add task"),
    (chain(I_GAS, "task_level"), 5, "p.toml: chain 1 (I gas): task_level: is 5; want a hard limit's level 1 to 4"),
    # coverage
    (chain(II, "severity"), "I", "p.toml: chains: have none for hazard of severity II; add a chain with it"),
    (chain(II, "domains"), ["gas"], "have none for hazard of severity II, water, pipeline, traffic; add one without"),
    (chain(II, "domains"), [*DOMAINS], "have none for hazard of severity II, domains that are not named; add one"),
    (chain(III, "hours"), "all", ""),  # the night's chain is above it
    (
        chain(III_NIGHT, "hours"),
        "day",
        "chain 5 (III day): is never reached: chain 4 (III day) above fits all its alerts",
    ),
    (
        chain(III_NIGHT, "domains"),
        ["gas"],
        "have none for hazard of severity III, water, pipeline, traffic by night; add",
    ),
    (chain(III_NIGHT, "severity"), "IV", "chain 6 (IV night): is never reached: chain 4 (IV night) above fits"),
    # response times
    (
        ("response", 1, "dispatch_s"),
        200,
        "p.toml: response 2 (I): dispatch_s: is 200, before assess_s = 300; set it to",
    ),
    (
        ("response", 1, "dispose_s"),
        5000,
        "response 2 (I): dispose_s: is 5000 in villages, before on_site_s = 5400; set",
    ),
    (("response", 1, "on_site_s"), [900, 60], "response 2 (I): on_site_s: is 60 in villages; want at least the 900 of"),
    (("response", 1, "dispatch_s"), 0, "p.toml: response 2 (I): dispatch_s: is 0; want seconds, 1 to 2592000"),
    (("response", 0, "domains"), [], "p.toml: response 2 (I): assess_s: is never reached: entries above fit all its"),
    (("response", 1, "class"), "risk", "p.toml: response 2 (I risk): class: is 'risk'; want one of hazard, equipment"),
    (("supervise_after",), 2.0, "p.toml: supervise_after: is 2, after next_level_after = 1: supervising comes before"),
    (("next_level_after",), 0.0, "p.toml: next_level_after: is 0; want a part of the step's time, above 0, at most 10"),
    (("version",), -1, "p.toml: version: is -1; want the one that you saw, 0 where there was none"),
    # the calendar
    (
        ("calendar", "off"),
        ["2027-02-30"],
        "p.toml: calendar.off: '2027-02-30' is no day; want 2027-02-05 or 2027-02-05/",
    ),
    (("calendar", "off"), ["2027-02-05"] * 101, "p.toml: calendar.off: has 101 entries; want at most 100"),
    (("chains",), public(default_policy())["chains"] * 60, "p.toml: chains: has 660 entries; want at most 500"),
    (("calendar", "on"), ["2027-02-05/2027-02-01"], "calendar.on: '2027-02-05/2027-02-01' ends before it begins or is"),
]


@pytest.mark.parametrize(("path", "value", "says"), BAD)
def test_what_is_refused_and_why(path: tuple[str | int, ...], value: Any, says: str) -> None:
    plain = with_(path, value)
    if says:
        assert says in refused(plain)
    else:
        parse(plain, "p.toml", Divisions.load())


@pytest.mark.parametrize("plain", [[], None, "x", {"id": "522600"}, {**public(default_policy()), "chains": 3}])
def test_other_shapes_are_refused(plain: Any) -> None:
    assert "p.toml: " in refused(plain)


def test_a_county_asks_no_other_county() -> None:
    plain = {**with_(step(II, 0, "tell"), ["county", "unit:522622"]), "id": "522601"}
    assert "tell: names unit:522622 outside of 522601; that is for the prefecture's policy" in refused(plain)
    parse({**with_(step(II, 0, "tell"), ["county", "unit:522601001"]), "id": "522601"}, "p.toml", Divisions.load())


def test_the_countys_own_code_is_the_county() -> None:
    plain = {**with_(step(III, 2, "tell"), ["prefecture", "unit:522601"]), "id": "522601"}
    assert "step 3: tell: names unit:522601/duty again, which step 2 told: a cycle" in refused(plain)


def test_a_policy_that_no_message_could_carry() -> None:
    many = ["county", *(f"org:{n:02d}{'供水' * 40}" for n in range(49))]
    plain = public(default_policy())
    of_domains = [{**plain["chains"][II], "domains": [domain]} for domain in DOMAINS]
    plain["chains"] = [{**c, "inform": many, "task": many} for c in (*of_domains, *plain["chains"])]
    assert "bytes as a record; use fewer tables, at most 300000 bytes" in refused(plain)


def test_every_fault_is_told_once_and_none_is_half_taken() -> None:
    plain = with_(chain(EQUIPMENT, "class"), "hazard")  # a table of two severities
    plain["chains"][II]["hours"] = "noon"
    told = refused(plain)
    assert told.count("clock: working is for equipment only") == 1
    assert "chain 3 (II noon): hours" in told


def test_of_a_policy_for_nobody_only_that_is_told() -> None:
    assert refused({"id": "x", "chains": []}).count("p.toml: ") == 1


def test_text_that_is_no_toml() -> None:
    with pytest.raises(PolicyError, match=r"p.toml: not valid TOML: Invalid value"):
        parse_toml("id = ", "p.toml")


def test_records_of_the_topic_are_checked_too() -> None:
    good = default_policy()
    assert decode(encode(good)) == good
    bad = msgspec.structs.replace(good, chains=good.chains[1:])
    assert decode(encode(msgspec.structs.replace(bad, chains=(), removed=True))).removed  # nobody begins with it
    with pytest.raises(PolicyError, match="policy 522600: chains: have none for hazard of severity I; add a chain"):
        decode(encode(msgspec.structs.replace(bad, chains=good.chains[2:])))
    for junk in (b"", b"{}", b"[1]", encode(good)[:-1]):
        with pytest.raises(PolicyError, match="policy record"):
            decode(junk)


def test_the_default_is_usable_with_the_units_as_they_are() -> None:
    assert problems(default_policy(), Divisions.load()) == []
    assert default_policy().version == 0


_words = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8)
_roles = st.sampled_from(["duty", "room", *ROLES])
_addresses = st.builds(Address, st.sampled_from(PLACES) | _words.map("org:".__add__), _roles)
_tells = st.lists(_addresses, max_size=3).map(tuple)
_seconds = st.integers(0, 10**6)
_some = {
    "severity": st.sampled_from(SEVERITIES),
    "cls": st.sampled_from(["hazard", "equipment"]),
    "domains": st.lists(st.sampled_from(DOMAINS), unique=True, max_size=2).map(tuple),
}
_channels = st.lists(st.sampled_from(CHANNELS), max_size=3).map(tuple)
_steps = st.builds(
    Step, after_s=_seconds, tell=_tells, ack_level=st.sampled_from(ACK_LEVELS), within_s=_seconds, channels=_channels
)
_chains = st.builds(
    Chain,
    **_some,
    hours=st.sampled_from(["all", "day", "night"]),
    clock=st.sampled_from(["real", "working"]),
    inform=_tells,
    task=_tells,
    task_level=st.integers(0, 4),
    steps=st.lists(_steps, max_size=2).map(tuple),
    repeat_s=_seconds,
    fallback=_channels,
    morning=st.booleans(),
)
_times = st.builds(
    ResponseTime, **_some, step=st.sampled_from([*STEPS, *REPORTS]), within_s=_seconds, remote_s=_seconds
)
_policies = st.builds(
    Policy,
    id=st.just("522600"),
    version=st.integers(0, 9),
    chains=st.lists(_chains, max_size=4).map(tuple),
    response=st.lists(_times, max_size=6).map(tuple),
    supervise_after=st.floats(0, 10),
    next_level_after=st.floats(0, 10),
    days_off=st.lists(_words, max_size=2).map(tuple),
    days_on=st.lists(_words, max_size=2).map(tuple),
)


@given(_policies)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_again(policy: Policy) -> None:
    """Also one that the checks refuse: nothing of it may be lost or changed before they see it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("streams.alerts.policy_file.problems", lambda *_: [])
        assert parse_toml(to_toml(policy), "t") == policy
        assert parse(msgspec.json.decode(msgspec.json.encode(public(policy))), "j") == policy
        assert decode(encode(policy)) == policy
