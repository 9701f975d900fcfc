"""Which policy is in force where, which versions stay, and which chain and time are for an alert."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from streams.alerts.policy import ResponseTime
from streams.alerts.policy_book import PolicyBook, chain_for, ref, response_for
from streams.alerts.policy_file import default_policy
from tests.unit.streams.test_working_time import ms

DEFAULT = default_policy()
KAILI, HUANGPING = "522601", "522622"
DAY, NIGHT = ms("2026-11-24 12:00"), ms("2026-11-24 23:00")


def test_the_deepest_policy_that_is_not_removed_is_in_force() -> None:
    book = PolicyBook()
    assert book.current(KAILI) is DEFAULT
    whole, own = replace(DEFAULT, version=1), replace(DEFAULT, id=KAILI, version=1)
    book.put(whole)
    book.put(own)
    assert (book.current(KAILI), book.current(HUANGPING)) == (own, whole)
    assert book.current("522601001001") == own
    assert book.current("") == whole
    book.put(replace(own, version=2, removed=True))
    assert book.current(KAILI) == whole
    book.put(replace(whole, version=2, removed=True))
    assert book.current(KAILI) is DEFAULT


def test_a_version_that_comes_late_or_again_changes_nothing() -> None:
    book = PolicyBook()
    second = replace(DEFAULT, version=2)
    assert book.put(second)
    assert not book.put(replace(second, supervise_after=0.1))
    assert book.put(replace(DEFAULT, version=1))
    assert book.current(KAILI) == second
    assert book.get("522600@2") == second


def test_a_version_that_is_not_known_is_named() -> None:
    with pytest.raises(LookupError, match=r"policy 522600@2 is not known here; have 522600@0-\w{8}$"):
        PolicyBook().get("522600@2")


def test_a_release_that_ships_another_policy_changes_no_alert_that_began_before() -> None:
    book = PolicyBook()
    older = replace(DEFAULT, supervise_after=0.1)  # restored from the state
    assert book.put(older)
    assert book.get(ref(older)) is older
    assert ref(older) != ref(DEFAULT)
    assert book.current(KAILI) is DEFAULT


@pytest.mark.parametrize(
    ("severity", "cls", "domain", "at", "first"),
    [
        ("I", "hazard", "gas", DAY, ("owner_org", 60)),
        ("III", "hazard", "water", DAY, ("owner_org", 900)),
        ("IV", "equipment", "traffic", NIGHT, ("operator_org", 28800)),
    ],
)
def test_the_first_chain_that_fits(severity: str, cls: str, domain: str, at: int, first: tuple[str, int]) -> None:
    chain = DEFAULT.chains[chain_for(DEFAULT, severity, cls, domain, at)]
    assert (chain.severity, chain.cls) == (severity, cls)
    assert (chain.steps[0].tell[0].at, chain.steps[0].within_s) == first


def test_domain_and_time_of_day_choose() -> None:
    def chosen(severity: str, domain: str, at: int) -> tuple[int, bool, str]:
        chain = DEFAULT.chains[chain_for(DEFAULT, severity, "hazard", domain, at)]
        return chain.task_level, chain.morning, chain.steps[0].ack_level

    assert chosen("I", "gas", NIGHT) == (3, False, "county")
    assert chosen("I", "water", NIGHT) == (0, False, "county")
    assert chosen("III", "gas", DAY) == (0, False, "township")
    assert chosen("III", "gas", NIGHT) == (0, False, "county")
    assert chosen("IV", "gas", DAY) == (0, False, "village")
    assert chosen("IV", "", NIGHT) == (0, True, "village")  # made by hand: of no domain
    with pytest.raises(LookupError, match=r"policy 522600@0-\w{8} has no chain for hazard gas of severity V by day"):
        chain_for(DEFAULT, "V", "hazard", "gas", DAY)


def test_times_after_the_ack() -> None:
    assert response_for(DEFAULT, "I", "hazard", "water", "dispatch", remote=False) == 600
    assert response_for(DEFAULT, "I", "hazard", "water", "on_site", remote=False) == 45 * 60
    assert response_for(DEFAULT, "I", "hazard", "water", "on_site", remote=True) == 90 * 60
    assert response_for(DEFAULT, "I", "hazard", "gas", "dispatch", remote=True) == 300  # the same everywhere
    assert response_for(DEFAULT, "II", "hazard", "gas", "report_verbal", remote=False) == 1800
    assert response_for(DEFAULT, "III", "hazard", "gas", "report_verbal", remote=False) is None
    assert response_for(DEFAULT, "IV", "equipment", "gas", "assess", remote=False) is None
    first = ResponseTime(severity="I", step="dispatch", domains=("water",), within_s=1)
    ours = replace(DEFAULT, response=(first, *DEFAULT.response))
    assert response_for(ours, "I", "hazard", "water", "dispatch", remote=False) == 1
    assert response_for(ours, "I", "hazard", "traffic", "dispatch", remote=False) == 600


@pytest.mark.parametrize("severity", ["I", "II", "III", "IV"])
def test_gas_is_never_slower(severity: str) -> None:
    for step in ("assess", "dispatch", "on_site", "dispose", "verify"):
        for remote in (False, True):
            gas, water = (response_for(DEFAULT, severity, "hazard", d, step, remote) for d in ("gas", "water"))
            assert gas is not None
            assert water is not None
            assert gas < water
