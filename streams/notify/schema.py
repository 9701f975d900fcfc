"""Tables of the outbox; plain SQL types, so that SQLite and PostgreSQL both serve."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    Column("id", String, primary_key=True),  # hash of alert, notice, person, channel: the idempotency key
    Column("alert", String, nullable=False),
    Column("run", String, nullable=False),
    Column("county", String, nullable=False),  # routing county: where results go
    Column("mode", String, nullable=False),
    Column("unit", String, nullable=False),  # of the alert
    Column("severity", String, nullable=False),
    Column("notice", String, nullable=False),
    Column("why", String, nullable=False),
    Column("place", String, nullable=False),
    Column("role", String, nullable=False),
    Column("person", String, nullable=False),  # "": the duty room of the place, or nobody but the feed
    Column("user", String, nullable=False),  # the person's account
    Column("channel", String, nullable=False),
    Column("address", String, nullable=False),
    Column("dest", String, nullable=False),  # channel and address, apart for real and exercise
    Column("rest", Text, nullable=False),  # JSON: ways to the person that come after this one
    Column("state", String, nullable=False),  # of `streams.notify.states.STATES`
    Column("reason", Text, nullable=False),  # JSON {"zh", "en"}: why it is in this state
    Column("attempts", Integer, nullable=False),
    Column("due_ms", BigInteger),
    Column("at_ms", BigInteger, nullable=False),  # of the transition
    Column("created_ms", BigInteger, nullable=False),
    Column("next_ms", BigInteger, nullable=False),  # waits until then
    Column("sent_ms", BigInteger),
    Column("batch", String, nullable=False),  # those sent in one message; "" before the first attempt
    Column("text", Text, nullable=False),
    UniqueConstraint("alert", "notice", "person", "channel"),
    Index("messages_due", "state", "next_ms"),
    Index("messages_dest", "dest", "state", "next_ms"),
    Index("messages_person", "person", "created_ms"),
    Index("messages_newest", "created_ms", "id"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("run", String, nullable=False),
    Column("county", String, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("mode", String, nullable=False),
    Column("closed", Integer, nullable=False),
    Column("next_ms", BigInteger),  # its next deadline, for the auditor
    Column("changed_ms", BigInteger, nullable=False),
    Column("json", Text, nullable=False),  # `records.Seen`
    Index("alerts_next", "closed", "next_ms"),
)

replies = Table(  # commands that Kafka has not taken yet
    "replies",
    metadata,
    Column("id", String, primary_key=True),
    Column("run", String, nullable=False),
    Column("county", String, nullable=False),
    Column("json", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False, index=True),
)

offsets = Table(
    "offsets",
    metadata,
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False),  # the next one to read
)

fresh = Table(  # what was in the log before this outbox
    "fresh",
    metadata,
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("until", BigInteger, nullable=False),
)

topics = Table(
    "topics", metadata, Column("topic", String, primary_key=True), Column("id", String, nullable=False)
)  # Kafka's: another one under the same name has another

destinations = Table(
    "destinations",
    metadata,
    Column("id", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("masked", String, nullable=False),
    Column("drill", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("opened", Integer, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("last_reason", Text, nullable=False),
)

codes = Table(  # a code acknowledges one alert for one person, once
    "codes",
    metadata,
    Column("message", String, primary_key=True),
    Column("number", String, nullable=False),  # digits only
    Column("code", String, nullable=False),
    Column("alert", String, nullable=False),
    Column("person", String, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
    UniqueConstraint("number", "code", "expires_ms"),
    Index("codes_number", "number", "code"),
)

tries = Table(  # wrong codes, against guessing
    "tries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("number", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("tries_number", "number", "at_ms"),
)

exercises = Table(
    "exercises",
    metadata,
    Column("run", String, primary_key=True),
    Column("people", Text, nullable=False),  # JSON: ids that may be told by real channels
    Column("proposed_by", String, nullable=False),
    Column("proposed_ms", BigInteger, nullable=False),
    Column("approved_by", String, nullable=False),  # "": not yet
    Column("approved_ms", BigInteger),
    Column("ended_by", String, nullable=False),
    Column("ended_ms", BigInteger),
)
