"""Kinds of trouble and the sentences an officer reads, in Chinese and English.

A sentence says what is seen, against what, for how long; a kind adds its title and what is suspected.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from detectors.layout import (
    CALMER,
    DEVIATION,
    DRIFTS,
    LIMIT,
    MEAN,
    NOISIER,
    OFF_SCALE,
    OUTSIDE,
    QUANTILE,
    RATE,
    SEASON,
    SHIFT,
    SILENT,
    SKEWED,
    STUCK,
)


class Both(NamedTuple):
    zh: str
    en: str


class Kind(NamedTuple):
    """One kind of alert. `hint`: what is suspected, said after the sentence; ("", "") for none."""

    kind: str
    cls: str  # hazard | equipment
    title: Both
    hint: Both = Both("", "")


class Facts(NamedTuple):
    """What a sentence is made of: values in the unit of `unit`, times in seconds."""

    quantity: Both
    unit: str
    decimals: int
    cause: int
    value: float
    expected: float
    limit: float
    level: int
    lasted_s: float
    also: str = ""  # the value once more, in another unit


LEVEL = (
    Both("", ""),
    Both("关注", "watch"),
    Both("低报", "low-alarm"),
    Both("高报", "high-alarm"),
    Both("满量程", "full-scale"),
)


def duration(seconds: float) -> Both:
    """How long, as a person says it.

    >>> duration(75), duration(360)[1], duration(9000)[1]
    (Both(zh='75 秒', en='75 s'), '6 min', '2 h 30 min')
    """
    if seconds < 120:
        return Both(f"{seconds:.0f} 秒", f"{seconds:.0f} s")
    minutes = round(seconds / 60)
    if minutes < 120:
        return Both(f"{minutes} 分钟", f"{minutes} min")
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return Both(f"{hours // 24} 天 {hours % 24} 小时", f"{hours // 24} d {hours % 24} h")
    return Both(f"{hours} 小时 {rest} 分", f"{hours} h {rest} min") if rest else Both(f"{hours} 小时", f"{hours} h")


def number(value: float, decimals: int, unit: str) -> str:
    """A value with its unit.

    >>> number(0.0801, 2, "MPa"), number(25.0, 0, "%LEL"), number(8.0, 1, "")
    ('0.08 MPa', '25 %LEL', '8.0')
    """
    if not math.isfinite(value):
        return "?"
    return f"{value:.{decimals}f} {unit}".strip()


def ongoing(f: Facts, kind: Kind) -> Both:
    """The sentence of an episode that begins or goes on."""
    zh, en = _seen(f)
    held = duration(f.lasted_s)
    if f.lasted_s > 0 and f.cause != SILENT:
        zh, en = f"{zh}，持续 {held.zh}", f"{en}, for {held.en}"
    if kind.hint.zh:
        zh, en = f"{zh}，{kind.hint.zh}", f"{en}; {kind.hint.en}"
    return Both(zh, en)


def late(says: Both, seconds: float) -> Both:
    """The sentence with how late the data came.

    >>> late(Both("压力低", "pressure low"), 7200)
    Both(zh='压力低（数据迟到 2 小时）', en='pressure low (data 2 h late)')
    """
    by = duration(seconds)
    return Both(f"{says.zh}（数据迟到 {by.zh}）", f"{says.en} (data {by.en} late)")


def over(f: Facts, relearned: bool) -> Both:
    """The sentence of an episode that ended."""
    held = duration(f.lasted_s)
    q = f.quantity
    if f.cause == SKEWED:
        return Both(f"设备时钟恢复正常，历时 {held.zh}", f"device clock is right again after {held.en}")
    if relearned:
        now = number(f.value, f.decimals, f.unit)
        return Both(
            f"{q.zh}稳定在新水平 {now}，历时 {held.zh}", f"{q.en} has settled at a new level, {now}, after {held.en}"
        )
    if f.cause == SILENT:
        return Both(f"{q.zh}恢复上报，中断 {held.zh}", f"{q.en} reports again after {held.en} of silence")
    if f.cause == STUCK:
        return Both(f"{q.zh}恢复变化，历时 {held.zh}", f"{q.en} moves again after {held.en}")
    if f.cause in (DRIFTS, NOISIER, CALMER):
        return Both(f"{q.zh}恢复正常，历时 {held.zh}", f"{q.en} back to normal after {held.en}")
    now = number(f.value, f.decimals, f.unit)
    return Both(f"{q.zh}恢复正常（{now}），历时 {held.zh}", f"{q.en} back to normal ({now}) after {held.en}")


_AGAINST = {  # zh: 比…低, en: below …
    SEASON: Both("同时段", "the usual for this hour"),
    SHIFT: Both("此前水平持续偏", "its level before, lastingly"),
    MEAN: Both("长期均值持续偏", "its long mean, lastingly"),
    QUANTILE: Both("平时中位值", "its usual median"),
}


def _off(q: Both, f: Facts, against: Both) -> Both:
    """Off by how much, against what."""
    off, usual = number(abs(f.value - f.expected), f.decimals, f.unit), number(f.expected, f.decimals, f.unit)
    zh, en = ("低", "below") if f.value < f.expected else ("高", "above")
    return Both(f"{q.zh}比{against.zh}{zh} {off}（{usual}）", f"{q.en} {off} {en} {against.en} ({usual})")


def _seen(f: Facts) -> Both:
    q, now = f.quantity, number(f.value, f.decimals, f.unit)
    if f.also:
        now = f"{now} ({f.also})"
    if f.cause == DEVIATION:
        off = number(abs(f.value - f.expected), f.decimals, f.unit)
        usual = number(f.expected, f.decimals, f.unit)
        if f.value < f.expected:
            return Both(f"{q.zh}比预期低 {off}（预期 {usual}）", f"{q.en} {off} below expected ({usual})")
        return Both(f"{q.zh}比预期高 {off}（预期 {usual}）", f"{q.en} {off} above expected ({usual})")
    if f.cause in _AGAINST:
        return _off(q, f, _AGAINST[f.cause])
    if f.cause == DRIFTS:
        off = number(abs(f.value - f.expected), f.decimals, f.unit)
        way = ("下降", "fell") if f.value < f.expected else ("上升", "rose")
        return Both(f"{q.zh}近期缓慢{way[0]} {off}", f"{q.en} slowly {way[1]} by {off} of late")
    if f.cause in (NOISIER, CALMER):
        times = f.value / f.expected if f.expected > 0 else math.inf
        if f.cause == CALMER:
            return Both(f"{q.zh}波动仅为平时的 {times:.2f} 倍", f"{q.en} swings only {times:.2f} times its usual")
        if not math.isfinite(times):
            return Both(f"{q.zh}波动，平时不动", f"{q.en} swings and usually does not")
        return Both(f"{q.zh}波动为平时的 {times:.1f} 倍", f"{q.en} swings {times:.1f} times its usual")
    if f.cause == LIMIT:
        limit, rung = number(f.limit, f.decimals, f.unit), LEVEL[f.level]
        if f.level == OFF_SCALE and f.value < f.limit:
            return Both(
                f"{q.zh} {now}，曾超出满量程 {limit}，读数不可信",
                f"{q.en} {now}, was beyond full scale ({limit}): not to be trusted",
            )
        if f.value < f.limit:
            return Both(
                f"{q.zh} {now}，低于{rung.zh}限值 {limit}", f"{q.en} {now}, below the {rung.en} limit of {limit}"
            )
        return Both(
            f"{q.zh} {now}，达到{rung.zh}限值 {limit}", f"{q.en} {now}, at or above the {rung.en} limit of {limit}"
        )
    if f.cause == RATE:
        return Both(f"{q.zh}变化过快，现为 {now}", f"{q.en} changes too fast, now {now}")
    if f.cause == OUTSIDE:
        return Both(f"{q.zh}读数 {now} 超出可能范围", f"{q.en} reads {now}, which is impossible")
    if f.cause == STUCK:
        return Both(f"{q.zh}读数停在 {now} 不变", f"{q.en} is stuck at {now}")
    if f.cause == SKEWED:
        by = duration(abs(f.value))
        if f.value < 0:
            return Both(f"设备时钟比到达时间快 {by.zh}", f"device clock is {by.en} ahead of the arrival")
        return Both(
            f"设备时钟慢或上传慢：读数到达时总是晚 {by.zh}以上",
            f"device clock or upload is slow: readings never arrive less than {by.en} late",
        )
    held = duration(f.lasted_s)
    return Both(f"{q.zh}已 {held.zh}没有数据", f"{q.en}: no data for {held.en}")
