"""kill -9 of packer, detect and alerts at seeded moments: the alert log equals that of an uninterrupted run."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from tests.chaos.harness import play, settings_of

KILLS = int(os.environ.get("CITYOPS_CHAOS_KILLS", "10"))
WELLS, STEPS = 200, 900


@pytest.mark.integration
@pytest.mark.timeout(1800)
async def test_nothing_is_lost_or_doubled_under_kill_9(broker: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("CITYOPS_CHAOS_SEED", "7"))
    tag = uuid.uuid4().hex[:6]
    calm = await play(settings_of(broker, f"calm{tag}"), tmp_path, WELLS, STEPS, seed, kills=0)
    assert calm.doubled() == 0
    assert len(calm.records) >= 1_000, "an input with too few transitions proves nothing"
    wild = await play(settings_of(broker, f"calm{tag}x"), tmp_path, WELLS, STEPS, seed, kills=KILLS)
    counts = f"records {len(wild.records)}, lost {wild.lost(calm)}, doubled {wild.doubled()}"
    print(f"\nkills {wild.kills}, {counts}, {wild.seconds:.0f} s")
    assert (wild.lost(calm), wild.doubled(), calm.lost(wild)) == (0, 0, 0)
