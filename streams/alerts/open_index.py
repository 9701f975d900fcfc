"""Open alerts by a key, in the order of their onset: what began in a span of time is found at once."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator

Entry = tuple[int, str]  # (onset_ms, alert id)


class OpenIndex:
    """Sorted lists of (onset, id); a list that runs empty is dropped."""

    def __init__(self) -> None:
        self._lists: dict[Hashable, list[Entry]] = {}

    def add(self, key: Hashable, onset_ms: int, id_: str) -> None:
        insort(self._lists.setdefault(key, []), (onset_ms, id_))

    def remove(self, key: Hashable, onset_ms: int, id_: str) -> None:
        """Take out what `add` put in.

        Raises:
            KeyError: nothing has this key.
        """
        entries = self._lists[key]
        del entries[bisect_left(entries, (onset_ms, id_))]
        if not entries:
            del self._lists[key]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._lists

    def between(self, key: Hashable, from_ms: int, until_ms: int) -> Iterator[Entry]:
        """Entries under a key with an onset from `from_ms` to `until_ms`, both included, the earliest first.

        >>> index = OpenIndex()
        >>> for onset, id_ in ((3, "c"), (1, "a"), (2, "b")):
        ...     index.add("k", onset, id_)
        >>> list(index.between("k", 2, 3))
        [(2, 'b'), (3, 'c')]
        """
        entries = self._lists.get(key, [])
        for k in range(bisect_left(entries, (from_ms, "")), len(entries)):
            if entries[k][0] > until_ms:
                return
            yield entries[k]
