"""`cityops bench stream` on a real broker, as small as it can be: the detections must be those due."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.cli.benches import end_to_end
from streams.cli.benches.load import Load
from streams.settings import Settings


@pytest.mark.integration
def test_a_detect_worker_is_measured_and_its_detections_are_those_due(broker: str, tmp_path: Path) -> None:
    base = Settings({"broker": broker, "data": str(tmp_path)})
    seen = end_to_end.measure(base, Load(4_000), 0.1, lambda text: None, "benchtest")
    assert seen.done[-1] == seen.messages == 4 * end_to_end.FEWEST
    assert seen.expected > 0
