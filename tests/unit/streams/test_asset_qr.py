"""Labels: the code in the symbol, name and codes below."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import segno
from PIL import Image

from geo.assets import Asset, Code
from geo.codes import code_of
from streams.assets.lettering import GLYPHS, drawn, writable
from streams.assets.qr import QUIET, lines, png, svg

VALVE = Asset(
    id="522601-W-VLV-000123", domain="water", kind="valve", unit_code="522601", name_zh="一号<阀>",
    codes=(Code("scada", "V7"), Code("guizhou", "GZ-0001")),
)  # fmt: skip


def test_an_svg_label_holds_the_symbol_and_the_words() -> None:
    assert lines(VALVE) == ["一号<阀>", "GZ-0001", "522601-W-VLV-000123-J"]
    root = ElementTree.fromstring(svg(VALVE))
    space = {"s": "http://www.w3.org/2000/svg"}
    assert [t.text for t in root.findall(".//s:text", space)] == lines(VALVE)
    drawn = {tuple(map(int, p.split("h")[0].split())) for p in root.find("s:path", space).get("d").split("M")[1:]}  # type: ignore[union-attr]
    symbol = segno.make(code_of(VALVE.id), error="q", micro=False, boost_error=False)
    assert symbol.version == 2
    assert drawn == {(x + QUIET, y + QUIET) for y, row in enumerate(symbol.matrix) for x, on in enumerate(row) if on}


def test_a_png_label_holds_the_symbol_and_the_codes() -> None:
    image = Image.open(io.BytesIO(png(VALVE, 8)))
    image.load()
    dark = np.asarray(image.convert("L")) == 0
    symbol = segno.make(code_of(VALVE.id), error="q", micro=False, boost_error=False)
    side = 8 * (25 + 2 * QUIET)
    assert dark.shape[1] == side
    modules = dark[4:side:8, 4:side:8]  # the middle of each module
    assert (modules[QUIET:-QUIET, QUIET:-QUIET] == np.array([list(r) for r in symbol.matrix], bool)).all()
    below = dark[side:]
    for text in ("GZ-0001", code_of(VALVE.id)):
        line = drawn(text)
        wanted = np.kron(line, np.ones((2, 2), bool))
        left = (side - wanted.shape[1]) // 2
        assert (below[: wanted.shape[0], left : left + wanted.shape[1]] == wanted).all()
        below = below[wanted.shape[0] + 8 :]
    assert below.size == 0  # the name has letters that only a font has


def test_every_character_of_a_code_can_be_drawn() -> None:
    assert writable("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-")
    assert len({GLYPHS[c] for c in GLYPHS}) == 37
    assert not writable("阀")
