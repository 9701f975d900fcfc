"""Names and units of the figures, in the order in which they are shown."""

from __future__ import annotations

from streams.alert_parts import Text

FIGURES: dict[str, tuple[Text, str]] = {
    "alarms": (Text("报警次数（含复发）", "alarms, returns included"), ""),
    "alerts": (Text("新报警数", "new alerts"), ""),
    "suppressed": (Text("被屏蔽或挂起的次数", "suppressed or shelved"), ""),
    "per_10min": (Text("每岗每10分钟平均报警", "average alarms per operator and 10 min"), "1/10min"),
    "per_hour": (Text("每岗每小时平均报警", "average alarms per operator and hour"), "1/h"),
    "peak_10min": (Text("每岗10分钟最多报警", "most alarms per operator in 10 min"), "1/10min"),
    "flood_periods": (Text("报警泛滥时段占比", "share of 10-minute periods in flood"), "share"),
    "flood_time": (Text("报警泛滥时间占比", "share of time in flood"), "share"),
    "hours_over_30": (Text("每小时超过30条的占比", "share of hours with more than 30"), "share"),
    "chattering": (Text("抖动报警源", "chattering sources"), ""),
    "fleeting": (Text("瞬时报警", "fleeting alarms"), ""),
    "stale": (Text("持续超过24小时的报警", "stale alarms (over 24 h)"), ""),
    "standing": (Text("当前持续报警", "standing alarms"), ""),
    "open": (Text("未结案报警", "open alerts"), ""),
    "mix_high": (Text("一、二级占比", "share of I and II"), "share"),
    "mix_medium": (Text("三级占比", "share of III"), "share"),
    "mix_low": (Text("四级占比", "share of IV"), "share"),
    "top10_share": (Text("前10个报警源占比", "share of the top 10 sources"), "share"),
    "closed_share": (Text("办结率", "share closed"), "share"),
    "false_share": (Text("误报率", "share of false alarms among those assessed"), "share"),
}
