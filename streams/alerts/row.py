"""A row of the tables of an alert's life."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """What happens in which state, what it makes, or why it is refused (with HTTP status)."""

    name: str
    event: str
    state: str
    makes: str
    refused: int = 0
    zh: str = ""
    en: str = ""
