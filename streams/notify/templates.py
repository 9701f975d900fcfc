"""Texts of messages from `templates.toml`, checked when they are read. Pure."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping

from streams.alert_parts import Text
from streams.notify.facts import ELASTIC, FIELDS, LATE, LEVEL, LONGEST, PREFIX, clip

CLASSES = ("short", "spoken", "long")
CLASS_OF = {"sms": "short", "voice": "spoken"}  # else long
LANGUAGES = ("zh", "en")
SMS_LONGEST = 70  # characters of one SMS in UCS-2
OTHER = "other"
NEEDED = (OTHER, "digest", "group")
_HEAD = {"zh": 4 + len(LATE.zh), "en": 4 + len(LATE.en)}  # 【演练】 and 迟发 before the text
_LOOSE = re.compile(r"[，,；;:：]\s*(?=[，,；;。.]|\n|$)")
_parse = string.Formatter().parse

Templates = Mapping[tuple[str, str, str], str]  # (why, class, language) -> template


class TemplateError(ValueError):
    """A template that cannot be used; the text says which, where, why and what would do."""


def read(text: str, name: str, base: Templates | None = None) -> Templates:
    """Templates of a TOML text; those of `base` stay where it has none. Raises TemplateError, nothing half read.

    >>> read("[raise]\\nshort = {zh = '{colour}', en = 'x'}", "own.toml", {})
    Traceback (most recent call last):
    streams.notify.templates.TemplateError: own.toml: [raise] short.zh: unknown field {colour}; known are level, \
value, ack, reply, count, since, place, title
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"{name}: no TOML ({error})") from None
    out: dict[tuple[str, str, str], str] = {}
    for why, classes in tables.items():
        if not isinstance(classes, dict):
            raise TemplateError(f"{name}: {why} is no table; want [why] with short, spoken and long")
        for class_, texts in classes.items():
            where = f"{name}: [{why}] {class_}"
            if class_ not in CLASSES:
                raise TemplateError(f"{where}: unknown class; known are {', '.join(CLASSES)}")
            if not isinstance(texts, dict) or set(texts) != set(LANGUAGES):
                raise TemplateError(f"{where}: want a text for each of {', '.join(LANGUAGES)}, and no more")
            for lang, template in texts.items():
                _check(template, class_, lang, f"{where}.{lang}")
                out[why, class_, lang] = template
    whole = {**(base or {}), **out}
    whys = {why for why, _, _ in whole} | (set(NEEDED) if base is None else set())
    for key in ((w, c, x) for w in sorted(whys) for c in CLASSES for x in LANGUAGES):
        if base != {} and key not in whole:
            raise TemplateError(f"{name}: [{key[0]}] has no {key[1]}.{key[2]}")
    return whole


def _check(template: object, class_: str, lang: str, where: str) -> None:
    if not isinstance(template, str) or not template.strip():
        raise TemplateError(f"{where}: want a text")
    known = tuple(LONGEST) if class_ == "short" else FIELDS
    longest = 0
    try:
        parts = list(_parse(template))
    except ValueError as error:
        raise TemplateError(f"{where}: {error}; write {{{{ for a brace") from None
    for literal, field, spec, conversion in parts:
        longest += len(literal)
        if field is None:
            continue
        if field not in known:
            raise TemplateError(f"{where}: unknown field {{{field}}}; known are {', '.join(known)}")
        if spec or conversion:
            raise TemplateError(f"{where}: field {{{field}}} has a format; fields are texts, write {{{field}}}")
        longest += _longest(field, lang)
    if class_ == "short" and longest + _HEAD[lang] > SMS_LONGEST:
        raise TemplateError(
            f"{where}: with its longest fields and the head (【演练】, {LATE.zh}) it has {longest + _HEAD[lang]} "
            f"characters, at most {SMS_LONGEST} are an SMS; leave words or fields out"
        )


def _longest(field: str, lang: str) -> int:
    if field == "level":
        return max(len(getattr(t, lang)) for t in LEVEL.values())
    return LONGEST.get(field, 0)


def render(templates: Templates, why: str, channel: str, lang: str, fields: Mapping[str, str], head: str = "") -> str:
    """The text of one message, `head` first. Short ones have at most 70 characters: the place is shortened for that,
    where it is not enough the title; never level, value or deadline."""
    class_ = CLASS_OF.get(channel, "long")
    template = templates.get((why, class_, lang)) or templates[OTHER, class_, lang]
    if class_ != "short":
        return head + _tidy(template.format_map(fields))
    short = {k: fields[k] if k in ELASTIC else clip(fields[k], _longest(k, lang)) for k in LONGEST}
    for name in ELASTIC:
        text = head + _tidy(template.format_map(short))
        if len(text) <= SMS_LONGEST:
            return text
        room = len(short[name]) - (len(text) - SMS_LONGEST)
        short[name] = clip(short[name], max(room, LONGEST[name]))
    return head + _tidy(template.format_map(short))


def _tidy(text: str) -> str:
    """Without the punctuation around fields that were empty.

    >>> _tidy("A：B，，"), _tidy("x, , y\\n，\\nz")
    ('A：B', 'x, y\\nz')
    """
    before = ""
    while before != text:
        before, text = text, _LOOSE.sub("", text)
    text = re.sub(r" {2,}", " ", text)
    return re.sub(r"\s*\n\s*", "\n", text).strip()


def head(mode: str, late: bool, lang: str) -> str:
    """What comes first: 【演练】 or 【测试】 where it is not real, 迟发 where it is late.

    >>> head("exercise", True, "zh")
    '【演练】迟发：'
    """
    late_text: Text = LATE
    return PREFIX.get(mode, PREFIX["test"]) + (getattr(late_text, lang) if late else "")
