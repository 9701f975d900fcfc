"""Draw the console's icons as PNG from its SVG, in Chromium: `python docs/draw_icons.py`; see docs/console.md."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

PUBLIC = Path(__file__).resolve().parents[1] / "api" / "console" / "public"
GROUND = "#12324a"  # of icon.svg
# name, pixels, share of the side that the drawing takes: a maskable icon is cut to a circle of 80 %
ICONS = (("icon-192.png", 192, 1.0), ("icon-512.png", 512, 1.0), ("icon-maskable-512.png", 512, 0.72))


def main() -> None:
    svg = (PUBLIC / "icon.svg").read_text("utf-8")
    path = os.environ.get("CITYOPS_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, side, share in ICONS:
            page = browser.new_page(viewport={"width": side, "height": side})
            whole = f"background: {GROUND}" if share < 1 else ""
            inner = f"width: {share * side}px; margin: {(1 - share) / 2 * side}px"
            page.set_content(f"<body style='margin: 0; {whole}'><div style='{inner}'>{svg}</div></body>")
            page.screenshot(path=PUBLIC / name, omit_background=share == 1)
        browser.close()


if __name__ == "__main__":
    main()
