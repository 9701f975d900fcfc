"""Arrays of an algorithm's state as bytes, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def pack(of: Any, names: Sequence[str]) -> dict[str, bytes]:
    """The named arrays of an object."""
    return {name: getattr(of, name).tobytes() for name in names}


def unpack(of: Any, names: Sequence[str], dumped: dict[str, Any]) -> None:
    """Take over the named arrays; shapes and types stay.

    Raises:
        ValueError: an array is missing or of another size.
    """
    for name in names:
        old = getattr(of, name)
        raw = dumped.get(name, b"")
        if len(raw) != old.nbytes:
            raise ValueError(f"traffic: state {name} has {len(raw)} bytes, want {old.nbytes}")
        setattr(of, name, np.frombuffer(raw, old.dtype).reshape(old.shape).copy())
