"""Moving assets and fences, in every domain: what a vehicle or patrol with a position does at a watched fence."""

from __future__ import annotations

from detectors.texts import Both, Kind

KINDS: tuple[Kind, ...] = (
    Kind("fence_entry", "hazard", Both("移动目标进入围栏", "Moving asset in a fence")),
    Kind("fence_dwell", "hazard", Both("移动目标在围栏内停留过久", "Moving asset stays in a fence")),
    Kind("fence_crossing", "hazard", Both("移动目标穿越围栏", "Moving asset crossed a fence")),
)
HAZMAT = "hazmat"  # fact of a sensor: its vehicle carries hazardous goods; told as level 1
