"""Sending mended rows again, each once: rows and the mark that they were sent go in one Kafka transaction.

The transactional id is the same for everyone, so a second sender fences the first, and reads its marks.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from streams import codec, topics
from streams.errors import CityopsError, UsageError
from streams.intake.checks import Limits, check
from streams.intake.mending import Mend, Mended, mended
from streams.intake.rejects import Mark, Rejected, Sent, read_sent
from streams.kafka import MAX_MESSAGE_BYTES, kafka_python_kwargs, unreachable
from streams.settings import Settings

BATCH = 100  # messages a transaction


@dataclass
class Outcome:
    """What came of a replay of rejects."""

    rows: int = 0
    messages: int = 0
    already: int = 0  # messages with nothing left to send
    left: list[tuple[int, str, int]] = field(default_factory=list)  # (offset, reason, rows; 0: all) not readable yet


@dataclass(frozen=True)
class Ready:
    """One message to be sent: what it was, where it goes, its rows."""

    item: Rejected
    topic: str
    rows: Mended


def prepare(
    settings: Settings, items: Iterable[Rejected], mend: Mend, sent: dict[int, Sent], out: Outcome
) -> Iterator[Ready]:
    """The messages that have rows to send; counts the others in `out`. Raises UsageError for one without a domain."""
    for item in items:
        topic = _topic(settings, item, mend)
        done = sent.get(item.offset, Sent()).rows
        rows = mended(item, mend, done)
        if item.full_size:
            out.left.append((item.offset, f"only the beginning of its {item.full_size:,} bytes was kept", 0))
            continue
        out.left += [(item.offset, reason, len(bad)) for reason, bad in rows.left.items()]
        if len(rows.cols):
            out.rows += len(rows.cols)
            out.messages += 1
            yield Ready(item, topic, rows)
        elif done and not rows.left:
            out.already += 1


def _topic(settings: Settings, item: Rejected, mend: Mend) -> str:
    prefix: str = settings.prefix
    if mend.domain:
        return prefix + topics.raw(mend.domain)
    for domain in topics.DOMAINS:
        if item.source in (prefix + topics.raw(domain), prefix + topics.packed(domain)):
            return prefix + topics.raw(domain)
    raise UsageError(f"offset {item.offset} came from {item.source!r}: say with --domain where its rows belong")


def look(settings: Settings, items: list[Rejected], mend: Mend) -> tuple[Outcome, dict[str, int]]:
    """What `resend` would do, and how many rows the packer would refuse again by reason. Nothing is sent."""
    from streams.registry import read_all

    registry, out, again = read_all(settings), Outcome(), Counter[str]()
    now = None if settings.event_clock else int(time.time() * 1000)
    limits = Limits(now, settings.max_future_s, settings.max_age_s)
    for one in prepare(settings, items, mend, read_sent(settings), out):
        domain = next(d for d in topics.DOMAINS if one.topic == settings.prefix + topics.raw(d))
        checked = check(one.rows.cols, domain, registry.sensors, registry.zones, limits)
        again.update({refusal.reason: len(rows) for refusal, rows in checked.refused.items()})
    return out, dict(again)


def resend(settings: Settings, items: list[Rejected], mend: Mend) -> Outcome:
    """Send what of `items` was not sent yet, mended. Raises CityopsError; what was committed by then stays sent."""
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    for item in items:  # a usage error before anything is sent
        _topic(settings, item, mend)
    try:
        producer = KafkaProducer(
            acks="all", transactional_id=settings.app_id("rejects"), enable_idempotence=True, linger_ms=5,
            max_request_size=MAX_MESSAGE_BYTES, transaction_timeout_ms=60_000, **kafka_python_kwargs(settings),
        )  # fmt: skip
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from None
    total = Outcome()
    try:
        producer.init_transactions()  # ends another sender's transaction: its marks are final when we read them
        sent = read_sent(settings)
        for k in range(0, len(items), BATCH):
            part = Outcome()
            ready = list(prepare(settings, items[k : k + BATCH], mend, sent, part))
            if ready:
                producer.begin_transaction()
                waiting = []
                for one in ready:
                    mark = msgspec.json.encode(Mark(one.rows.row.tolist(), one.topic))
                    partition = one.item.partition if one.item.partition < settings.partitions else 0
                    waiting.append(producer.send(one.topic, codec.pack(one.rows.cols), partition=partition))
                    waiting.append(
                        producer.send(settings.prefix + topics.RESENT, mark, b"%d" % one.item.offset, partition=0)
                    )
                for future in waiting:
                    future.get(timeout=30)
                producer.commit_transaction()
            total.rows, total.messages = total.rows + part.rows, total.messages + part.messages
            total.already, total.left = total.already + part.already, total.left + part.left
    except KafkaError as error:
        raise CityopsError(
            f"Kafka at {settings.broker} did not take the rows after {total.rows}: {type(error).__name__}: {error}; "
            "repeat the command, what was sent is not sent again"
        ) from None
    finally:
        producer.close(timeout=5)
    return total
