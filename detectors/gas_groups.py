"""Group detectors of a gas zone: wells that stand near each other."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.group import GroupDetector, Member
from detectors.well_spread import WellSpread


def groups(zone: str, members: Sequence[Member]) -> list[GroupDetector]:
    """The detectors of a zone: at least two wells with methane and a known place."""
    wells = [k for k, m in enumerate(members) if m.kind == "methane" and m.lon is not None and m.lat is not None]
    return [WellSpread(members, wells)] if 2 <= len(wells) <= MOST else []


MOST = 2_000  # wells of a zone: distances are kept in a table
