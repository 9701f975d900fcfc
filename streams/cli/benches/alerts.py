"""The stages of `cityops bench alerts`, one file each (`alerts_<stage>.py`): from a detection to a person who acts."""

from __future__ import annotations

from streams.cli.benches.stages import Stages

STAGES = ("storm", "sustained", "open", "kills")
chosen, run = Stages(STAGES, "alerts_").chosen, Stages(STAGES, "alerts_").run
