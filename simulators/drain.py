"""When is a run done? When each app's group has committed past the last record of each topic it reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from streams import topics
from streams.errors import CityopsError
from streams.kafka import admin
from streams.settings import Settings

STALL_S = 45.0


def sources(settings: Settings) -> dict[str, tuple[str, ...]]:
    """App → topics it reads, in the order in which readings pass."""
    return {
        "packer": tuple(settings.prefix + topics.raw(d) for d in topics.DOMAINS),
        "detect": tuple(settings.prefix + topics.packed(d) for d in topics.DOMAINS),
        "alerts": (settings.prefix + topics.DETECTIONS, settings.prefix + topics.COMMANDS),
    }


def remaining(client: Any, settings: Settings) -> dict[str, int]:
    """App → records it has not applied.

    All topics after the raw ones are written in transactions, whose marker is the last offset of a partition and is no
    record: one offset that is left there is nothing.
    """
    from kafka import TopicPartition
    from kafka.admin import OffsetSpec

    apps = sources(settings)
    groups = {settings.app_id(app): None for app in apps}
    committed = client.list_group_offsets(groups)
    wanted = {
        TopicPartition(t, p): OffsetSpec.LATEST for ts in apps.values() for t in ts for p in range(settings.partitions)
    }
    ends = {tp: found.offset for tp, found in client.list_partition_offsets(wanted).items()}
    out = {}
    for app, names in apps.items():
        at = {tp: found.offset for tp, found in committed.get(settings.app_id(app), {}).items()}
        marker = 0 if app == "packer" else 1
        left = 0
        for tp, end in ends.items():
            if tp.topic in names:
                behind = end - max(at.get(tp, 0), 0)
                left += behind if behind > marker else 0
        out[app] = left
    return out


def wait(
    settings: Settings,
    each: Callable[[dict[str, int]], None] = lambda left: None,
    *,
    poll_s: float = 0.25,
    stall_s: float = STALL_S,
) -> None:
    """Wait until every app of a run has applied everything; `each` is told what is left.

    Raises CityopsError when nothing moves for `stall_s`.
    """
    with admin(settings) as client:
        before, moved = None, time.monotonic()
        while True:
            left = remaining(client, settings)
            each(left)
            if not any(left.values()):
                return
            if left != before:
                before, moved = left, time.monotonic()
            elif time.monotonic() - moved > stall_s:
                stuck = next(app for app, n in left.items() if n)
                raise CityopsError(
                    f"the {stuck} worker of run {settings.run} has not moved for {stall_s:.0f} s with {left[stuck]} "
                    "messages left; see its log in the data folder"
                )
            time.sleep(poll_s)
