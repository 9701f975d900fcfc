"""A TOML table that is checked while it is read: it notes every fault instead of stopping at the first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from streams.intake.mqtt_topics import Pointer, TemplateError, TextTemplate, pointer, text_template


class Table:
    """A TOML table that notes what is wrong and which keys nobody asked for."""

    def __init__(self, data: Mapping[str, Any], where: str, problems: list[str]) -> None:
        self.data, self.where, self.problems = data, where, problems
        self.seen: set[str] = set()

    def wrong(self, key: str, reason: str) -> None:
        self.problems.append(f"{self.where}{key}: {reason}")

    def get(self, key: str, kind: type | tuple[type, ...], default: Any, want: str) -> Any:
        self.seen.add(key)
        value = self.data.get(key, default)
        if key in self.data and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            self.wrong(key, f"is {value!r}; want {want}")
            return default
        return value

    def text(self, key: str, default: str = "") -> str:
        return str(self.get(key, str, default, "text"))

    def number(self, key: str, default: float) -> float:
        value = float(self.get(key, (int, float), default, "a number"))
        if not math.isfinite(value):
            self.wrong(key, "is not a finite number")
        return value

    def one_of(self, key: str, allowed: Sequence[Any], default: Any) -> Any:
        value = self.get(key, type(default), default, " or ".join(map(str, allowed)))
        if value not in allowed:
            self.wrong(key, f"is {value!r}; want {', '.join(map(str, allowed))}")
            return default
        return value

    def pointer(self, key: str) -> Pointer | None:
        self.seen.add(key)
        if key not in self.data:
            return None
        try:
            return pointer(self.text(key))
        except TemplateError as error:
            self.wrong(key, str(error))
            return None

    def template(self, key: str, names: tuple[str, ...]) -> TextTemplate | None:
        text = self.text(key)
        if key not in self.data:
            return None
        try:
            return text_template(text, names)
        except TemplateError as error:
            self.wrong(key, f"{text!r} {error}")
            return None

    def table(self, key: str) -> Table:
        return Table(self.get(key, dict, {}, "a table"), f"{self.where}{key}.", self.problems)

    def tables(self, key: str) -> list[Table]:
        listed = self.get(key, list, [], f"tables, [[{key}]]")
        out = []
        for k, item in enumerate(listed):
            if isinstance(item, dict):
                out.append(Table(item, f"{self.where}{key}[{k + 1}].", self.problems))
            else:
                self.wrong(f"{key}[{k + 1}]", "want a table")
        return out

    def texts(self, allowed: Sequence[str] = ()) -> dict[str, str]:
        """The whole table as text → text."""
        out = {}
        for key in self.data:
            value = self.text(key)
            if allowed and value not in allowed:
                self.wrong(key, f"is {value!r}; want {', '.join(allowed)}")
            out[key] = value
        return out

    def close(self) -> None:
        for key in self.data:
            if key not in self.seen:
                self.wrong(key, f"no such key (there: {', '.join(sorted(self.seen))})")
