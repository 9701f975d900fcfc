"""The stages of `cityops bench stream`, one file each, in the order in which a reading meets them."""

from __future__ import annotations

from streams.cli.benches.stages import Stages

STAGES = ("kernel", "packer", "http", "mqtt", "end_to_end", "latency", "restart")
chosen, run = Stages(STAGES).chosen, Stages(STAGES).run
