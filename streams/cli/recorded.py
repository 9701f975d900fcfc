"""The audit log's rows of what was done at the command line, by the user of this machine."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streams.assets.who import operator

if TYPE_CHECKING:
    from api.store import Store


def recorded(
    store: Store,
    action: str,
    facts: Mapping[str, Any] | None = None,
    *,
    target: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    place: str = "",
) -> None:
    """Add a row: `cityops <action>` on this machine. No secret may be in what is given."""
    from api import audit
    from api.audit_chain import Entry, difference

    old, new = difference(before, after)
    change = {"target": target, **(facts or {}), "before": old, "after": new}
    entry = Entry(
        at_ms=int(time.time() * 1000), by=operator(), role="", unit="", address=socket.gethostname(),
        request=uuid.uuid4().hex, action=f"cityops {action}", target=target, place=place, changes=(change,),
    )  # fmt: skip
    audit.append(store, [entry])
