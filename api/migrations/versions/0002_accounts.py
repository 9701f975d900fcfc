"""Organisations of accounts and alerts, sign-ins that were ended, machines' tokens with scopes, the audit log,
webhooks.

The organisations of alerts that are there are filled in at the next start.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from api.append_only import statements

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _table("user_orgs", "name org", *_texts("name org"))
    _table("ended_sessions", "family", *_texts("family"), _big("until_ms"))
    _table(
        "api_tokens", "hash", *_texts("hash name role unit"), *_long("orgs scopes"), _big("created_ms"),
        _big("expires_ms"), sa.Column("revoked_ms", sa.BigInteger()),
    )  # fmt: skip
    op.create_index("ix_api_tokens_name", "api_tokens", ["name"])
    _table("alert_orgs", "alert org", *_texts("alert org"))
    op.create_index("ix_alert_orgs_org", "alert_orgs", ["org"])
    _table(
        "webhooks", "id", *_texts("id name"), *_long("url"), *_texts("prefix"), *_long("orgs wanted"), *_texts("by"),
        _big("created_ms"), *_texts("epoch"), _big("seq"), _int("attempts"), _big("first_ms"), _big("next_ms"),
        *_long("why"), _big("delivered"), sa.Column("delivered_ms", sa.BigInteger()), *_texts("owner"),
        _big("lease_ms"),
    )  # fmt: skip
    _table(
        "webhook_dead", "webhook event", *_texts("webhook event alert"), _big("at_ms"), _int("attempts"),
        *_long("why body"),
    )  # fmt: skip
    seq = sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False)
    _table(
        "audit", "seq", seq, _big("at_ms"), *_texts("by unit place action"), _int("status"), *_long("json"),
        *_texts("prev hash"),
    )  # fmt: skip
    op.create_index("audit_unit", "audit", ["unit", "seq"])
    op.create_index("audit_place", "audit", ["place", "seq"])
    for statement in statements("audit", op.get_context().dialect.name):
        op.execute(statement)


def _table(name: str, key: str, *columns: sa.Column[Any]) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key.split()))


def _texts(names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names.split()]


def _long(names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names.split()]


def _int(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _big(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def downgrade() -> None:
    raise NotImplementedError("there is no way back; restore a backup (`cityops db restore`)")
