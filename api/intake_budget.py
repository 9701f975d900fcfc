"""How many bytes the intake holds: bodies that are read or worked on, and messages that Kafka has not acknowledged."""

from __future__ import annotations


class Budget:
    """A bound on bytes. A body takes before it is read and may be refused; what is accepted is only counted.

    >>> b = Budget(10); b.take(8), b.take(3), b.take(2), b.used
    (True, False, True, 10)
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.refused = 0

    def take(self, n: int) -> bool:
        """Take n bytes, or False and nothing taken where that is too much."""
        if self.used + n > self.limit:
            self.refused += 1
            return False
        self.used += n
        return True

    def add(self, n: int) -> None:
        """Count bytes that are there anyway; they keep new bodies out, not themselves."""
        self.used += n

    def give(self, n: int) -> None:
        self.used -= n
