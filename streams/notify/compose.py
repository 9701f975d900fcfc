"""The text of a message: of one notice, of a group alert, or of several notices in one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from streams.alert_parts import Text
from streams.events import SEVERITIES
from streams.notify import facts, templates
from streams.notify.plan import Row
from streams.notify.records import Seen
from streams.notify.states import CALLS, ROLLCALL

LISTED = 20  # lines of a digest
PlaceOf = Callable[[str], Text]


class Composed(Struct, frozen=True):
    """What goes out. `alerts`: ids, the worst first."""

    subject: str
    text: str
    severity: str
    mode: str
    alerts: tuple[str, ...]
    due_ms: int | None


def compose(
    rows: Sequence[Row], alerts: Sequence[Seen], known: templates.Templates, place_of: PlaceOf, lang: str, code: str,
    now_ms: int,
) -> Composed:  # fmt: skip
    """`rows[i]` is about `alerts[i]`; more than one are a digest. `code` "" where no answer is taken."""
    order = sorted(range(len(rows)), key=lambda i: (SEVERITIES.index(rows[i]["severity"]), rows[i]["at_ms"]))
    row, alert = rows[order[0]], alerts[order[0]]
    due = min((r["due_ms"] for r in rows if r["due_ms"] is not None), default=None)
    single = len(rows) == 1
    count = len(alert.members) if single else len(rows)
    why = row["why"] if single else "digest"
    if single and alert.members and why in CALLS:
        why = "group"
    place = place_of(row["place"] if why == ROLLCALL and not row["place"].startswith("org:") else alert.unit.code)
    fields = facts.fields(alert, place=place, role=row["role"], due_ms=due, code=code, count=count, lang=lang)
    if not single:
        fields["reason"] = "\n".join(_line(alerts[i], place_of, lang) for i in order[:LISTED])
        if len(rows) > LISTED:
            fields["reason"] += f"\n… +{len(rows) - LISTED}"
    late = any(now_ms - r["at_ms"] > facts.LATE_MS for r in rows)
    head = templates.head(row["mode"], late, lang)
    subject = f"{templates.head(row['mode'], False, lang)}{fields['level']} {fields['place']} {fields['title']}"
    text = templates.render(known, why, row["channel"], lang, fields, head)
    ids = tuple(dict.fromkeys(alerts[i].id for i in order))
    return Composed(subject, text, row["severity"], row["mode"], ids, due)


def _line(alert: Seen, place_of: PlaceOf, lang: str) -> str:
    level, place, title = facts.LEVEL[alert.severity], place_of(alert.unit.code), alert.title
    return f"· {getattr(level, lang)} {getattr(place, lang)} {getattr(title, lang)} {facts.value_of(alert)}".rstrip()
