"""Who changes the registry from the command line: the user of this machine."""

from __future__ import annotations

import getpass


def operator() -> str:
    """`cli:<user name>`, `cli` where the system knows no name."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"
