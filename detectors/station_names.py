"""Which channels of a water-quality station only explain the others, by their names.

Water that comes faster or colder changes chlorine and turbidity: such channels belong into the model, but a pump that
starts is no contamination. The words are the usual tags of plants in English, German, French and Chinese; without
at least three channels of quality nothing is said, so flows of a network's SCADA stay evidence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

QUALITY = re.compile(
    r"^(cl(o2|2)?|chlor|free_?cl|ph|redox|orp|leit|cond|ec$|trueb|trub|turb|ntu|uv|toc|doc|sac|余氯|浊度|电导|氧化还原)",
    re.IGNORECASE,
)
OPERATION = re.compile(r"^(tp|temp|wt|t_?water|fm|flow|durchfl|debit|débit|q($|_|\d)|水温|温度|流量)", re.IGNORECASE)


def explains_only(names: Sequence[str]) -> list[int]:
    """Indices of channels that are no evidence themselves.

    >>> explains_only(["Tp", "Cl", "pH", "Redox", "Fm"]), explains_only(["F_PU1", "L_T1", "Tp"])
    ([0, 4], [])
    """
    if sum(bool(QUALITY.match(n)) for n in names) < 3:
        return []
    return [i for i, n in enumerate(names) if OPERATION.match(n)]
