"""How much a topic holds and how far its readers are, asked of the broker."""

from __future__ import annotations

from typing import Any

from streams.kafka import partition_counts


def _offsets(client: Any, counts: dict[str, int], spec: Any) -> dict[tuple[str, int], int]:
    from kafka import TopicPartition

    wanted = {TopicPartition(topic, p): spec for topic, n in counts.items() for p in range(n)}
    found = client.list_partition_offsets(wanted) if wanted else {}
    return {(tp.topic, tp.partition): place.offset for tp, place in found.items()}


def record_counts(client: Any, prefix: str = "") -> list[tuple[str, int, int]]:
    """(topic, partitions, records between its first and last offset), by name, internal topics left out."""
    from kafka.admin import OffsetSpec

    names = [name for name in client.list_topics() if name.startswith(prefix) and not name.startswith("__")]
    counts = partition_counts(client, names)
    first, last = (_offsets(client, counts, spec) for spec in (OffsetSpec.EARLIEST, OffsetSpec.LATEST))
    return [
        (name, counts[name], sum(last[name, p] - first[name, p] for p in range(counts[name])))
        for name in sorted(counts)
    ]


def lags(client: Any, groups: list[str]) -> dict[str, int]:
    """Group → records it has not read yet, over the partitions it ever committed. Groups without commits: absent.

    Transaction markers count as records, so that an idle group may show a few.
    """
    from kafka.admin import OffsetSpec

    out: dict[str, int] = {}
    for group, committed in client.list_group_offsets(dict.fromkeys(groups)).items():
        places = {(tp.topic, tp.partition): found.offset for tp, found in committed.items() if found.offset >= 0}
        counts = partition_counts(client, sorted({topic for topic, _ in places}))
        last = _offsets(client, counts, OffsetSpec.LATEST)
        if places:
            out[group] = sum(max(0, last.get(place, 0) - at) for place, at in places.items())
    return out
