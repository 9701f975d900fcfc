"""Capital letters, digits and hyphen as 5 x 7 dots, for codes below a symbol where no font is at hand. Pure."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

_ROWS = (  # a row a byte, from the top; the lowest bit is the right dot
    "0 0E11131519110E  1 040C040404040E  2 0E11010204081F  3 1F02040201110E  4 02060A121F0202  5 1F101E0101110E "
    "6 0608101E11110E  7 1F010204080808  8 0E11110E11110E  9 0E11110F01020C  A 0E11111F111111  B 1E11111E11111E "
    "C 0E11101010110E  D 1C12111111121C  E 1F10101E10101F  F 1F10101E101010  G 0E11101711110F  H 1111111F111111 "
    "I 0E04040404040E  J 0702020202120C  K 11121418141211  L 1010101010101F  M 111B1515111111  N 11111915131111 "
    "O 0E11111111110E  P 1E11111E101010  Q 0E11111115120D  R 1E11111E141211  S 0F10100E01011E  T 1F040404040404 "
    "U 1111111111110E  V 11111111110A04  W 1111111515150A  X 11110A040A1111  Y 1111110A040404  Z 1F01020408101F "
    "- 0000001F000000"
)
_WORDS = re.split(" +", _ROWS)
GLYPHS = {name: bytes.fromhex(rows) for name, rows in zip(_WORDS[::2], _WORDS[1::2], strict=True)}
HEIGHT, ADVANCE = 7, 6


def writable(text: str) -> bool:
    return bool(text) and all(c in GLYPHS for c in text)


def drawn(text: str) -> NDArray[np.bool_]:
    """bool[7, 6 n - 1]: the dots of a line of text.

    >>> for row in drawn("1-"): print("".join(".#"[int(on)] for on in row))
    ..#........
    .##........
    ..#........
    ..#...#####
    ..#........
    ..#........
    .###.......
    """
    out = np.zeros((HEIGHT, ADVANCE * len(text)), np.bool_)
    for k, letter in enumerate(text):
        for y, bits in enumerate(GLYPHS[letter]):
            for x in range(5):
                out[y, k * ADVANCE + x] = bits >> (4 - x) & 1
    return out[:, :-1]
