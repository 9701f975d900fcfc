"""The demo's accounts: made at start, only in demo mode and only on loopback, with random passwords.

They are kept in `<data>/demo_accounts.json` (mode 0600), so that a second start has the same ones, and are
marked in the store, so that they cannot sign in outside demo mode.
"""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
from pathlib import Path
from typing import Any

from api import users
from api.store import Store
from streams.errors import explain

FILE = "demo_accounts.json"
ACCOUNTS = (
    ("commander", "commander", "522600"),
    ("kaili", "officer", "522601"),
    ("kaili2", "officer", "522601"),  # deputy: signs what kaili hands over
    ("chengxi", "officer", "522601001"),
    ("longxi", "officer", "522601001002"),
    ("viewer", "viewer", "522600"),
    ("engineer", "engineer", "522600"),
    ("admin", "admin", "522600"),
)


def is_loopback(host: str) -> bool:
    """Does this address take connections from this machine alone?

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def accounts(store: Store, folder: Path) -> list[dict[str, str]]:
    """[{user, password, role, unit}], after making what is missing in the store."""
    path = folder / FILE
    known = _known(path)
    out = []
    for name, role, unit in ACCOUNTS:
        password = known.get(name) or secrets.token_urlsafe(9)
        out.append({"user": name, "password": password, "role": role, "unit": unit})
        user = users.get(store, name)
        if user is not None and not user.demo:  # somebody's real account has this name: leave it alone
            out.pop()
        elif user is None or (user.role, user.unit) != (role, unit) or not users.verify(user, password):
            users.put(store, name, password, role, unit, demo=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(out, file, indent=1)
        path.chmod(0o600)
    except OSError as error:
        raise explain(error) from None
    return out


def _known(path: Path) -> dict[str, str]:
    try:
        rows: list[Any] = json.loads(path.read_text())
        return {str(r["user"]): str(r["password"]) for r in rows if len(str(r["password"])) >= users.MIN_PASSWORD}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
