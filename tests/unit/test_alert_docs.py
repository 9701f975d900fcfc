"""docs/alerts-table.md and the drill in docs/alerts.md are what the code makes; pictures are not compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.alert_states import VARIANTS, Arrow, Cell, matrix, reached
from docs.draw_alerts import table_page, with_drill
from streams.alerts.table import COMMANDS, HANDLING, TABLE

DOCS = Path(__file__).resolve().parents[2] / "docs"
STALE = "is stale: run `python docs/draw_alerts.py`"


def test_the_table_is_current() -> None:
    page = (DOCS / "alerts-table.md").read_text("utf-8")
    assert page == table_page(), f"docs/alerts-table.md {STALE}"
    for row in TABLE.values():
        assert page.count(f"\n| {row.name} | ") == 1, row.name


def test_the_drill_is_current() -> None:
    page = (DOCS / "alerts.md").read_text("utf-8")
    assert page == with_drill(page), f"docs/alerts.md {STALE}"
    assert page.count("CLOSE-1") >= 2, "both languages"


def test_the_page_names_pictures_that_are_there() -> None:
    page = (DOCS / "alerts.md").read_text("utf-8")
    for name in ("alert-lifecycle.png", "escalation.png"):
        assert f"(img/{name})" in page
        assert (DOCS / "img" / name).stat().st_size > 10_000


@pytest.mark.parametrize("severity", VARIANTS)
def test_every_stage_is_reached_and_closed_is_left_by_reopen_alone(severity: str) -> None:
    alerts, arrows = reached(severity)
    assert {a.handling for a in alerts} == set(HANDLING)
    assert {a.by for a in arrows if a.before == "CLOSED"} == {"reopen"}
    assert Arrow("DISPOSED", "VERIFIED", "verify") in arrows
    assert (Arrow("NEW", "CLOSED", "24 h") in arrows) == (severity in ("III", "IV"))


def test_cells_say_what_the_engine_does() -> None:
    cells, least = matrix()
    assert len(cells) == len(COMMANDS) * len(HANDLING)
    assert cells["verify", "NEW"] == Cell(False, ("VERIFY-2",))
    assert cells["verify", "DISPOSED"] == Cell(True, ("VERIFY-3",))
    assert cells["ack", "CLOSED"] == Cell(False, ("ANY-6",))
    assert least["verify", "I"] == "prefecture"
    assert least["shelve", "II"] == "county"
    assert least["take_over", "III"] == "county"
