"""The outbox that a log makes, by the notifier's own plan: is each row, which is an idempotency key, there once?"""

from __future__ import annotations

from collections import Counter

from streams import topics
from streams.alert_parts import Notice
from streams.cli.benches.bed import committed_records
from streams.notify.plan import Recipient, rows
from streams.notify.records import parse
from streams.settings import Settings


def recipients(notice: Notice) -> list[Recipient]:
    """Each person by the feed, which everybody has; where none is named, the place."""
    return [Recipient(person) for person in notice.people or ("",)]


def outbox(settings: Settings) -> Counter[str]:
    """How often the committed log makes each row, by the row's id."""
    found: Counter[str] = Counter()
    for record in committed_records(settings, settings.prefix + topics.ALERTS):
        change = parse(record.value)
        found.update(str(row["id"]) for row in rows(change, "", "", recipients, frozenset(), False, change.at_ms))
    return found
