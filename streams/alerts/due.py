"""Which alert is due next: a heap with lazy deletion, so that a change costs O(log n)."""

from __future__ import annotations

import heapq

SPARE = 1_000


class DueQueue:
    """Absolute times by id.

    >>> q = DueQueue()
    >>> q.put("a", 20); q.put("b", 10); q.put("b", 30)
    >>> q.next_ms(), q.pop(25), q.pop(25), q.next_ms()
    (20, 'a', None, 30)
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._at: dict[str, int] = {}

    def put(self, id_: str, due_ms: int) -> None:
        """Due then; 0: never."""
        if self._at.get(id_, 0) == due_ms:
            return
        if not due_ms:
            self._at.pop(id_, None)
            return
        self._at[id_] = due_ms
        heapq.heappush(self._heap, (due_ms, id_))
        if len(self._heap) > 2 * len(self._at) + SPARE:  # mostly what was put off since
            self._heap = [(at, one) for one, at in self._at.items()]
            heapq.heapify(self._heap)

    def __len__(self) -> int:
        return len(self._at)

    def next_ms(self) -> int:
        """The earliest time, 0 where nothing is due ever."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else 0

    def pop(self, now_ms: int) -> str | None:
        """The id of one that is due, which is taken off; None where none is."""
        at = self.next_ms()
        if not at or at > now_ms:
            return None
        _, id_ = heapq.heappop(self._heap)
        del self._at[id_]
        return id_
