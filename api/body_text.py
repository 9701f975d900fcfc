"""Text of a body that a person wrote: what no database can keep is refused."""

from __future__ import annotations

from api.errors import Problem


def encodable(name: str, text: str) -> str:
    """The text; 422 for what is no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Problem(422, f"body.{name}: holds half a surrogate pair; want whole characters") from None
    return text


def written(name: str, text: str) -> str:
    """The text; 422 for what is no UTF-8, or has a zero character."""
    if "\x00" in encodable(name, text):
        raise Problem(422, f"body.{name}: holds a zero character; leave it out")
    return text
