"""Which logs are still the ones that were read: a topic that was deleted, or made anew under the same name.

Kafka gives each topic an id when it is made. A reader that keeps its own positions compares ids, since offsets alone
cannot tell a new log from the old one once it has grown past them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.errors import KafkaConnectionError

from streams.kafka import kafka_python_kwargs
from streams.settings import Settings
from streams.topics import run_of

GONE_AFTER = 2  # looks in a row without a topic: one alone may be a broker that is starting


class TopicWatch:
    """`known` is {topic: id, "" where the id is not known}; after a `look`, `stale` has the runs to forget.

    >>> w = TopicWatch({"alerts": "a", "run.x.alerts": "b"})
    >>> w.look({"alerts": "a", "run.x.alerts": "c"}); w.stale
    {'x'}
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = dict(known)
        self.stale: set[str] = set()
        self.fresh: dict[str, str] = {}  # to be kept by the reader
        self._missing: Counter[str] = Counter()

    def look(self, now: Mapping[str, str]) -> None:
        """Compare with the topics that are there; an empty list tells nothing."""
        for topic, id_ in now.items():
            self._missing.pop(topic, None)
            if self.known.get(topic, "") not in ("", id_):
                self.stale.add(run_of(topic))
            if self.known.get(topic) != id_:
                self.fresh[topic] = id_
        for topic in self.known.keys() - now.keys() if now else ():
            self._missing[topic] += 1
            if self._missing[topic] >= GONE_AFTER:
                self.stale.add(run_of(topic))

    def cut(self, topic: str) -> None:
        """The log ends below our position: it is another one."""
        self.stale.add(run_of(topic))

    def forgotten(self, runs: Iterable[str]) -> None:
        """The reader has dropped what it had of these runs."""
        runs = set(runs)
        self.stale -= runs
        self.known = {t: i for t, i in self.known.items() if run_of(t) not in runs}
        self.fresh = {t: i for t, i in self.fresh.items() if run_of(t) not in runs}

    def kept(self) -> dict[str, str]:
        """The ids that are new since the last call, now taken as known."""
        fresh, self.fresh = self.fresh, {}
        self.known |= fresh
        return fresh


class TopicIds:
    """Asks Kafka for ids over a connection of its own, since aiokafka's requests have none. Calls block."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Any = None

    def of(self, names: Iterable[str]) -> dict[str, str]:
        """Ids of the topics that are there; raises KafkaConnectionError."""
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        wanted = sorted(names)
        if not wanted:
            return {}
        try:
            if self._client is None:
                self._client = KafkaAdminClient(**kafka_python_kwargs(self._settings))
            return {t["name"]: t["topic_id"] for t in self._client.describe_topics(wanted) if not t["error_code"]}
        except (KafkaError, OSError, KeyError) as error:
            self.close()
            raise KafkaConnectionError(f"topic ids: {error}") from None

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
