"""What a channel is given, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Envelope:
    """One message to one address. `key` is the same at each attempt: a receiver may drop what it has already."""

    key: str
    channel: str
    address: str
    text: str
    subject: str = ""
    severity: str = "I"
    mode: str = "actual"
    why: str = "raise"
    lang: str = "zh"
    code: str = ""  # answer with it to acknowledge
    due: str | None = None  # RFC 3339
    alerts: tuple[str, ...] = ()
    person: str = ""
    run: str = ""
    at: str = ""  # RFC 3339, when the alert changed
    more: Mapping[str, Any] = field(default_factory=dict)  # facts of the alerts, for machines


@dataclass(frozen=True)
class Outcome:
    """`why` in words without addresses or secrets; `final`: trying again is of no use; `arrived`: not only taken."""

    ok: bool
    why: str = ""
    final: bool = False
    arrived: bool = False


class Channel(Protocol):
    async def send(self, e: Envelope) -> Outcome:
        """Raises nothing but CancelledError (its time is over)."""
