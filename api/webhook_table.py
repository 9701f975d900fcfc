"""Tables of webhook subscriptions: what is wanted, how far each is, and what could not be delivered."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from api.schema import metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("url", Text, nullable=False),
    Column("prefix", String, nullable=False),  # unit prefix
    Column("orgs", Text, nullable=False),  # JSON list, [] whoever's
    Column("wanted", Text, nullable=False),  # JSON: events, severity, domain, mode
    Column("by", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    # how far it is: a cursor of the feed
    Column("epoch", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    # the event after it was tried so often, first and next at, for this reason
    Column("attempts", Integer, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("delivered_ms", BigInteger),
    # which process sends, until when: of several API processes one
    Column("owner", String, nullable=False),
    Column("lease_ms", BigInteger, nullable=False),
)

webhook_dead = Table(
    "webhook_dead",
    metadata,
    Column("webhook", String, primary_key=True),
    Column("event", String, primary_key=True),  # id of the CloudEvent
    Column("alert", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),  # when it was given up
    Column("attempts", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("body", Text, nullable=False),
)
