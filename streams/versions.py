"""Versions of a record in a compacted topic: the newest under its id, each one under `id@version`, so that all stay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from streams import tables
from streams.settings import Settings

T = TypeVar("T")
MARK = "@"  # in no id


def rows(records: Iterable[tuple[str, int, bytes]]) -> list[tuple[bytes, bytes | None]]:
    """What to write for (id, version, value).

    >>> rows([("F1", 2, b"{}")])
    [(b'F1@2', b'{}'), (b'F1', b'{}')]
    """
    out: list[tuple[bytes, bytes | None]] = []
    for id_, version, value in records:
        out += [(f"{id_}{MARK}{version}".encode(), value), (id_.encode(), value)]
    return out


def is_old(key: str) -> bool:
    """A key of `rows` that is one version's, not the newest's.

    >>> is_old("F1@2"), is_old("F1")
    (True, False)
    """
    return MARK in key


def history(settings: Settings, topic: str, id_: str) -> list[bytes]:
    """Every version of a record, oldest first.

    Raises:
        CityopsError: Kafka cannot be reached, or the topic is not there.
    """
    found: dict[int, bytes] = {}

    def keep(_: str, key: bytes | None, value: bytes | None) -> None:
        name, mark, version = (key or b"").decode("utf-8", "replace").rpartition(MARK)
        if mark and name == id_ and version.isdigit() and value is not None:
            found[int(version)] = value

    tables.read(settings, [topic], keep)
    return [found[n] for n in sorted(found)]
