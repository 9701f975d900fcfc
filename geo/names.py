"""English names of units: pinyin for the name, an English word for what it is.

Pinyin is joined, begins with a capital and has an apostrophe before a syllable that begins with a, o or e (GB/T 16159,
basic rules of Hanyu Pinyin orthography). Readings are pypinyin's but for the words in `geo/data/pinyin_overrides.csv`.
A name of one syllable keeps its generic word: 东村 is Dongcun Village. That, and the English words, are this project's
choice. Names are made when a table is imported and stored with it, so that no worker loads pypinyin. After a change
here: `python -m geo.names` makes those of the shipped table anew.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Any

OVERRIDES = Path(__file__).parent / "data" / "pinyin_overrides.csv"
_GENERIC = (
    ("自治州", "Prefecture"), ("自治县", "County"), ("街道", "Subdistrict"), ("社区", "Community"),
    ("州", "Prefecture"), ("市", "City"), ("县", "County"), ("区", "District"), ("镇", "Town"), ("乡", "Township"),
    ("村", "Village"),
)  # fmt: skip
_ENDS = {
    "prefecture": ("自治州", "州", "市"), "county": ("自治县", "市", "县", "区"), "township": ("街道", "镇", "乡"),
    "village": ("社区", "村"),
}  # fmt: skip
_PEOPLES = {
    "苗": "Miao", "侗": "Dong", "水": "Shui", "瑶": "Yao", "壮": "Zhuang", "布依": "Bouyei", "土家": "Tujia",
    "仡佬": "Gelao", "畲": "She", "彝": "Yi", "回": "Hui", "毛南": "Maonan", "仫佬": "Mulao", "蒙古": "Mongol",
}  # fmt: skip
_PEOPLE = re.compile(rf"^(.+?)((?:(?:{'|'.join(_PEOPLES)})族)+)$")


def english(short: str, level: str) -> str:
    """English name of a unit from its everyday name (`Unit.short`).

    >>> english("重安镇", "township"), english("雷洞瑶族水族乡", "township"), english("㵲水社区", "village")
    ("Chong'an Town", 'Leidong Yao and Shui Ethnic Township', 'Wushui Community')
    >>> english("东村", "village"), english("凯里市", "county")
    ('Dongcun Village', 'Kaili City')
    """
    tail = next((t for t in _ENDS.get(level, ()) if short.endswith(t) and len(short) > len(t)), "")
    stem = short.removesuffix(tail)
    word = dict(_GENERIC).get(tail, "")
    peoples = _PEOPLE.match(stem)
    if peoples:
        stem = peoples[1]
        if level == "township":
            names = re.findall("|".join(_PEOPLES), peoples[2])
            word = f"{' and '.join(_PEOPLES[name] for name in names)} Ethnic {word}"
    if len(stem) == 1:
        stem += tail
    return f"{pinyin(stem)} {word}".rstrip()


def pinyin(text: str) -> str:
    """Joined pinyin without tones; what is not a Chinese character stays as it is.

    >>> pinyin("重安"), pinyin("吕洞"), pinyin("西安")
    ("Chong'an", 'Lüdong', "Xi'an")
    """
    out = ""
    for syllable in _syllables(text):
        out += ("'" if out and out[-1].isalpha() and syllable[:1] in "aoe" else "") + syllable
    return out[:1].upper() + out[1:]


def search_key(text: str) -> str:
    """What two spellings of a name share: small letters, no spaces, apostrophes and dots; ü is v, as people type it.

    >>> search_key("Lü Shui"), search_key("Chong'an"), search_key("重安")
    ('lvshui', 'chongan', '重安')
    """
    return re.sub(r"[\s'’·\-]", "", text.lower()).replace("ü", "v")


def _syllables(text: str) -> list[str]:
    from pypinyin import lazy_pinyin  # here: it reads its dictionaries when imported (0.1 s)

    each: Any = list  # what is no Chinese character stays, one by one
    readings, known = lazy_pinyin(text, v_to_u=True, errors=each), _overrides()
    if len(readings) != len(text):
        raise ValueError(f"{text!r}: {len(readings)} readings for {len(text)} characters")
    for at in range(len(text)):
        for word, reading in known:
            if text.startswith(word, at):
                readings[at : at + len(word)] = reading
                break
    return readings


@cache
def _overrides() -> tuple[tuple[str, tuple[str, ...]], ...]:
    with OVERRIDES.open(encoding="utf-8", newline="") as file:
        rows = [(row["word"], tuple(row["pinyin"].split())) for row in csv.DictReader(file)]
    return tuple(sorted(rows, key=lambda row: -len(row[0])))


if __name__ == "__main__":
    from geo.division_table import read, write

    shipped = Path(__file__).parent / "data" / "divisions_522600.csv"
    shipped.write_bytes(write(read(shipped.read_bytes(), shipped.name, rename=True)))
