"""Labels: the code in the symbol, name and codes below."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import segno

from geo.assets import Asset, Code
from geo.codes import code_of
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


def test_png() -> None:
    assert png(VALVE)[:8] == b"\x89PNG\r\n\x1a\n"
