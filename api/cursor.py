"""The feed's cursor: (epoch, sequence) as the text `epoch-sequence`, opaque to clients.

The epoch is new when the projection is built anew; a cursor of another epoch, or one older than the
events that are kept, is answered with `resync`.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

_FORM = re.compile(r"([0-9a-f]{8})-(\d{1,15})")


@dataclass(frozen=True, order=True, slots=True)
class Cursor:
    """
    >>> str(Cursor.parse("0a1b2c3d-17"))
    '0a1b2c3d-17'
    """

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Raises ValueError for a text that is no cursor."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:40]!r} is no cursor of this feed")
        return cls(match.group(1), int(match.group(2)))


def new_epoch() -> str:
    return secrets.token_hex(4)
