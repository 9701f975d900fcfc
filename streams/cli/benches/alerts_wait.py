"""How far the alerts app is behind what was written."""

from __future__ import annotations

from streams import topics
from streams.kafka import kafka_python_kwargs
from streams.settings import Settings


def behind(settings: Settings, names: tuple[str, ...] = (topics.DETECTIONS, topics.COMMANDS)) -> int:
    """Offsets of these topics that the alerts app has not committed; markers of transactions count as well."""
    from kafka import KafkaConsumer, TopicPartition

    from streams.kafka import admin

    group = settings.app_id("alerts")
    where = [TopicPartition(settings.prefix + name, p) for name in names for p in range(settings.partitions)]
    with admin(settings) as client:
        done = client.list_group_offsets(group).get(group, {})
    consumer = KafkaConsumer(enable_auto_commit=False, **kafka_python_kwargs(settings))
    try:
        ends = consumer.end_offsets(where)
    finally:
        consumer.close()
    return sum(max(0, end - (done[tp].offset if tp in done else 0)) for tp, end in ends.items())
