"""Fixed words of the information reports, as the console's glossary has them, and reading of public JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from geo.moments import BEIJING

UNKNOWN = "待核"  # what nobody knows yet is said to be so
UNSIGNED = "待签发"
UNKNOWN_EN = "to be verified"
SEVERITY = {"I": "红色（一级）", "II": "橙色（二级）", "III": "黄色（三级）", "IV": "蓝色（四级）"}
DOMAIN = {
    "water": "供水", "gas": "燃气", "pipeline": "管道", "traffic": "交通", "drainage": "排水", "power": "供电",
    "heat": "供热",
}  # fmt: skip
HANDLING = {
    "NEW": "新报警", "ASSESSED": "已研判", "DISPATCHED": "已派遣", "ON_SITE": "已到场", "DISPOSED": "处置完成",
    "VERIFIED": "核查通过", "CLOSED": "已结案",
}  # fmt: skip
NEXT = {
    "NEW": "研判", "ASSESSED": "派遣", "DISPATCHED": "到场", "ON_SITE": "处置", "DISPOSED": "核查", "VERIFIED": "结案",
}  # fmt: skip
STEP = {
    "ack": "签收", "assess": "研判", "dispatch": "派遣", "on_site": "到场", "dispose": "处置完成", "verify": "核查通过",
    "close": "结案", "report_verbal": "电话报告", "report_written": "书面报告",
}  # fmt: skip
LEVEL = {
    "prefecture": "州", "county": "县（市）", "township": "乡镇（街道）", "village": "村（社区）",
    "organisation": "权属单位",
}  # fmt: skip
TRIGGER = {
    **STEP, "raise": "报警", "reraise": "再次报警", "severity": "级别变化", "clear": "恢复", "suppress": "围栏屏蔽",
    "unsuppress": "恢复通知", "unknown": "状态不明", "shelve": "挂起", "unshelve": "取消挂起", "delegate": "交办",
    "escalate": "升级", "take_over": "提级处置", "urge": "催办", "supervise": "督办", "comment": "备注",
    "reopen": "重新打开", "merge": "并案", "split": "拆分", "extend": "延期", "ack_on_behalf": "代签收",
    "report": "信息报送", "issue_warning": "预警发布", "set_response": "响应等级", "set_severity": "调整级别",
    "attach": "附件",
}  # fmt: skip
SOURCE = {"phone": "电话", "12345": "12345热线", "patrol": "巡查", "video": "视频"}
MODE = {"exercise": "【演练】", "test": "【测试】"}
MODE_EN = {"exercise": "[EXERCISE] ", "test": "[TEST] "}


def when(text: object) -> dt.datetime | None:
    """Local time (UTC+8) of a public time; None where there is none."""
    if not isinstance(text, str):
        return None
    try:
        found = dt.datetime.fromisoformat(text)
        return found.astimezone(BEIJING) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def at(ms: int) -> dt.datetime:
    """Local time (UTC+8) of epoch milliseconds."""
    return dt.datetime.fromtimestamp(ms / 1000, BEIJING)


def stamp(moment: dt.datetime | None) -> str:
    """As a report writes it.

    >>> stamp(at(1763884800123))
    '2025年11月23日16时00分'
    """
    return f"{moment:%Y年%m月%d日%H时%M分}" if moment else UNKNOWN


def stamp_en(moment: dt.datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} (UTC+8)" if moment else UNKNOWN_EN


def text(value: object, language: str = "zh") -> str:
    """A text on one line, or one of both languages; "" for anything else, None included."""
    if isinstance(value, Mapping):
        value = value.get(language) or value.get("zh")
    return " ".join(value.split()) if isinstance(value, str) else ""


def number(value: object) -> str:
    """Four significant digits at most, "" where it is no number.

    >>> number(2.3800000001), number(None), number(12345.6), number(300)
    ('2.38', '', '12346', '300')
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) == float("inf"):
        return ""
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"


def words(value: object) -> list[str]:
    """The texts of a list; [] for anything else."""
    return [v for v in value if isinstance(v, str) and v] if isinstance(value, list | tuple) else []


def items(value: object) -> list[Mapping[str, Any]]:
    """The maps of a list; [] for anything else."""
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list | tuple) else []


def part(value: object) -> Mapping[str, Any]:
    """The map that it is; {} for anything else."""
    return value if isinstance(value, Mapping) else {}
