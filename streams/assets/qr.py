"""QR labels for the field: the unified code, with what a person reads printed below. Pure.

The content is the code alone, in the alphanumeric mode of ISO/IEC 18004, so that the label stays small and says nothing
that could change. Error correction level Q: a quarter of it may be scratched.
"""

from __future__ import annotations

import struct
import zlib
from html import escape

import numpy as np
import segno
from numpy.typing import NDArray

from geo.assets import Asset, Sensor
from geo.codes import code_of, label
from streams.assets import lettering

QUIET = 4  # modules of white around, as the standard wants
LINE = 3.2  # height of a line of text, in modules


def lines(record: Asset | Sensor) -> list[str]:
    """What is printed below: name, the province's code where there is one, and ours."""
    name = record.name_zh or record.name_en
    return [*([name] if name else []), *label(record.id, ((c.system, c.value) for c in record.codes))]


def svg(record: Asset | Sensor, module_mm: float = 0.8) -> str:
    """One label as an SVG document, its size in millimetres."""
    dark = [list(row) for row in _symbol(record).matrix]
    size = len(dark) + 2 * QUIET
    texts = lines(record)
    height = size + LINE * len(texts) + 1
    path = "".join(f"M{x + QUIET} {y + QUIET}h1v1h-1z" for y, row in enumerate(dark) for x, on in enumerate(row) if on)
    words = "".join(
        f'<text x="{size / 2}" y="{size + LINE * (k + 0.6):.1f}"{_fitted(text, size)}>{escape(text)}</text>'
        for k, text in enumerate(texts)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size * module_mm:.1f}mm" height="{height * module_mm:.1f}mm" '
        f'viewBox="0 0 {size} {height:.1f}"><title>{escape(code_of(record.id))}</title>'
        f'<rect width="{size}" height="{height:.1f}" fill="#fff"/><path d="{path}" fill="#000"/>'
        f'<g font-family="sans-serif" font-size="2.4" text-anchor="middle">{words}</g></svg>\n'
    )


def png(record: Asset | Sensor, scale: int = 8) -> bytes:
    """One label as PNG, a module `scale` pixels. Below are the codes that have only capitals, digits and hyphens."""
    symbol = np.pad(np.array([list(row) for row in _symbol(record).matrix], np.bool_), QUIET)
    parts = [np.kron(symbol, np.ones((scale, scale), np.bool_))]
    width = parts[0].shape[1]
    for text in lines(record):
        if not lettering.writable(text):
            continue
        line = lettering.drawn(text)
        size = max(1, min(scale // 4, width // line.shape[1]))
        parts.append(np.pad(np.kron(line, np.ones((size, size), np.bool_)), ((0, scale), (0, 0))))
    width = max(part.shape[1] for part in parts)
    return _png(np.vstack([_centred(part, width) for part in parts]))


def _symbol(record: Asset | Sensor) -> segno.QRCode:
    return segno.make(code_of(record.id), error="q", micro=False, boost_error=False)


def _centred(part: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    left = (width - part.shape[1]) // 2
    return np.pad(part, ((0, 0), (left, width - part.shape[1] - left)))


def _png(dark: NDArray[np.bool_]) -> bytes:
    """A picture bool[h, w] as PNG of one bit a pixel, true is black (ISO/IEC 15948)."""
    height, width = dark.shape
    rows = np.packbits(~dark, axis=1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows), 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    )


def _fitted(text: str, size: int) -> str:
    """A long line is squeezed into the label; a CJK character is about as wide as high, others about half."""
    wide = sum(2.4 if ord(c) > 0x2E80 else 1.4 for c in text)
    return f' textLength="{size - 2}" lengthAdjust="spacingAndGlyphs"' if wide > size - 2 else ""
