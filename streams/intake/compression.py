"""Content-Encoding of HTTP bodies, opened with a bound on what comes out: a small body cannot fill the memory."""

from __future__ import annotations

import zlib

ENCODINGS = ("gzip", "zstd")
MAX_MEMBERS = 1_000
MAX_WINDOW = 8 * 1024 * 1024  # what RFC 8878 (3.1.1.1.2) wants every decoder to take
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_BLOCK = 128 * 1024


class BadStreamError(ValueError):
    """The compressed stream cannot be opened; the text says why."""


class TooLargeError(ValueError):
    """More would come out than is taken."""


def opened(body: bytes, encoding: str, limit: int) -> bytes:
    """The plain bytes of a gzip (RFC 1952, any number of members) or zstd (RFC 8878, any number of frames) body.

    Never makes more than `limit` bytes. Raises BadStreamError and TooLargeError.
    """
    return _gzip(body, limit) if encoding == "gzip" else _zstd(body, limit)


def _gzip(body: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(body, left + 1)
        except zlib.error as error:
            raise BadStreamError(f"the gzip stream is damaged ({str(error).split(':')[-1].strip()})") from None
        left -= len(part)
        if left < 0:
            raise TooLargeError
        if not member.eof:
            raise BadStreamError("the gzip stream ends too early")
        parts.append(part)
        body = member.unused_data.lstrip(b"\0")  # gzip(1) lets zeros follow a member
        if not body:
            return b"".join(parts)
    raise BadStreamError(f"the gzip stream has more than {MAX_MEMBERS} members")


def _zstd(body: bytes, limit: int) -> bytes:
    """The reader of the headers gives the bound; only then anything is opened."""
    import cramjam

    out = bytearray(_zstd_bound(body, limit))
    try:
        size = cramjam.zstd.decompress_into(body, out) if out else 0
    except cramjam.DecompressionError as error:
        if "write whole buffer" in str(error):
            raise TooLargeError from None
        raise BadStreamError(f"the zstd stream is damaged ({error})") from None
    return bytes(memoryview(out)[:size])


def _zstd_bound(body: bytes, limit: int) -> int:
    """At most so many bytes come out, never more than `limit`; walks the frames' headers (RFC 8878, 3.1.1)."""
    at = total = members = 0
    try:
        while at < len(body):
            members += 1
            if members > MAX_MEMBERS:
                raise BadStreamError(f"the zstd stream has more than {MAX_MEMBERS} frames")
            if 0x184D2A50 <= int.from_bytes(body[at : at + 4], "little") <= 0x184D2A5F:  # a skippable frame
                at += 8 + int.from_bytes(body[at + 4 : at + 8], "little")
                continue
            if body[at : at + 4] != _ZSTD_MAGIC:
                raise BadStreamError(
                    "the body is not zstd" if members == 1 else "bytes that are no zstd follow a frame"
                )
            at, size, checksum = _frame_header(body, at + 4)
            most = 0
            last = False
            while not last:
                head = int.from_bytes(body[at : at + 3], "little")
                last, kind, length = bool(head & 1), head >> 1 & 3, head >> 3
                most += length if kind < 2 else _BLOCK
                at += 3 + (1 if kind == 1 else length)
                if at > len(body):
                    raise BadStreamError("the zstd stream ends too early")
            at += 4 if checksum else 0
            if at > len(body):
                raise BadStreamError("the zstd stream ends too early")
            if (size or 0) > limit - total:
                raise TooLargeError
            total += min(most, size) if size is not None else most
    except IndexError:
        raise BadStreamError("the zstd stream ends too early") from None
    return min(total, limit)


def _frame_header(body: bytes, at: int) -> tuple[int, int | None, bool]:
    """(where the blocks begin, content size where it is told, is there a checksum)."""
    descriptor = body[at]
    single, checksum = bool(descriptor & 32), bool(descriptor & 4)
    at += 1
    if not single:
        window = 1 << 10 + (body[at] >> 3)
        window += window // 8 * (body[at] & 7)
        at += 1
        if window > MAX_WINDOW:
            raise BadStreamError(f"the zstd stream wants a window of {window >> 20} MiB; at most 8 MiB are taken")
    at += (0, 1, 2, 4)[descriptor & 3]  # dictionary
    field = descriptor >> 6
    bytes_ = (1 if single else 0, 2, 4, 8)[field]
    if at + bytes_ >= len(body):
        raise IndexError
    size = int.from_bytes(body[at : at + bytes_], "little") + (256 if bytes_ == 2 else 0) if bytes_ else None
    return at + bytes_, size, checksum
