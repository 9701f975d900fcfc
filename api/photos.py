"""Photos of alerts as files, named after their content: `<folder>/attachments/ab/<sha256>.jpg`.

A photo that comes twice is kept once. What a file is, its first bytes say: a name or a header is never believed.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from streams.errors import CityopsError

MEGABYTE = 1024 * 1024
REF = re.compile(r"sha256:([0-9a-f]{64})\.(jpg|png|webp)")
MEDIA = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


class Photo(NamedTuple):
    """A file that is there, and what it is served as."""

    path: Path
    media: str


def kind_of(data: bytes) -> str | None:
    """jpg, png or webp by the first bytes; None for anything else.

    >>> kind_of(b"\\x89PNG\\r\\n\\x1a\\n...."), kind_of(b"<svg onload=...>")
    ('png', None)
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return None


class Photos:
    """The photos under one data folder; several API processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "attachments"

    def ref_of(self, data: bytes) -> str | None:
        """The reference that an alert keeps, `sha256:<hex>.<kind>`; None where it is no photo."""
        kind = kind_of(data)
        return kind and f"sha256:{hashlib.sha256(data).hexdigest()}.{kind}"

    def keep(self, ref: str, data: bytes) -> bool:
        """Write a photo, whole or not at all; False where it was there. Raises CityopsError."""
        path = self._path(ref)
        if path.is_file():
            return False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(file.name, path)
        except OSError as error:
            raise CityopsError(f"{path.parent}: the photo cannot be kept ({error.strerror}); free some space") from None
        return True

    def drop(self, ref: str) -> None:
        """Forget a photo that no alert took."""
        self._path(ref).unlink(missing_ok=True)

    def find(self, ref: str) -> Photo | None:
        """The file of a reference; None where it is none of ours, or gone."""
        if not REF.fullmatch(ref):
            return None
        path = self._path(ref)
        return Photo(path, MEDIA[path.suffix[1:]]) if path.is_file() else None

    def _path(self, ref: str) -> Path:
        found = REF.fullmatch(ref)
        assert found, ref
        return self._folder / found[1][:2] / f"{found[1]}.{found[2]}"
