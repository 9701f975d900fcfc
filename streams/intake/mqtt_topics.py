"""Topic templates with named parts, `city/{county}/{device}`, and texts made from them, `{county}-W-PRS-{device:06}`.

Pure. A template becomes an MQTT filter for the broker and a pattern for us; a text may also take a value out of the
payload (`{/dev/id}`, a JSON pointer) or an MQTT 5 user property (`{user.site}`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_PART = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_FIELD = re.compile(r"\{([^{}:]*)(?::0([1-9]\d?))?\}")
MISSING: Any = object()


class TemplateError(ValueError):
    """A template cannot be used, or a message does not fit it; the text is the reason."""


@dataclass(frozen=True)
class TopicTemplate:
    """`filter` is what the broker is asked for; `match` gives the named parts of a topic."""

    text: str
    filter: str
    names: tuple[str, ...]
    _shape: re.Pattern[str] = field(repr=False)
    _rules: Mapping[str, re.Pattern[str]] = field(repr=False)

    def match(self, topic: str) -> tuple[dict[str, str] | None, str]:
        """The parts of a topic, or None and the reason ("" where the topic has another shape).

        >>> topic_template("a/{county}/+/{dev}", {"dev": "[0-9]+"}).match("a/522601/x/17")
        ({'county': '522601', 'dev': '17'}, '')
        """
        found = self._shape.fullmatch(topic)
        if found is None:
            return None, ""
        parts = found.groupdict()
        for name, rule in self._rules.items():
            if not rule.fullmatch(parts[name]):
                return None, f"part {name} of topic {topic[:200]!r} is {parts[name][:64]!r}; want {rule.pattern}"
        return parts, ""


def topic_template(text: str, rules: Mapping[str, str] | None = None) -> TopicTemplate:
    """Read a template; `rules` are regular expressions for parts. Raises TemplateError."""
    if not text or text != text.strip() or "\0" in text:
        raise TemplateError("is empty, or begins or ends with blanks")
    if text.startswith("$share/"):
        raise TemplateError("names a shared subscription; write `share` beside it instead")
    names: list[str] = []
    wanted, shape = [], []
    levels = text.split("/")
    for k, level in enumerate(levels):
        if level == "#":
            if k != len(levels) - 1:
                raise TemplateError("has # before the end; it stands only as the last level")
            wanted.append("#")
            continue
        bare = _PART.sub("", level)
        if level == "+":
            wanted.append("+")
            shape.append("[^/]*")
            continue
        if any(c in bare for c in "+#{}"):
            raise TemplateError(f"has level {level!r}; want text, +, # or parts like {{device}} in small letters")
        pattern, at = "", 0
        for found in _PART.finditer(level):
            if found[1] in names:
                raise TemplateError(f"names part {found[1]} twice")
            if at and found.start() == at:
                raise TemplateError(f"has two parts side by side in {level!r}; put text between them")
            names.append(found[1])
            pattern += re.escape(level[at : found.start()]) + f"(?P<{found[1]}>[^/]+?)"
            at = found.end()
        wanted.append("+" if at else level)
        shape.append(pattern + re.escape(level[at:]))
    tail = "(?:/.*)?" if levels[-1] == "#" else ""
    if levels == ["#"]:
        tail = ".*"
    compiled: dict[str, re.Pattern[str]] = {}
    for name, rule in (rules or {}).items():
        if name not in names:
            raise TemplateError(f"has no part {name}")
        try:
            compiled[name] = re.compile(rule)
        except re.error as error:
            raise TemplateError(f"part {name}: {rule!r} is no regular expression ({error})") from None
    return TopicTemplate(text, "/".join(wanted), tuple(names), re.compile("/".join(shape) + tail), compiled)


def is_plain_filter(text: str) -> bool:
    """True for a name that can stand as the group of a shared subscription."""
    return bool(text) and not any(c in text for c in "/+#") and len(text.encode()) <= 256


@dataclass(frozen=True)
class TextTemplate:
    """Text with fields. `moving`: needs the payload or a user property, not only the topic's parts."""

    text: str
    _pieces: tuple[tuple[str, str, int], ...]  # (text before, field or "", width of zero padding)

    @property
    def moving(self) -> bool:
        return any(_moves(name) for _, name, _ in self._pieces)

    def make(self, parts: Mapping[str, str], document: Any = None, user: Mapping[str, str] | None = None) -> str:
        """The text for one message. Raises TemplateError where a field is not there or is no text."""
        out = []
        for before, name, width in self._pieces:
            out.append(before)
            if name:
                out.append(_value(name, parts, document, user or {}).rjust(width, "0"))
        return "".join(out)


def text_template(text: str, names: tuple[str, ...]) -> TextTemplate:
    """Read a text with fields {part}, {part:06} (zeros before), {/json/pointer}, {user.name}. Raises TemplateError."""
    pieces: list[tuple[str, str, int]] = []
    at = 0
    for found in _FIELD.finditer(text):
        before = text[at : found.start()]
        _no_braces(before)
        name = found[1]
        if not _moves(name) and name not in names:
            known = ", ".join(f"{{{n}}}" for n in names) or "none"
            raise TemplateError(f"has field {{{name}}}, which is no part of the topic (there: {known})")
        pieces.append((before, name, int(found[2] or 0)))
        at = found.end()
    _no_braces(text[at:])
    if text[at:] or not pieces:
        pieces.append((text[at:], "", 0))
    if not text.strip():
        raise TemplateError("is empty")
    return TextTemplate(text, tuple(pieces))


def _no_braces(text: str) -> None:
    if "{" in text or "}" in text:
        raise TemplateError("has a brace without its partner, or a width that is not like {device:06}")


def _moves(name: str) -> bool:
    return name.startswith("/") or (name.startswith("user.") and len(name) > 5)


def _value(name: str, parts: Mapping[str, str], document: Any, user: Mapping[str, str]) -> str:
    if name.startswith("/"):
        found = point(document, pointer(name))
        if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
            raise TemplateError(f"{name} is {'missing' if found is MISSING else 'no text or whole number'}")
        return str(found)
    if name.startswith("user."):
        if name[5:] not in user:
            raise TemplateError(f"user property {name[5:]} is missing")
        return user[name[5:]]
    return parts[name]


Pointer = tuple[str, ...]


def pointer(text: str) -> Pointer:
    """A JSON pointer (RFC 6901); "" is the whole document. Raises TemplateError.

    >>> pointer("/a~1b/0")
    ('a/b', '0')
    """
    if text and not text.startswith("/"):
        raise TemplateError(f"{text!r} does not begin with /; a path is like /data/0/value")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def point(document: Any, path: Pointer) -> Any:
    """What the path leads to, or MISSING.

    >>> point({"a": [{"v": 7}]}, pointer("/a/0/v"))
    7
    """
    for step in path:
        if isinstance(document, dict):
            document = document.get(step, MISSING)
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return MISSING
        if document is MISSING:
            return MISSING
    return document
