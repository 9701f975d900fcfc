"""Tables of the projection, of the users and of duty; plain SQL types, so that SQLite and PostgreSQL both serve."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

from api.append_only import append_only

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

# Duty: what people wrote. It comes from no log: rebuilding the projection leaves it alone, and rows are only added.

duty_log = Table(
    "duty_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("unit", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("by", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("alert", String, nullable=False),
)

duty_handovers = Table(
    "duty_handovers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("unit", String, nullable=False),  # the unit whose people see it
    Column("place", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("by", String, nullable=False),  # who leaves: writing it is the signature
    Column("person", String, nullable=False),
    Column("to_user", String, nullable=False),
    Column("to_person", String, nullable=False),
    Column("json", Text, nullable=False),  # what is handed over
    Index("duty_handovers_place", "place", "at_ms"),
)

duty_signatures = Table(
    "duty_signatures",
    metadata,
    Column("handover", Integer, primary_key=True),
    Column("by", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)

duty_rollcalls = Table(
    "duty_rollcalls",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("unit", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("by", String, nullable=False),
    Column("json", Text, nullable=False),  # seed, and who was picked
)

duty_answers = Table(
    "duty_answers",
    metadata,
    Column("rollcall", Integer, primary_key=True),
    Column("person", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)

for _table in (duty_log, duty_handovers, duty_signatures, duty_rollcalls, duty_answers):
    append_only(_table)

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
