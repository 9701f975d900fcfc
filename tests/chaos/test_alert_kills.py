"""Ten kill -9 of the alerts worker in a storm with commands; `cityops bench alerts --only kills` is the long form."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from streams.cli.benches.alerts_kills import figure, play
from streams.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
ASSETS, KILLS = 96, 10


def test_the_events_of_each_alert_are_those_of_an_uninterrupted_run(broker: str, tmp_path: Path) -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    base = Settings({"broker": broker, "data": str(tmp_path)})
    calm = play(base, "calm", ASSETS, 0, print)
    killed = play(base, "killed", ASSETS, KILLS, print, working=1)
    assert len(calm.events) >= ASSETS
    assert calm.faults.notices > ASSETS
    assert killed.kills == KILLS
    assert figure(calm, killed).detail["differing"] == []
    assert (killed.faults.twins, killed.faults.doubled, killed.faults.told_twice) == (0, 0, 0)
    assert killed.faults.records == calm.faults.records

    some = next(iter(killed.events))
    killed.events[some] = killed.events[some][:-1]  # the comparison sees a lost event
    assert figure(calm, killed).value == 0.0
