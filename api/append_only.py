"""Tables to which rows are only added: triggers of the database refuse to change or remove one."""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

_FUNCTION = """CREATE OR REPLACE FUNCTION cityops_only_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '%: rows are only added', TG_TABLE_NAME; END $$"""


def statements(table: str, dialect: str) -> list[str]:
    """What makes the triggers of a table that has none, or has these, in `sqlite` or `postgresql`."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_{what.lower()} BEFORE {what} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table}: rows are only added'); END"
            for what in ("UPDATE", "DELETE")
        ]
    trigger = f"CREATE OR REPLACE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    return [_FUNCTION, f"{trigger} FOR EACH STATEMENT EXECUTE FUNCTION cityops_only_added()"]


def append_only(table: Table) -> None:
    """Give a declared table its triggers whenever it is made."""
    for dialect in ("sqlite", "postgresql"):
        for statement in statements(table.name, dialect):
            ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", ddl.execute_if(dialect=dialect))
