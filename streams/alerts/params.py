"""What each command needs beside its version: names, types, choices. Forms are made and bodies checked by it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from streams.alerts.policy import REPORTS, STEPS
from streams.alerts.table import COMMANDS, VERDICTS
from streams.events import LEVELS, SEVERITIES, Command, Text

TEXT_MAX = 2_000
HOUR_MS = 3_600_000
SHELVE_MS, SHELVE_MAX_MS, OUT_MAX_MS = 2 * HOUR_MS, 12 * HOUR_MS, 30 * 24 * HOUR_MS
REASONED = frozenset({"shelve", "out_of_service", "reopen", "set_severity", "extend", "escalate", "comment", "split"})


class Param(NamedTuple):
    """One parameter. `type`: text | choice | number | seconds | time (epoch milliseconds) | unit | alert."""

    name: str
    type: str
    zh: str
    en: str
    required: bool = True
    choices: tuple[str, ...] = ()


PARAMS: dict[str, tuple[Param, ...]] = {
    "assess": (Param("verdict", "choice", "研判结论", "verdict", choices=tuple(VERDICTS)),),
    "assign": (Param("assignee", "text", "责任人", "assignee"),),
    "dispatch": (Param("team", "text", "派遣队伍", "team", required=False),),
    "dispose": (Param("cause", "text", "原因", "cause"), Param("action", "text", "处置措施", "action")),
    "recheck": (Param("value", "number", "手持仪读数（%LEL）", "hand-held reading, %LEL"),),
    "close": (Param("override", "text", "未恢复结案理由", "why it is closed though not cleared", required=False),),
    "attach": (
        Param("name", "text", "附件名称", "name of the attachment"),
        Param("ref", "text", "文件", "file reference", required=False),
        Param("taken_ms", "number", "拍摄时间", "when it was taken, epoch ms", required=False),
        Param("lon", "number", "拍摄经度", "where it was taken, longitude", required=False),
        Param("lat", "number", "拍摄纬度", "where it was taken, latitude", required=False),
        Param("accuracy_m", "number", "定位精度", "accuracy of the place, m", required=False),
    ),
    "shelve": (Param("until", "time", "挂起至", "until", required=False),),
    "out_of_service": (Param("until", "time", "停用至", "until"),),
    "delegate": (Param("unit", "unit", "下派单位", "unit"),),
    "set_severity": (Param("severity", "choice", "级别", "severity", choices=SEVERITIES),),
    "extend": (
        Param("step", "choice", "环节", "step", choices=(*STEPS, *REPORTS)),
        Param("seconds", "seconds", "延长（秒）", "longer by, seconds"),
    ),
    "ack_on_behalf": (
        Param("level", "choice", "代哪一级", "for which level", choices=LEVELS),
        Param("who", "text", "签收人", "who acknowledged"),
        Param("number", "text", "来电号码", "from which number"),
    ),
    "issue_warning": (
        Param("text", "text", "预警内容", "text"),
        Param("level", "choice", "预警级别", "level", choices=SEVERITIES),
        Param("approved_by", "text", "审批人", "approved by"),
    ),
    "set_response": (Param("level", "text", "响应级别", "response level"),),
    "merge": (
        Param("into", "alert", "并入报警", "into alert"),
        Param("county", "text", "该报警所在县", "routing county of that alert", required=False),  # the API knows it
    ),
    "report": (
        Param("kind", "choice", "报告类别", "kind", choices=("first", "follow_up", "final")),
        Param("form", "choice", "形式", "form", choices=("verbal", "written")),
        Param("to", "text", "报送对象", "to whom"),
        Param("receipt", "text", "回执", "receipt", required=False),
    ),
}


class Read(NamedTuple):
    """Values of a command's parameters; `fault` says which one is wrong, None where all are right."""

    values: dict[str, object]
    fault: Text | None


def read(c: Command, now_ms: int) -> Read:
    """Check and convert the parameters of a command of a person."""
    values: dict[str, object] = {}
    if c.command in REASONED and not c.comment.strip():
        return Read(values, Text("请填写理由（comment）", "comment: a reason has to be given"))
    known = PARAMS.get(c.command, ())
    for name in c.params:
        if name not in {p.name for p in known}:
            allowed = ", ".join(p.name for p in known) or "none"
            return Read(
                values, Text(f"没有参数 {name[:40]}", f"params.{name[:40]} is unknown; {c.command} has {allowed}")
            )
    for p in known:
        raw = c.params.get(p.name)
        value = None if raw is None else _value(raw)
        if value is None or value == "":
            if p.required:
                return Read(values, Text(f"请填写{p.zh}（{p.name}）", f"params.{p.name}: {p.en} has to be given"))
            continue
        bad = _wrong(p, value, now_ms)
        if bad is not None:
            return Read(values, bad)
        values[p.name] = value
    return _limits(c.command, values, now_ms)


def _value(raw: msgspec.Raw) -> object:
    """Numbers that no computer holds are "nan", which no parameter takes."""
    try:
        value: object = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return math.nan
    return math.nan if isinstance(value, int) and abs(value) >= 2**63 else value


def _wrong(p: Param, value: object, now_ms: int) -> Text | None:
    if p.type == "choice" and value not in p.choices:
        return Text(f"{p.zh}只能是 {'、'.join(p.choices)}", f"params.{p.name}: want one of {', '.join(p.choices)}")
    if p.type in ("text", "unit", "alert") and not (isinstance(value, str) and 0 < len(value) <= TEXT_MAX):
        return Text(f"{p.zh}应为文字", f"params.{p.name}: want text of at most {TEXT_MAX} characters")
    if p.type in ("number", "seconds", "time"):
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        least = 0 if p.type == "number" else 1
        if not number or value < least or (p.type != "number" and not isinstance(value, int)):  # type: ignore[operator]
            return Text(
                f"{p.zh}应为数字",
                f"params.{p.name}: want a {'number' if p.type == 'number' else 'whole number'} of {least} or more",
            )
    if p.type == "time" and isinstance(value, int) and value <= now_ms:
        return Text(f"{p.zh}须晚于现在", f"params.{p.name}: want epoch milliseconds later than now")
    return None


def _limits(command: str, values: dict[str, object], now_ms: int) -> Read:
    most = {"shelve": SHELVE_MAX_MS, "out_of_service": OUT_MAX_MS}.get(command)
    if most is None:
        return Read(values, None)
    until = values.setdefault("until", now_ms + SHELVE_MS)
    assert isinstance(until, int)
    if until - now_ms > most:
        hours = most // HOUR_MS
        return Read(values, Text(f"最长 {hours} 小时", f"params.until: at most {hours} h from now"))
    return Read(values, None)


def described(command: str) -> list[Mapping[str, object]]:
    """The parameters of a command as forms need them."""
    own = PARAMS.get(command, ())
    comment = Param("comment", "text", "说明", "comment", command in REASONED)
    return [
        {
            "name": p.name, "type": p.type, "required": p.required, "choices": list(p.choices),
            "label": {"zh": p.zh, "en": p.en},
        }
        for p in (*own, comment)
    ]  # fmt: skip


assert set(PARAMS) <= set(COMMANDS)
