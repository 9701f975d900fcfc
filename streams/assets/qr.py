"""QR labels for the field: the unified code, with what a person reads printed below. Pure.

The content is the code alone, in the alphanumeric mode of ISO/IEC 18004, so that the label stays small and says nothing
that could change. Error correction level Q: a quarter of it may be scratched.
"""

from __future__ import annotations

from html import escape

import segno

from geo.assets import Asset, Sensor
from geo.codes import code_of, label

QUIET = 4  # modules of white around, as the standard wants
LINE = 3.2  # height of a line of text, in modules


def lines(record: Asset | Sensor) -> list[str]:
    """What is printed below: name, the province's code where there is one, and ours."""
    name = record.name_zh or record.name_en
    return [*([name] if name else []), *label(record.id, ((c.system, c.value) for c in record.codes))]


def svg(record: Asset | Sensor, module_mm: float = 0.8) -> str:
    """One label as an SVG document, its size in millimetres."""
    code = segno.make(code_of(record.id), error="q", micro=False, boost_error=False)
    dark = [list(row) for row in code.matrix]
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
    """The QR code alone as PNG, one module `scale` pixels; a text below needs fonts, which SVG has."""
    import io

    out = io.BytesIO()
    code = segno.make(code_of(record.id), error="q", micro=False, boost_error=False)
    code.save(out, kind="png", scale=scale, border=QUIET)
    return out.getvalue()


def _fitted(text: str, size: int) -> str:
    """A long line is squeezed into the label; a CJK character is about as wide as high, others about half."""
    wide = sum(2.4 if ord(c) > 0x2E80 else 1.4 for c in text)
    return f' textLength="{size - 2}" lengthAdjust="spacingAndGlyphs"' if wide > size - 2 else ""
