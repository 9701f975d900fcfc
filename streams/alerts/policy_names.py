"""Names that a policy in words uses: places, roles, channels, severities, steps; and its times. Chinese and English."""

from __future__ import annotations

from collections.abc import Iterable

from streams.alert_parts import Text
from streams.alerts.policy import Address

PLACES = {
    "village": Text("村（社区）", "village"),
    "township": Text("乡镇（街道）", "township"),
    "county": Text("县（市）", "county"),
    "prefecture": Text("州", "prefecture"),
    "organisation": Text("任一被通知方", "anybody told"),
    "owner_org": Text("权属单位", "owner"),
    "operator_org": Text("运营单位", "operator"),
    "regulator": Text("主管部门", "regulator"),
}
ROLES = {
    "duty": Text("值班员", "duty officer"),
    "room": Text("值班室", "duty room"),
    "lead": Text("带班领导", "duty lead"),
    "main": Text("主班", "main post"),
    "deputy": Text("副班", "deputy post"),
    "standby": Text("备勤", "standby"),
}
CHANNELS = {
    "voice": Text("电话", "voice"),
    "sms": Text("短信", "sms"),
    "chat": Text("即时消息", "chat"),
    "email": Text("邮件", "email"),
    "webhook": Text("接口推送", "webhook"),
    "feed": Text("平台", "feed"),
}
SEVERITIES = {
    "I": Text("I 红色", "I red"),
    "II": Text("II 橙色", "II orange"),
    "III": Text("III 黄色", "III yellow"),
    "IV": Text("IV 蓝色", "IV blue"),
}
CLASSES = {"hazard": Text("险情", "hazard"), "equipment": Text("设备故障", "equipment")}
DOMAINS = {
    "water": Text("供水", "water"),
    "gas": Text("燃气", "gas"),
    "pipeline": Text("管道", "pipeline"),
    "traffic": Text("交通", "traffic"),
}
HOURS = {"all": Text("全天", "day and night"), "day": Text("07:00–22:00", "day"), "night": Text("22:00–07:00", "night")}
RESPONSE = {
    "assess": Text("研判", "assess"),
    "dispatch": Text("派遣", "dispatch"),
    "on_site": Text("到场", "on site"),
    "dispose": Text("处置", "dispose"),
    "verify": Text("核查", "verify"),
    "report_verbal": Text("口头报告", "verbal report"),
    "report_written": Text("书面报告", "written report"),
}


def clock(seconds: int, working: bool = False) -> Text:
    """How long.

    >>> clock(90).en, clock(5400).en, clock(57600, working=True).zh, clock(7200).zh, clock(172800).en
    ('01:30', '1 h 30 min', '16 工作小时', '2 小时', '2 d')
    """
    if working:
        return Text(f"{seconds / 3600:g} 工作小时", f"{seconds / 3600:g} working h")
    if seconds < 3600:
        text = f"{seconds // 60:02d}:{seconds % 60:02d}"
        return Text(text, text)
    if seconds % 86_400 == 0:
        return Text(f"{seconds // 86_400} 天", f"{seconds // 86_400} d")
    h, m, s = seconds // 3600, seconds // 60 % 60, seconds % 60
    parts = [(n, zh, en) for n, zh, en in ((h, "小时", "h"), (m, "分", "min"), (s, "秒", "s")) if n]
    return Text(" ".join(f"{n} {zh}" for n, zh, _ in parts), " ".join(f"{n} {en}" for n, _, en in parts))


def moment(seconds: int, working: bool = False) -> Text:
    """When, after the start.

    >>> moment(0).en, moment(90).zh, moment(7200).zh, moment(0, working=True).en
    ('00:00', '01:30', '2 小时后', 'at once')
    """
    text = clock(seconds, working)
    if not working and seconds < 3600:
        return text
    return Text(f"{text.zh}后", f"after {text.en}") if seconds else Text("立即", "at once")


def names(addresses: Iterable[Address]) -> Text:
    """Whom, in one phrase."""
    each = [_name(a) for a in addresses]
    return Text("、".join(t.zh for t in each), ", ".join(t.en for t in each))


def _name(address: Address) -> Text:
    place = PLACES.get(address.at) or Text(*[address.at.partition(":")[2]] * 2)
    role = ROLES[address.role]
    return Text(f"{place.zh}{role.zh}", f"{place.en} {role.en}")


def channels(some: Iterable[str]) -> Text:
    """The first one, and what is tried where somebody does not have it."""
    first, *others = (CHANNELS[c] for c in some)
    if not others:
        return first
    return Text(
        f"{first.zh}（无则{'、'.join(c.zh for c in others)}）", f"{first.en} (else {', '.join(c.en for c in others)})"
    )
