"""Policies in words: the chain as a duty officer reads it, and the tables of the docs made from the data."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from streams.alerts.policy import ACK_LEVELS, PLACES, REPORTS, STEPS, Address, ResponseTime
from streams.alerts.policy_file import default_policy
from streams.alerts.policy_names import (
    CHANNELS as CHANNEL_NAMES,
    DOMAINS as DOMAIN_NAMES,
    PLACES as PLACE_NAMES,
    RESPONSE,
    ROLES as ROLE_NAMES,
    clock,
    names,
)
from streams.alerts.policy_plan import StaleError, ended, made
from streams.alerts.policy_tables import markdown
from streams.alerts.policy_words import sections, timeline
from streams.duty.records import CHANNELS, ROLES
from streams.topics import DOMAINS
from tests.unit.streams.test_working_time import ms

DEFAULT = default_policy()
DOCS = Path(__file__).resolve().parents[3] / "docs" / "policies.md"
DAY, NIGHT = ms("2026-11-24 12:00"), ms("2026-11-24 23:00")


def test_a_red_gas_alert_in_words() -> None:
    told = timeline(DEFAULT, "I", "hazard", "gas", NIGHT)
    assert [t.zh for t in told][:5] == [
        "00:00 告知州值班室，不计时",
        "00:00 权属单位值班员、县（市）值班员、县（市）值班室 电话（无则短信、即时消息、平台），"
        "01:00 内县（市）签收；否则",
        "01:00 县（市）带班领导 电话（无则短信、即时消息、平台），03:00 内县（市）签收；否则",
        "03:00 州值班员、州值班室、州带班领导 电话（无则短信、即时消息、平台），05:00 内州签收；否则",
        "每 02:00 再次通知未签收者 短信（无则即时消息、电话），直至签收",
    ]
    assert [t.en for t in told][5:] == [
        "after the assessment, or at once where hard limit 3 was crossed: township duty officer, village duty officer "
        "get a task (cordon, evacuate, no fire)",
        "after the acknowledgement: assess 03:00, dispatch 05:00, on site 30:00 (villages 1 h), "
        "dispose 2 h (villages 3 h), verify 3 h (villages 4 h)",
        "a step missed: urged at once, supervised 50% of its time later, the next level told at 100%",
        "after the assessment: verbal report 30:00, written report 1 h",
    ]


@pytest.mark.parametrize(
    ("severity", "cls", "at", "begins", "ends"),
    [
        (
            "III",
            "hazard",
            DAY,
            "00:00 owner duty officer, village duty officer, township",
            "after that it goes no higher",
        ),
        (
            "III",
            "hazard",
            NIGHT,
            "00:00 owner duty officer, county duty officer by voice",
            "after that it goes no higher",
        ),
        ("IV", "hazard", NIGHT, "waits for the morning list: its clock starts at 07:00", "every 1 d again to those"),
        (
            "II",
            "equipment",
            DAY,
            "a maintenance order: 09:00–17:00 of working days",
            "every 4 working h again to those",
        ),
    ],
)
def test_how_chains_begin_and_end(severity: str, cls: str, at: int, begins: str, ends: str) -> None:
    told = [t.en for t in timeline(DEFAULT, severity, cls, "water", at)]
    assert told[0].startswith(begins)
    assert any(line.startswith(ends) for line in told)
    asked = [line for line in told if "acknowledges within" in line]
    assert [line.endswith("; if not") for line in asked[:-1]] == [True] * (len(asked) - 1)
    assert asked[-1].endswith("; if not") is not ends.startswith("after that")


def test_times_of_a_domain_are_told_where_its_alerts_come_to_the_chain() -> None:
    told = {heading.en: [line.en for line in lines] for heading, lines in sections(DEFAULT)}
    assert len(told) == 9  # two severities of equipment are told as one, twice
    assert "after the acknowledgement, gas: assess 05:00, dispatch 10:00" in "\n".join(
        told["II orange, hazard, day and night"]
    )
    assert "gas:" not in "\n".join(told["I red, hazard, day and night"])  # gas has a chain of its own
    own = ResponseTime(severity="I", step="assess", domains=("traffic",), within_s=60)
    ours = {h.en: ls for h, ls in sections(replace(DEFAULT, response=(own, *DEFAULT.response)))}
    assert "after the acknowledgement, traffic: assess 01:00" in "\n".join(
        t.en for t in ours["I red, hazard, day and night"]
    )


def test_every_name_has_words() -> None:
    assert set(PLACE_NAMES) == {*PLACES, *ACK_LEVELS}
    assert set(ROLE_NAMES) == {"duty", "room", *ROLES}
    assert set(CHANNEL_NAMES) == set(CHANNELS)
    assert set(DOMAIN_NAMES) == set(DOMAINS)
    assert set(RESPONSE) == {*STEPS, *REPORTS}
    assert (
        names([Address("org:凯里供水公司"), Address("unit:522601", "lead")]).zh == "凯里供水公司值班员、522601带班领导"
    )
    assert clock(3661).zh == "1 小时 1 分 1 秒"


def test_the_docs_have_the_tables_of_the_default() -> None:
    """`cityops policies show --default --markdown` makes them."""
    assert markdown(DEFAULT) in DOCS.read_text("utf-8")


def test_a_new_version_is_made_over_the_one_that_was_seen() -> None:
    first = made(DEFAULT, None, "li", 5)
    assert (first.version, first.by, first.at_ms) == (1, "li", 5)
    assert made(first, first, "wu", 9) is first  # equal: no new version
    second = made(replace(first, supervise_after=0.1), first, "wu", 9)
    assert (second.version, second.by) == (2, "wu")
    for seen, old in ((0, first), (1, second), (1, None)):
        with pytest.raises(StaleError, match=f"version: is {seen}, but"):
            made(replace(first, version=seen, supervise_after=0.2), old, "wu", 9)
    assert made(replace(first, supervise_after=0.2), second, "wu", 9, force=True).version == 3
    gone = ended(second, "wu", 10)
    assert (gone.version, gone.removed) == (3, True)
    for seen in (0, 3):
        again = made(replace(first, version=seen), gone, "li", 11)
        assert (again.version, again.removed) == (4, False)
