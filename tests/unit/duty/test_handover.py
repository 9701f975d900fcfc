"""What a hand-over lists."""

from __future__ import annotations

from typing import Any

import pytest

from streams.duty.handover import LISTED, summary

SINCE = "2026-12-07T00:30:00.000Z"
BEFORE, AFTER = "2026-12-07T00:29:59.999Z", "2026-12-07T00:30:00.001Z"


def alert(id_: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id_, "version": 1, "severity": "III", "handling": "NEW", "label": "UNACK", "changed": BEFORE,
        "unit": {"code": "522601"}, "title": {"zh": "", "en": ""}, "suppressions": [],
        "escalation": {"exhausted": False}, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "lists"),
    [
        ({}, {"open"}),
        ({"changed": SINCE}, {"open"}),
        ({"changed": AFTER}, {"open", "changed"}),
        ({"handling": "CLOSED"}, set()),
        ({"handling": "CLOSED", "changed": AFTER}, {"changed"}),
        ({"suppressions": [{"kind": "SHELVED"}]}, {"open", "shelved"}),
        ({"suppressions": [{"kind": "BY_FENCE"}]}, {"open"}),
        ({"escalation": {"exhausted": True}}, {"open", "exhausted"}),
        ({"escalation": {"exhausted": True}, "suppressions": [{"kind": "SHELVED"}], "handling": "CLOSED"}, set()),
    ],
)
def test_in_which_lists_an_alert_is(changes: dict[str, Any], lists: set[str]) -> None:
    got = summary([alert("a", **changes)], SINCE)
    assert {name for name, n in got["counts"].items() if n} == lists
    assert all(got[name][0]["id"] == "a" for name in lists)


def test_the_worst_first_then_the_newest_and_a_long_list_is_cut_but_counted() -> None:
    some = [alert("old"), alert("new", changed=AFTER), alert("worst", severity="I")]
    assert [a["id"] for a in summary(some, SINCE)["open"]] == ["worst", "new", "old"]
    many = summary([alert(str(n)) for n in range(LISTED + 1)], SINCE)
    assert (many["counts"]["open"], len(many["open"])) == (LISTED + 1, LISTED)
