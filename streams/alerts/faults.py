"""One thing wrong in a policy: where, and a reason a person can act on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_TABLE = re.compile(r"(chains|response|steps)\[(\d+)\]\.?")
_NAMES = {"chains": "chain", "response": "response", "steps": "step"}


class Fault(NamedTuple):
    """`path`: as in JSON, `chains[2].steps[0].within_s`; `about`: which alerts the table is for."""

    path: str
    reason: str
    about: str = ""

    def __str__(self) -> str:
        """Tables counted from 1, as people do.

        >>> str(Fault("chains[2].steps[0].within_s", "is 0; want 1 or more", "III night"))
        'chain 3 (III night), step 1: within_s: is 0; want 1 or more'
        """
        tables = [f"{_NAMES[name]} {int(n) + 1}" for name, n in _TABLE.findall(self.path)]
        if tables and self.about:
            tables[0] += f" ({self.about})"
        place = [", ".join(tables), _TABLE.sub("", self.path)]
        return ": ".join(part for part in (*place, self.reason) if part)

    def moved(self, tables: Mapping[str, Sequence[int]]) -> Fault:
        """The fault of the n-th table as one of the table that this was made of.

        >>> Fault("chains[2].hours", "is odd").moved({"chains": [0, 0, 1]}).path
        'chains[1].hours'
        """
        found = _TABLE.match(self.path)
        if found is None or found[1] not in tables:
            return self
        start = f"{found[1]}[{tables[found[1]][int(found[2])]}]"
        return self._replace(path=start + self.path[found.end() - self.path[: found.end()].endswith(".") :])
