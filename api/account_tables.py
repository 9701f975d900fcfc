"""Tables of accounts beside `users`: their organisations, sign-ins that were ended, machines' tokens with scopes."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from api.schema import metadata

user_orgs = Table(  # an account with rows here sees what these organisations own, run or supervise, in its unit
    "user_orgs",
    metadata,
    Column("name", String, primary_key=True),
    Column("org", String, primary_key=True),
)

ended_sessions = Table(  # sign-ins whose access tokens are refused though they have not run out
    "ended_sessions",
    metadata,
    Column("family", String, primary_key=True),
    Column("until_ms", BigInteger, nullable=False),  # by then all its access tokens have run out
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("hash", String, primary_key=True),
    Column("name", String, nullable=False, index=True),
    Column("role", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("orgs", Text, nullable=False),  # JSON list
    Column("scopes", Text, nullable=False),  # JSON list, keys of `api.scopes.SCOPES`
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
)
