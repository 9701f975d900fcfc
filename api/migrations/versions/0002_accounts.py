"""Organisations of accounts and alerts, sign-ins that were ended, machines' tokens with scopes, the audit log,
webhooks.

The organisations of alerts that are there are filled in at the next start.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.append_only import statements
from api.migrations.columns import Column, big, longs, sequence, texts, whole

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _table("user_orgs", "name org", *texts("name org"))
    _table("ended_sessions", "family", *texts("family"), big("until_ms"))
    _table(
        "api_tokens", "hash", *texts("hash name role unit"), *longs("orgs scopes"), big("created_ms"),
        big("expires_ms"), big("revoked_ms", True),
    )  # fmt: skip
    op.create_index("ix_api_tokens_name", "api_tokens", ["name"])
    _table("alert_orgs", "alert org", *texts("alert org"))
    op.create_index("ix_alert_orgs_org", "alert_orgs", ["org"])
    _table(
        "webhooks", "id", *texts("id name"), *longs("url"), *texts("prefix"), *longs("orgs wanted"), *texts("by"),
        big("created_ms"), *texts("epoch"), big("seq"), whole("attempts"), big("first_ms"), big("next_ms"),
        *longs("why"), big("delivered"), big("delivered_ms", True), *texts("owner"),
        big("lease_ms"),
    )  # fmt: skip
    _table(
        "webhook_dead", "webhook event", *texts("webhook event alert"), big("at_ms"), whole("attempts"),
        *longs("why body"),
    )  # fmt: skip
    _table(
        "audit", "seq", sequence("seq"), big("at_ms"), *texts("by unit place action"), whole("status"), *longs("json"),
        *texts("prev hash"),
    )  # fmt: skip
    op.create_index("audit_unit", "audit", ["unit", "seq"])
    op.create_index("audit_place", "audit", ["place", "seq"])
    for statement in statements("audit", op.get_context().dialect.name):
        op.execute(statement)


def _table(name: str, key: str, *columns: Column) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key.split()))


def downgrade() -> None:
    raise NotImplementedError("there is no way back; restore a backup (`cityops db restore`)")
