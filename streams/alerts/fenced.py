"""What the fences around a detection do to its alert: steps of severity, and for how long nobody is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from geo.effects import combined
from streams.alerts.severity import Rule, decide
from streams.events import SENSOR, SEVERITIES, Alert, Detection, Suppression, Text

BY_FENCE = "BY_FENCE"
GIVEN = Text("人工定级", "severity given by the person who reported it")


def severity(d: Detection, rules: Sequence[Rule], people: int = 0) -> tuple[str, Text]:
    """(severity, why) by the matrix, with the fences' kinds as tags of the place, then the fences' steps.

    `people`: touched by the alert; those of the fences count where they are more.

    Statistics of one sensor stay at most III, whatever a fence asks; a hard limit is never lowered. What a person
    gave stays as it is: a person is grounds for I and II.
    """
    if d.source != SENSOR and d.severity in SEVERITIES:
        return d.severity, GIVEN
    base, why = decide(d, rules, {m.kind for m in d.fences}, max(people, sum(m.people for m in d.fences)))
    if not d.fences:
        return base, why
    moved, zh, en = combined(base, d.fences, grounded=d.hard or d.witnesses >= 2, hard=d.hard)
    return moved, Text("；".join((why.zh, *zh)), "; ".join((why.en, *en)))


def suppressions(alert: Alert | None, d: Detection) -> tuple[Suppression, ...]:
    """Those of other causes as they were, and one for each fence that suppresses this alert now.

    Once a hard limit was crossed, only what a fence says of the hard limit counts until the episode ends; it is over
    when that fence is. A fence keeps no incident quiet.
    """
    kept = () if alert is None else alert.suppressions
    if alert is not None and alert.members:
        return kept  # it stands for others, which may be elsewhere
    if d.source != SENSOR:  # somebody waits for an answer
        return kept
    if alert is not None and alert.hard and not d.hard:
        still = {m.fence for m in d.fences if m.suppress}
        return tuple(s for s in kept if s.kind != BY_FENCE or s.by in still)
    own = tuple(
        Suppression(
            kind=BY_FENCE,
            by=m.fence,
            why=Text(f"{m.name_zh}期间不通知", f"not told during {m.name_en or m.name_zh}"),
            until_ms=m.until_ms,
        )
        for m in d.fences
        if m.suppress
    )
    return (*(s for s in kept if s.kind != BY_FENCE), *own)
