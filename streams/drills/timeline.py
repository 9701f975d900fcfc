"""The timeline of a drill: what each record of `alerts` says happened, and whom it told. Pure: public JSON in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from geo.moments import BEIJING, epoch_ms
from geo.units import LEVEL_NAMES_ZH
from streams.alerts.desk import level_of
from streams.duty.book import room_id
from streams.events import Text

SEVERITY = {
    "I": Text("一级红", "I red"), "II": Text("二级橙", "II orange"), "III": Text("三级黄", "III yellow"),
    "IV": Text("四级蓝", "IV blue"),
}  # fmt: skip
ROLE = {
    "duty": Text("值班员", "duty officer"), "lead": Text("带班领导", "lead"), "room": Text("值班室", "duty room"),
    "main": Text("主班", "main"), "deputy": Text("副班", "deputy"), "standby": Text("备勤", "standby"),
}  # fmt: skip
CHANNEL = {
    "voice": Text("电话", "voice"), "sms": Text("短信", "SMS"), "chat": Text("即时消息", "chat"),
    "email": Text("邮件", "e-mail"), "webhook": Text("接口", "webhook"), "feed": Text("平台", "feed"),
}  # fmt: skip
WHY = {
    "raise": Text("报警", "alert"), "severity": Text("级别上升", "severity up"), "escalate": Text("升级", "escalation"),
    "remind": Text("再次通知", "again"), "urge": Text("催办", "urged"), "supervise": Text("督办", "supervised"),
    "clear": Text("恢复", "cleared"), "task": Text("任务", "task"), "inform": Text("知会", "informed"),
    "close": Text("结案", "closed"), "delegate": Text("下派", "delegated"), "take_over": Text("接管", "taken over"),
}  # fmt: skip
ACKS = ("ack", "ack_on_behalf", "take_over")
LEVEL = {"organisation": Text("权属单位", "organisation")} | {k: Text(v, k) for k, v in LEVEL_NAMES_ZH.items()}


class Told(NamedTuple):
    """One notice: a place's role, the people in it, how, and until when they have to acknowledge (epoch ms)."""

    level: str
    place: str
    role: str
    people: tuple[str, ...]
    channel: str
    why: str
    due_ms: int | None


class Line(NamedTuple):
    """One transition."""

    at_ms: int
    severity: str
    trigger: str
    row: str
    by: str
    reason: Text
    handling: str
    label: str
    told: tuple[Told, ...]
    acked: str  # level that acknowledged with it, "" none


def line(record: Mapping[str, Any]) -> Line:
    """Of one record of `alerts`."""
    alert, t = record["alert"], record["transition"]
    return Line(
        at_ms=epoch_ms(t["at"]), severity=alert["severity"], trigger=t["trigger"], row=t["row"], by=t["by"],
        reason=Text(t["reason"]["zh"], t["reason"]["en"]), handling=alert["handling"], label=alert["label"],
        told=tuple(_told(n) for n in t["tell"]),
        acked=next((k["level"] for k in alert["acks"] if t["command"] in ACKS and k["at"] == t["at"]), ""),
    )  # fmt: skip


def _told(n: Mapping[str, Any]) -> Told:
    due = epoch_ms(n["due"]) if n["due"] else None
    return Told(level_of(n["place"]), n["place"], n["role"], tuple(n["people"]), n["channels"][0], n["why"], due)


def rendered(x: Line, start_ms: int, names: Mapping[str, str], lang: str) -> str:
    """A line a transition, then a line for those told alike."""
    reason = getattr(x.reason, lang)
    if x.by in names:
        reason = reason.replace(*((x.by, names[x.by]) if lang == "zh" else (f"by {x.by}", f"by {names[x.by]}")), 1)
    head = (
        f"{clock(x.at_ms)}  +{span(x.at_ms - start_ms)}  {getattr(SEVERITY[x.severity], lang)}  {x.row:<12} "
        f"{x.handling:<10} {x.label:<6} {reason}"
    )
    alike: dict[tuple[str, str, int | None], list[Told]] = {}
    for t in x.told:
        alike.setdefault((t.why, t.channel, t.due_ms), []).append(t)
    return "\n".join([head, *(" " * 22 + _said(group, names, lang) for group in alike.values())])


def _said(alike: Sequence[Told], names: Mapping[str, str], lang: str) -> str:
    first, zh = alike[0], lang == "zh"
    why, way = (getattr(table.get(k, Text(k, k)), lang) for table, k in ((WHY, first.why), (CHANNEL, first.channel)))
    who = ("；" if zh else "; ").join(_who(t, names, lang) for t in alike)
    if zh:
        until = f"，{clock(first.due_ms)} 前签收" if first.due_ms else ""
        return f"→ {why}（{way}{until}）：{who}"
    until = f", acknowledge by {clock(first.due_ms)}" if first.due_ms else ""
    return f"→ {why} ({way}{until}): {who}"


def _who(t: Told, names: Mapping[str, str], lang: str) -> str:
    level, role = (getattr(table.get(k, Text(k, k)), lang) for table, k in ((LEVEL, t.level), (ROLE, t.role)))
    people = [names.get(p, p) for p in t.people if not p.startswith(room_id(""))]
    return " ".join([level, role, ("、" if lang == "zh" else ", ").join(people)]).strip()


def clock(ms: int) -> str:
    """Local time of day."""
    return f"{dt.datetime.fromtimestamp(ms / 1000, BEIJING):%H:%M:%S}"


def span(ms: int) -> str:
    """h:mm:ss.

    >>> span(3_725_000)
    '1:02:05'
    """
    s = ms // 1000
    return f"{s // 3600}:{s // 60 % 60:02d}:{s % 60:02d}"
