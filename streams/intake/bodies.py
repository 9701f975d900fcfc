"""Bodies of the HTTP intake: which form they have, and their rows as columns with a reason for each refused one."""

from __future__ import annotations

import numpy as np

from streams import codec
from streams.codec import CodecError, Decoded, Reject
from streams.columns import EMPTY
from streams.intake import line_protocol

JSON, PACKED, LINES = "json", "packed", "lines"
FORMS = {
    "application/json": JSON,
    "text/json": JSON,
    "application/x-ndjson": JSON,
    "application/ndjson": JSON,
    "application/jsonl": JSON,
    "application/msgpack": PACKED,
    "application/x-msgpack": PACKED,
    "application/vnd.msgpack": PACKED,
    "application/vnd.influx.line-protocol": LINES,
    "application/x-influx-line-protocol": LINES,
}
# what programs send when nobody says what it is: the first byte decides
UNNAMED = frozenset({"", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded", "*/*"})
_BOM = b"\xef\xbb\xbf"


class UnknownFormError(ValueError):
    """The Content-Type is none that is read here; the text says which are."""


def form_of(content_type: str) -> str:
    """JSON, PACKED, LINES, or "" where the bytes must tell; raises UnknownFormError.

    >>> form_of("application/json; charset=utf-8"), form_of("text/plain")
    ('json', '')
    """
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    charset = next((p.split("=")[1].strip(" \"'") for p in parameters.lower().split(";") if "charset=" in p), "utf-8")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnknownFormError(f"Content-Type: charset {charset[:32]!r} is not read; send UTF-8")
    if kind in UNNAMED:
        return ""
    if kind in FORMS:
        return FORMS[kind]
    raise UnknownFormError(
        f"Content-Type {kind[:64]!r} is not read; send application/json, application/x-ndjson, application/msgpack "
        "or text/plain (line protocol)"
    )


def sniffed(body: bytes) -> str:
    """The form that the first byte tells: a msgpack map, JSON, else line protocol."""
    if 0x80 <= body[0] <= 0x8F or body[0] in (0xDE, 0xDF):
        return PACKED
    return JSON if body[:64].lstrip()[:1] in (b"{", b"[") else LINES


def decode(body: bytes, form: str, now_ms: int, precision: str = "ns") -> Decoded:
    """Rows of a body that is not blank. `row` and the rejects' rows count from 0: items, lines, or packed rows."""
    if body[:3] == _BOM:
        body = body[3:]
    form = form or sniffed(body)
    if form == LINES:
        return _lines(body, now_ms, precision)
    found = sniffed(body)
    if form == PACKED and found != PACKED:
        return _refused("the body is not a packed message (a msgpack map)")
    if form == JSON and found == PACKED:
        return _refused("the body is msgpack, not JSON: send it as application/msgpack")
    return codec.decode([body])


def _lines(body: bytes, now_ms: int, precision: str) -> Decoded:
    if len(body) > codec.MAX_MESSAGE_BYTES:
        return _refused(f"message of {len(body):,} bytes; at most {codec.MAX_MESSAGE_BYTES:,} are taken")
    try:
        cols, rows, bad = line_protocol.parse(body, now_ms, precision)
    except CodecError as error:
        return _refused(str(error))
    return Decoded(cols, np.zeros(len(cols), np.int32), rows, [Reject(0, tuple(r), why) for why, r in bad.items()])


def _refused(reason: str) -> Decoded:
    none = np.empty(0, np.int32)
    return Decoded(EMPTY, none, none, [Reject(0, (), reason)])
