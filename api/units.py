"""Unit codes as prefixes: who sees what, and which column of the store answers it.

A unit is a 6, 9 or 12-digit division code; its subtree is a string prefix, the prefecture's
`522600` being `5226` and the province's `520000` being `52`.
"""

from __future__ import annotations

import re

_CODE = re.compile(r"\d{2}|\d{4}|\d{6}|\d{9}|\d{12}")
LENGTHS = (2, 4, 6, 9, 12)


def prefix(code: str) -> str:
    """Prefix of a unit's subtree; raises ValueError where `code` is no unit code.

    >>> prefix("522600"), prefix("5226"), prefix("522601"), prefix("522601001")
    ('5226', '5226', '522601', '522601001')
    """
    if not _CODE.fullmatch(code):
        raise ValueError(f"unit {code[:20]!r}: want a division code such as 522600, 5226, 522601 or 522601001")
    if len(code) == 6 and code.endswith("0000"):
        return code[:2]
    if len(code) == 6 and code.endswith("00"):
        return code[:4]
    if len(code) == 12 and code.endswith("000"):
        return prefix(code[:9])
    if len(code) == 9 and code.endswith("000"):
        return prefix(code[:6])
    return code


def narrow(scope: str, wanted: str | None) -> str | None:
    """The prefix both allow, None where they do not meet.

    >>> narrow("522601", "5226"), narrow("5226", "522601"), narrow("522601", "522622")
    ('522601', '522601', None)
    """
    if wanted is None or scope.startswith(wanted):
        return scope
    return wanted if wanted.startswith(scope) else None


def parts(code: str) -> dict[str, str]:
    """Columns u4, u6, u9, u12 of a unit code ("" where the code is not that deep).

    >>> parts("522601001")
    {'u4': '5226', 'u6': '522601', 'u9': '522601001', 'u12': ''}
    """
    try:
        known = prefix(code)
    except ValueError:
        known = ""
    return {f"u{n}": known[:n] if len(known) >= n else "" for n in (4, 6, 9, 12)}
