"""The table of the audit log: rows are only added, each bound to the one before by its hash (`api.audit_chain`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from api.append_only import append_only
from api.schema import metadata

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # from 1, no holes
    Column("at_ms", BigInteger, nullable=False),
    Column("by", String, nullable=False),
    Column("unit", String, nullable=False),  # of who did it; "" where nobody is known
    Column("place", String, nullable=False),  # unit of what was done to, "" where it has none
    Column("action", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("json", Text, nullable=False),  # the whole entry, canonical: what the hash is over
    Column("prev", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("audit_unit", "unit", "seq"),
    Index("audit_place", "place", "seq"),
)

append_only(audit)
