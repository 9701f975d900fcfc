"""Published values that a figure is held against, and the word for where it stands.

EEMUA 191 grades the long-term average of alarms that an operator gets: fewer than one in 10 minutes is very likely to
be acceptable, one in 5 minutes manageable, one in 2 minutes likely to be over-demanding, more than one a minute very
likely to be unacceptable. ISA-18.2 and IEC 62682 recommend about 6 an hour (12 at most), fewer than 1 % of time in
flood, at most 10 in 10 minutes, no chattering, fewer than 5 stale, a mix of about 5, 15 and 80 %. They speak of process
plants with one operator position; a duty scope is taken for one, unless the question names how many share it.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.alert_parts import Text

GRADES = {
    "acceptable": Text("可接受", "acceptable"),
    "manageable": Text("可应对", "manageable"),
    "over_demanding": Text("负荷过重", "over-demanding"),
    "unacceptable": Text("不可接受", "unacceptable"),
    "met": Text("达标", "target met"),
    "missed": Text("未达标", "target missed"),
    "few": Text("样本不足，不评价", "too few to judge"),
    "none": Text("无数据", "no data"),
    "unjudged": Text("无公认基准", "no published benchmark"),
}
EEMUA = "EEMUA 191"
ISA = "ISA-18.2 / IEC 62682"


class Benchmark(NamedTuple):
    """`grades`: (highest value, grade) in order; `at_least`: the value must reach the first one instead.

    `few`: with fewer alarms than this the figure says nothing.
    """

    text: Text
    source: str
    grades: tuple[tuple[float, str], ...]
    at_least: bool = False
    few: int = 0


INF = float("inf")
_RATE = ("acceptable", "manageable", "over_demanding", "unacceptable")


def _at_most(limit: float, zh: str, en: str, source: str = ISA, few: int = 0) -> Benchmark:
    return Benchmark(Text(zh, en), source, ((limit, "met"), (INF, "missed")), few=few)


BENCHMARKS: dict[str, Benchmark] = {
    "per_10min": Benchmark(
        Text("平均每10分钟1条以内可接受，2条可应对，5条过重", "1 in 10 min acceptable, 2 manageable, 5 too many"),
        EEMUA, tuple(zip((1.0, 2.0, 10.0, INF), _RATE, strict=True)),
    ),
    "per_hour": Benchmark(
        Text("平均每小时约6条，最多12条", "about 6 an hour, 12 at most"),
        ISA, tuple(zip((6.0, 12.0, 30.0, INF), _RATE, strict=True)),
    ),
    "peak_10min": _at_most(10, "任意10分钟不超过10条", "at most 10 in any 10 minutes"),
    "flood_periods": _at_most(0.01, "超过10条的10分钟时段少于1%", "under 1 % of 10-minute periods with more than 10"),
    "flood_time": _at_most(0.01, "泛滥时间少于1%", "under 1 % of the time in flood"),
    "hours_over_30": _at_most(0.01, "超过30条的小时少于1%", "under 1 % of hours with more than 30"),
    "chattering": _at_most(0, "应为0", "none"),
    "stale": _at_most(4, "任何一天少于5条", "fewer than 5 on any day"),
    "top10_share": _at_most(0.05, "前10个来源占1%至5%以内", "the 10 most frequent make 1 to 5 % at most", few=200),
    "mix_high": _at_most(0.05, "一、二级合计约5%", "I and II together about 5 %", f"{EEMUA}, {ISA}", 100),
    "mix_medium": _at_most(0.15, "三级约15%", "III about 15 %", f"{EEMUA}, {ISA}", 100),
    "mix_low": Benchmark(
        Text("四级约80%", "IV about 80 %"), f"{EEMUA}, {ISA}", ((0.8, "met"), (INF, "missed")), at_least=True, few=100
    ),
}  # fmt: skip


def assess(name: str, value: float | None, alarms: int) -> str:
    """The grade of a figure that rests on so many alarms.

    >>> assess("per_10min", 1.4, 90), assess("mix_low", 0.5, 200), assess("top10_share", 0.9, 12)
    ('manageable', 'missed', 'few')
    """
    benchmark = BENCHMARKS.get(name)
    if value is None:
        return "none"
    if benchmark is None:
        return "unjudged"
    if alarms < benchmark.few:
        return "few"
    if benchmark.at_least:
        return "met" if value >= benchmark.grades[0][0] else "missed"
    return next(grade for limit, grade in benchmark.grades if value <= limit)
