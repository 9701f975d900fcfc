"""The unified code 一码统管 of a sensor or an asset: its id and a check character, `522601-W-VLV-000123-J`.

The check character is ISO 7064 MOD 37,36 over the 16 letters and digits of the id: it finds every single wrong
character and nearly every swap of two neighbours (tests measure both). It is not stored: an id has one code.
Our code stands beside those of other systems and never in their place (`codes` of a record; `label`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from stdnum.iso7064 import mod_37_36

from geo.ids import KINDS, AssetError, parse_asset_id, parse_sensor_id

PROVINCE = "guizhou"  # `system` of the province's own code, which is printed where there is one
_FORM = re.compile(r"([0-9]{6})([A-Z])([A-Z0-9]{3})([0-9]{6})([0-9A-Z]?)")
_IGNORED = str.maketrans("", "", " -_/.\t\u2010\u2011\u2012\u2013\u2014\u2212")


def check_character(id_: str) -> str:
    """The check character of an id.

    >>> check_character("522601-W-VLV-000123")
    'J'
    """
    return str(mod_37_36.calc_check_digit(id_.replace("-", "")))


def code_of(id_: str) -> str:
    """The unified code of an id.

    >>> code_of("522601-W-VLV-000123")
    '522601-W-VLV-000123-J'
    """
    return f"{id_}-{check_character(id_)}"


def squeezed(text: str) -> str:
    """A code as it is compared: no spaces and hyphens, upper case, full-width forms made plain.

    >>> squeezed("５２２６０１－w-vlv 000123")
    '522601WVLV000123'
    """
    return unicodedata.normalize("NFKC", text).translate(_IGNORED).upper()


def parse_code(text: str) -> str:
    """The id of a unified code as a person types it: with or without its check character, spaces and hyphens anywhere.

    >>> parse_code("522601 w vlv 000123 j"), parse_code("522601-W-PRS-000123")
    ('522601-W-VLV-000123', '522601-W-PRS-000123')

    Raises:
        AssetError: no such form, county letter or type; or the check character is wrong, and which would be right.
    """
    match = _FORM.fullmatch(squeezed(text))
    if match is None:
        raise AssetError(
            f"code {text[:60]!r}: want county, domain, type, serial and check character, e.g. 522601-W-VLV-000123-J"
        )
    id_, given = "-".join(match.groups()[:4]), match[5]
    if is_sensor_id(id_):
        parse_sensor_id(id_)
    else:
        parse_asset_id(id_)
    right = check_character(id_)
    if given and given != right:
        raise AssetError(
            f"code {text[:60]!r}: check character {given} is wrong, {id_} has {right}; read it again: "
            f"one character is not as printed, or write {id_}-{right} if the rest is certain"
        )
    return id_


def looks_like_code(text: str) -> bool:
    """Is it written like a unified code, right or wrong?

    >>> looks_like_code("522601WVLV000123X"), looks_like_code("SCADA-7")
    (True, False)
    """
    return _FORM.fullmatch(squeezed(text)) is not None


def is_sensor_id(id_: str) -> bool:
    """Is the type of this id one of a sensor's? The id need not be well formed.

    >>> is_sensor_id("522601-W-PRS-000123"), is_sensor_id("522601-W-VLV-000123")
    (True, False)
    """
    kind_type = id_.split("-")[2] if id_.count("-") == 3 else ""
    return kind_type == "GEN" or any(kind_type in kinds for kinds in KINDS.values())


def label(id_: str, codes: Iterable[tuple[str, str]] = ()) -> list[str]:
    """Lines to print under a QR code: the province's code first where there is one, then ours.

    >>> label("522601-W-VLV-000123", [("guizhou", "GZ-1"), ("scada", "V7")])
    ['GZ-1', '522601-W-VLV-000123-J']
    """
    return [*(value for system, value in codes if system == PROVINCE), code_of(id_)]
