"""The tables as they were when migrations began.

Databases of before have them, or most of them, and no version: what is missing is made.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.append_only import statements
from api.migrations.columns import Column, big, longs, sequence, texts, whole

revision = "0001"
down_revision: str | None = None


def _table(name: str, key: str, *columns: Column) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key.split()), if_not_exists=True)


def _index(name: str, table: str, columns: str) -> None:
    op.create_index(name, table, columns.split(), if_not_exists=True)


def upgrade() -> None:
    _projection()
    _duty()
    _table("users", "name", *texts("name hash role unit"), whole("demo"), big("created_ms"), whole("generation"))
    _table("device_tokens", "hash", *texts("hash name zone unit"), big("created_ms"), big("revoked_ms", True))
    _index("ix_device_tokens_name", "device_tokens", "name")
    _table(
        "refresh_tokens", "hash", *texts("hash name"), whole("generation"), *texts("family"), whole("spent"),
        big("expires_ms"),
    )  # fmt: skip
    _index("ix_refresh_tokens_name", "refresh_tokens", "name")


def _projection() -> None:
    _table("meta", "key", *texts("key value"))
    _table(
        "alerts", "id", *texts("id"), whole("version"),
        *texts("run county mode severity domain kind condition handling unit u4 u6 u9 u12"),
        big("changed_ms"), big("first_seen_ms"), sa.Column("lon", sa.Float()), sa.Column("lat", sa.Float()),
        *longs("text"), *longs("json"),
    )  # fmt: skip
    _index("alerts_newest", "alerts", "changed_ms id")
    _index("alerts_open", "alerts", "handling changed_ms")
    _index("alerts_u6", "alerts", "u6 changed_ms")
    _index("alerts_u9", "alerts", "u9 changed_ms")
    _table("transitions", "alert version", *texts("alert"), whole("version"), *longs("json"))
    _table(
        "events", "seq", sequence("seq"), *texts("epoch alert"), whole("version"), *texts("severity domain unit at"),
        *longs("data"),
    )  # fmt: skip
    _table("offsets", "topic partition", *texts("topic"), whole("partition"), big("offset"))
    _table("topics", "topic", *texts("topic id"))


def _duty() -> None:
    _table("duty_log", "id", whole("id"), *texts("unit"), big("at_ms"), *texts("by"), *longs("text"), *texts("alert"))
    _table(
        "duty_handovers", "id", whole("id"), *texts("unit place"), big("at_ms"),
        *texts("by person to_user to_person"), *longs("json"),
    )  # fmt: skip
    _index("duty_handovers_place", "duty_handovers", "place at_ms")
    _table("duty_signatures", "handover", whole("handover"), *texts("by"), big("at_ms"), *longs("note"))
    _table("duty_rollcalls", "id", whole("id"), *texts("unit"), big("at_ms"), *texts("by"), *longs("json"))
    _table(
        "duty_answers", "rollcall person", whole("rollcall"), *texts("person by"), big("at_ms"), *longs("note")
    )  # fmt: skip
    for table in ("duty_log", "duty_handovers", "duty_signatures", "duty_rollcalls", "duty_answers"):
        for statement in statements(table, op.get_context().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("there is no way back; restore a backup (`cityops db restore`)")
