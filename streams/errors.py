"""Errors a person can act on: one sentence naming the thing, the place and the fix."""

from __future__ import annotations

import errno


class CityopsError(Exception):
    """Something a person can mend; the text is one sentence that says what, where and how.

    `exit_code` is what a command ends with: 1 failed while running, 2 bad input or usage.
    """

    exit_code = 1

    def __init__(self, message: str, *, exit_code: int | None = None) -> None:
        super().__init__(message)
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(CityopsError):
    """Bad input: an option, a setting, a file, a busy port that was asked for. Ends with 2."""

    exit_code = 2


_FIXES = {
    errno.ENOSPC: "the disk is full; free some space or name another folder with --data or CITYOPS_CACHE",
    errno.EROFS: "the file system is read-only; name another folder with --data or CITYOPS_CACHE",
    errno.EACCES: "permission denied; make it writable or name another folder with --data or CITYOPS_CACHE",
    errno.EPERM: "permission denied; make it writable or name another folder with --data or CITYOPS_CACHE",
    errno.EADDRINUSE: "the address is in use; stop the program that has it or name another port with --port",
    errno.ENOTDIR: "a part of the path is a file, not a folder; name another folder",
    errno.EISDIR: "it is a folder, not a file; name a file",
    errno.EEXIST: "it exists already and is not what is wanted there; remove it or name another",
    errno.ENOENT: "no such file or folder; check the name",
}


def explain(error: OSError) -> CityopsError:
    """The one sentence for an error of the operating system.

    >>> str(explain(OSError(28, "No space left on device", "/var/kafka")))
    '/var/kafka: the disk is full; free some space or name another folder with --data or CITYOPS_CACHE'
    """
    text = _FIXES.get(error.errno or 0, error.strerror or str(error) or type(error).__name__)
    name = f"{error.filename}: " if error.filename else ""
    return UsageError(f"{name}{text}")
