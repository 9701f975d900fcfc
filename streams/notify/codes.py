"""Short codes by which a person acknowledges an alert from a telephone. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

DIGITS = 4
LIFE_MS = 24 * 3_600_000
WRONG_WINDOW_MS = 10 * 60_000
WRONG_OF_NUMBER, WRONG_OF_ALL = 5, 50  # wrong codes within the window after which none is looked at
_CODE = re.compile(rf"(?<!\d)\d{{{DIGITS}}}(?!\d)")


def number_of(text: str) -> str:
    """Digits of a telephone number without +86.

    >>> number_of("+86 138-1234-5678"), number_of("008613812345678"), number_of("0855-8222222")
    ('13812345678', '13812345678', '08558222222')
    """
    digits = re.sub(r"\D", "", text.translate(_WIDE))
    for prefix in ("0086", "86"):
        if digits.startswith(prefix) and len(digits) - len(prefix) == 11:
            return digits.removeprefix(prefix)
    return digits


def code_in(text: str) -> str:
    """The code in what somebody wrote, "" for none.

    >>> code_in(" 收到 ４７１１。"), code_in("13812345678"), code_in("no")
    ('4711', '', '')
    """
    found = _CODE.search(text.translate(_WIDE))
    return found.group() if found else ""


def new_code(draw: Callable[[int], int], taken: Collection[str]) -> str:
    """A code that is not `taken` by this number, "" when too many are; `draw(n)` is a random whole number below n."""
    while len(taken) < 10**DIGITS // 10:
        code = f"{draw(10**DIGITS):0{DIGITS}d}"
        if code not in taken:
            return code
    return ""


_WIDE = {0xFF10 + n: str(n) for n in range(10)}  # full-width digits
