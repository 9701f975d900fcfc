"""The table of the audit log: rows are only added, each bound to the one before by its hash (`api.audit_chain`)."""

from __future__ import annotations

from sqlalchemy import DDL, BigInteger, Column, Index, Integer, String, Table, Text, event

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

for _what in ("UPDATE", "DELETE"):  # PostgreSQL: take these rights from the API's user
    _trigger = f"CREATE TRIGGER audit_no_{_what.lower()} BEFORE {_what} ON audit "
    _ddl = DDL(f"{_trigger} BEGIN SELECT RAISE(ABORT, 'audit: rows are only added'); END")  # type: ignore[no-untyped-call]
    event.listen(audit, "after_create", _ddl.execute_if(dialect="sqlite"))
