"""The tables as they were when migrations began.

Databases of before have them, or most of them, and no version: what is missing is made.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from api.append_only import statements

revision = "0001"
down_revision: str | None = None


def _texts(names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names.split()]


def _long(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _int(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _big(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _table(name: str, key: str, *columns: sa.Column[Any]) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key.split()), if_not_exists=True)


def _index(name: str, table: str, columns: str) -> None:
    op.create_index(name, table, columns.split(), if_not_exists=True)


def upgrade() -> None:
    _projection()
    _duty()
    _table("users", "name", *_texts("name hash role unit"), _int("demo"), _big("created_ms"), _int("generation"))
    _table("device_tokens", "hash", *_texts("hash name zone unit"), _big("created_ms"), _big("revoked_ms", True))
    _index("ix_device_tokens_name", "device_tokens", "name")
    _table(
        "refresh_tokens", "hash", *_texts("hash name"), _int("generation"), *_texts("family"), _int("spent"),
        _big("expires_ms"),
    )  # fmt: skip
    _index("ix_refresh_tokens_name", "refresh_tokens", "name")


def _projection() -> None:
    _table("meta", "key", *_texts("key value"))
    _table(
        "alerts", "id", *_texts("id"), _int("version"),
        *_texts("run county mode severity domain kind condition handling unit u4 u6 u9 u12"),
        _big("changed_ms"), _big("first_seen_ms"), sa.Column("lon", sa.Float()), sa.Column("lat", sa.Float()),
        _long("text"), _long("json"),
    )  # fmt: skip
    _index("alerts_newest", "alerts", "changed_ms id")
    _index("alerts_open", "alerts", "handling changed_ms")
    _index("alerts_u6", "alerts", "u6 changed_ms")
    _index("alerts_u9", "alerts", "u9 changed_ms")
    _table("transitions", "alert version", *_texts("alert"), _int("version"), _long("json"))
    seq = sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False)
    _table(
        "events", "seq", seq, *_texts("epoch alert"), _int("version"), *_texts("severity domain unit at"),
        _long("data"),
    )  # fmt: skip
    _table("offsets", "topic partition", *_texts("topic"), _int("partition"), _big("offset"))
    _table("topics", "topic", *_texts("topic id"))


def _duty() -> None:
    _table("duty_log", "id", _int("id"), *_texts("unit"), _big("at_ms"), *_texts("by"), _long("text"), *_texts("alert"))
    _table(
        "duty_handovers", "id", _int("id"), *_texts("unit place"), _big("at_ms"),
        *_texts("by person to_user to_person"), _long("json"),
    )  # fmt: skip
    _index("duty_handovers_place", "duty_handovers", "place at_ms")
    _table("duty_signatures", "handover", _int("handover"), *_texts("by"), _big("at_ms"), _long("note"))
    _table("duty_rollcalls", "id", _int("id"), *_texts("unit"), _big("at_ms"), *_texts("by"), _long("json"))
    _table(
        "duty_answers", "rollcall person", _int("rollcall"), *_texts("person by"), _big("at_ms"), _long("note")
    )  # fmt: skip
    for table in ("duty_log", "duty_handovers", "duty_signatures", "duty_rollcalls", "duty_answers"):
        for statement in statements(table, op.get_context().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("there is no way back; restore a backup (`cityops db restore`)")
