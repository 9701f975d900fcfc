"""Tables of the projection and of the users; plain SQL types, so that SQLite and PostgreSQL both serve."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))

alerts = Table(
    "alerts",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("run", String, nullable=False),
    Column("county", String, nullable=False),  # routing county: where commands go
    Column("mode", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("domain", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("condition", String, nullable=False),
    Column("handling", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("u4", String, nullable=False),
    Column("u6", String, nullable=False),
    Column("u9", String, nullable=False),
    Column("u12", String, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),  # of the last transition; a repeat does not move it
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("lon", Float),
    Column("lat", Float),
    Column("text", Text, nullable=False),  # lower case, what `q` searches
    Column("json", Text, nullable=False),  # the public Alert as it came
    Index("alerts_newest", "changed_ms", "id"),
    Index("alerts_open", "handling", "changed_ms"),
    Index("alerts_u6", "u6", "changed_ms"),
    Index("alerts_u9", "u9", "changed_ms"),
)

transitions = Table(
    "transitions",
    metadata,
    Column("alert", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("json", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # the projector numbers them, no holes
    Column("epoch", String, nullable=False),
    Column("alert", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("severity", String, nullable=False),
    Column("domain", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("at", String, nullable=False),
    Column("data", Text, nullable=False),  # {"alert", "transition"} without evidence.series
)

offsets = Table(
    "offsets",
    metadata,
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False),  # the next one to read
)

topics = Table(
    "topics",
    metadata,
    Column("topic", String, primary_key=True),
    Column("id", String, nullable=False),  # Kafka's: another one under the same name has another
)

users = Table(
    "users",
    metadata,
    Column("name", String, primary_key=True),
    Column("hash", String, nullable=False),
    Column("role", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("demo", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),  # a new password or role ends all tokens of the old
)

device_tokens = Table(
    "device_tokens",
    metadata,
    Column("hash", String, primary_key=True),
    Column("name", String, nullable=False, index=True),
    Column("zone", String, nullable=False),  # zone or unit is "", the other what the device may send
    Column("unit", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),  # null: active; revoked ones stay, to tell later who sent
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("hash", String, primary_key=True),
    Column("name", String, nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("family", String, nullable=False),  # one sign-in; re-use of a spent token ends the family
    Column("spent", Integer, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)
