"""Draws docs/img/alert-lifecycle.png and docs/img/escalation.png and writes docs/alerts-table.md, from the code.

    .venv/bin/python docs/draw_alerts.py [--texts]

The pictures show what the engine's functions did when they were run, not what somebody believes that they do.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from docs.alert_states import matrix
from streams.alerts.params import PARAMS, REASONED
from streams.alerts.table import HANDLING, ROLES, TABLE
from streams.events import SEVERITIES

ROOT = Path(__file__).resolve().parent.parent
DRILL = "<!-- drill: begin -->", "<!-- drill: end -->"
ROLE_ORDER = ("officer", "commander", "engineer", "admin")
HEAD = """# The whole table of an alert

Made by `docs/draw_alerts.py` from `streams/alerts/table.py` and by running the engine; a test fails where it is stale.
What the words mean: [alerts.md](alerts.md).

## Command × state of handling

Each cell says what a command met when it was sent in every state that commands, a clear and time can lead to, for
severities I to IV, by a commander of the responsible level and by one of the prefecture: ✓ it may be done; a row's
name: in some of these states that row refused it. Every command may be refused besides by ANY-1 to ANY-5 and ANY-7. The
least level is that of the sender's unit, for I, II, III and IV; `organisation` is the owner of the asset; –: never
(`recheck` is for gas alone).

"""


def table_page() -> str:
    """docs/alerts-table.md."""
    cells, least = matrix()
    titles = ("command", *HANDLING, "roles", "least level I, II, III, IV", "needs")
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for c in ROLES:
        shown = [" ".join([*(["✓"] if cells[c, h].done else []), *cells[c, h].rows]) for h in HANDLING]
        levels = [least.get((c, s), "–") for s in SEVERITIES]
        needs = [p.name if p.required else f"[{p.name}]" for p in PARAMS.get(c, ())]
        needs += ["comment"] if c in REASONED else []
        level = levels[0] if len(set(levels)) == 1 else ", ".join(levels)
        roles = " ".join(r for r in ROLE_ORDER if r in ROLES[c])
        lines.append(f"| {c} | {' | '.join(shown)} | {roles} | {level} | {', '.join(needs)} |")
    lines += ["", "## Every row", "", "What an event makes, or the HTTP status and the sentence of a refusal.", ""]
    lines += ["| row | event | state | makes, or is refused with |", "|---|---|---|---|"]
    for r in TABLE.values():
        what = f"{r.refused} {r.zh} / {r.en}" if r.refused else r.makes
        lines.append(f"| {r.name} | {r.event} | {r.state} | {what} |")
    return HEAD + "\n".join(lines) + "\n"


def with_drill(page: str) -> str:
    """docs/alerts.md with the drill's real output between its marks."""
    before, _, rest = page.partition(DRILL[0])
    after = rest.partition(DRILL[1])[2]
    shown = {lang: (ROOT / "tests" / "golden" / f"drill_burst.{lang}.txt").read_text("utf-8") for lang in ("zh", "en")}
    blocks = "\n\n".join(
        f"```console\n$ cityops drill burst --lang {lang}\n{text.strip()}\n```" for lang, text in shown.items()
    )
    return f"{before}{DRILL[0]}\n{blocks}\n{DRILL[1]}{after}"


def main() -> None:
    (ROOT / "docs" / "alerts-table.md").write_text(table_page(), "utf-8")
    page = ROOT / "docs" / "alerts.md"
    page.write_text(with_drill(page.read_text("utf-8")), "utf-8")
    if "--texts" not in sys.argv[1:]:
        from docs.alert_pictures import escalation, lifecycle

        lifecycle(ROOT / "docs" / "img" / "alert-lifecycle.png")
        escalation(ROOT / "docs" / "img" / "escalation.png")


if __name__ == "__main__":
    main()
