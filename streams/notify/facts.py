"""The fields of templates, made from an alert and a notice. Pure."""

from __future__ import annotations

import datetime as dt

from geo.moments import BEIJING, epoch_ms
from streams.alert_parts import Text
from streams.notify.records import Seen

LEVEL = {
    "I": Text("红色一级", "I RED"),
    "II": Text("橙色二级", "II ORANGE"),
    "III": Text("黄色三级", "III YELLOW"),
    "IV": Text("蓝色四级", "IV BLUE"),
}
PREFIX = {"actual": "", "exercise": "【演练】", "test": "【测试】"}
LATE = Text("迟发：", "LATE ")
LATE_MS = 120_000

# Longest text of each field in a short message; place and title take what is left, and at least so much
LONGEST = {"level": 10, "value": 12, "ack": 10, "reply": 10, "count": 5, "since": 5, "place": 3, "title": 4}
ELASTIC = ("place", "title")  # shortened in this order
FIELDS = (*LONGEST, "reason", "alert", "role")


def clock(ms: int) -> str:
    """Hours and minutes, UTC+8.

    >>> clock(1763884800000)
    '16:00'
    """
    return f"{dt.datetime.fromtimestamp(ms / 1000, BEIJING):%H:%M}"


def clip(text: str, longest: int) -> str:
    """
    >>> clip("凯里市洗马河街道", 5), clip("凯里市", 5)
    ('凯里市洗…', '凯里市')
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"


def value_of(alert: Seen) -> str:
    """Measured value with its unit, at most 12 characters.

    >>> from streams.notify.records import Evidence, Unit
    >>> value_of(Seen("a", 1, "I", Unit("522601"), evidence=Evidence(52.04, "%LEL")))
    '52%LEL'
    """
    e = alert.evidence
    if e.value is None:
        return ""
    number = f"{e.value:.3g}" if 0.001 <= abs(e.value) < 1000 or e.value == 0 else f"{e.value:.4g}"
    return f"{number}{e.unit[: LONGEST['value'] - len(number)]}"


def fields(
    alert: Seen, *, place: Text, role: str, due_ms: int | None, code: str, count: int, lang: str
) -> dict[str, str]:
    """Each field's text in one language. Without a due time or a code, `ack` and `reply` are ""."""
    zh = lang == "zh"
    ack = "" if due_ms is None else f"请于{clock(due_ms)}前签收" if zh else f"ack {clock(due_ms)}"
    reply = "" if not code else f"回复{code}" if zh else f"reply {code}"
    try:
        since = clock(epoch_ms(alert.first_seen))
    except ValueError:
        since = ""
    return {
        "level": getattr(LEVEL.get(alert.severity, Text(alert.severity, alert.severity)), lang),
        "place": getattr(place, lang),
        "title": getattr(alert.title, lang) or alert.kind,
        "value": value_of(alert),
        "ack": ack,
        "reply": reply,
        "count": str(min(count, 99_999)),
        "since": since,
        "reason": getattr(alert.reason, lang),
        "alert": alert.id,
        "role": role,
    }
