"""Our words in those of CAP 1.2: each value with the reason for it. The mapping is the project's own choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Word(NamedTuple):
    """A code value of CAP, and why."""

    value: str
    why: str


STATUS: Mapping[str, Word] = {
    "actual": Word("Actual", "live operation"),
    "exercise": Word("Exercise", "an exercise: only those who take part act, `note` says so"),
    "test": Word("Test", "a replay or test: nobody acts"),
}
SEVERITY: Mapping[str, Word] = {
    "I": Word("Extreme", "red: life or the supply of many in danger now"),
    "II": Word("Severe", "orange: significant threat"),
    "III": Word("Moderate", "yellow: possible threat"),
    "IV": Word("Minor", "blue: little threat"),
}
URGENCY: Mapping[str, Word] = {
    "I": Word("Immediate", "a county has 1 to 3 minutes to acknowledge"),
    "II": Word("Immediate", "a county has 5 minutes to acknowledge"),
    "III": Word("Expected", "something is to be done within the hour"),
    "IV": Word("Future", "it can wait for the morning list"),
}
PAST = Word("Past", "the condition has cleared or the alert is closed")
UNKNOWN_URGENCY = Word("Unknown", "the sensors are silent: the state is not known")
OBSERVED = Word("Observed", "a person saw or confirmed it, or a hard limit was crossed")
LIKELY = Word("Likely", "two or more sensors agree")
POSSIBLE = Word("Possible", "statistics of one sensor")
UNLIKELY = Word("Unlikely", "assessed as no hazard of its own: false, equipment, works, planned, duplicate")
CATEGORY: Mapping[str, tuple[str, ...]] = {
    "water": ("Infra",),
    "gas": ("Infra", "Safety"),
    "pipeline": ("Infra", "Env"),
    "traffic": ("Transport",),
}
OTHER = ("Other",)
RESTRICTION = "仅限应急处置单位内部使用 For the organisations that handle the alert only"
EXERCISE_NOTE = "演练 EXERCISE"
TEST_NOTE = "测试 TEST"


def urgency(alert: Mapping[str, Any]) -> Word:
    """How soon something is to be done."""
    if alert["condition"] == "CLEARED" or alert["handling"] == "CLOSED":
        return PAST
    return UNKNOWN_URGENCY if alert["condition"] == "UNKNOWN" else URGENCY[alert["severity"]]


def certainty(alert: Mapping[str, Any]) -> Word:
    """How sure it is: what people found goes before what was measured."""
    verdict = alert.get("verdict")
    if verdict == "real":
        return OBSERVED
    if verdict:
        return UNLIKELY
    if alert.get("hard") or alert.get("source", "sensor") != "sensor":
        return OBSERVED
    return LIKELY if len(alert.get("sensors") or ()) > 1 else POSSIBLE


def response(alert: Mapping[str, Any], public: bool) -> Word:
    """What is asked of who reads it."""
    if urgency(alert) is PAST:
        return Word("AllClear", "it is over")
    return Word("Monitor", "follow what is said next") if public else Word("Assess", "judge it by what you know")
