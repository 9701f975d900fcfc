"""Columns of migrations, several of a kind at once; none may be empty unless it is said."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

Column = sa.Column[Any]


def texts(names: str) -> list[Column]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names.split()]


def longs(names: str) -> list[Column]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names.split()]


def whole(name: str) -> Column:
    return sa.Column(name, sa.Integer(), nullable=False)


def big(name: str, nullable: bool = False) -> Column:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def sequence(name: str) -> Column:
    """A number that the program gives."""
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)
