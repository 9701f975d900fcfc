"""What active fences do to an alert in them: raise, lower, suppress, own thresholds, who is told.

What no fence may do, and what a works fence does by itself, stands in `data/fence_rules.toml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from geo import fence_rules
from geo.fence_times import active, next_change
from geo.fences import Fence, Mark

__all__ = ["active", "combined", "marks", "next_change", "params_for"]

SEVERITIES = ("I", "II", "III", "IV")
UNGROUNDED = "III"  # the most that statistics of one sensor can be

KIND_NAMES: dict[str, tuple[str, str]] = {
    "works": ("施工区", "works"),
    "school": ("学校", "school"),
    "hospital": ("医院", "hospital"),
    "market": ("集市", "market"),
    "hazard_zone": ("危险区", "hazard zone"),
    "water_source": ("水源保护区", "protected water source"),
    "flood_plain": ("淹没区", "flood plain"),
    "custom": ("围栏", "fence"),
}


def marks(fences: Iterable[Fence], kind: str, now_ms: int, hard: bool = False) -> tuple[Mark, ...]:
    """What each active fence does to an alert of this kind now; `hard`: it crossed a hard limit.

    A works fence raises what its rule says even if its own effect says less, and its "*" does not cover those kinds.
    "*" never covers a hard limit. What is never suppressed, and any hard limit, is never lowered either.
    """
    return tuple(_mark(fence, kind, now_ms, hard) for fence in fences if active(fence, now_ms))


def params_for(fences: Iterable[Fence], profile_key: str, now_ms: int) -> dict[str, float]:
    """Detector parameters that active fences set for a profile.

    Where two set the same one, the fence whose id sorts last wins: which value is the stricter one depends on the
    parameter, so order is the rule.
    """
    out: dict[str, float] = {}
    for fence in sorted(fences, key=lambda f: f.id):
        if active(fence, now_ms):
            out.update(fence.effect.params.get(profile_key, {}))
    return out


def combined(
    severity: str, marks: Sequence[Mark], grounded: bool = False, hard: bool = False
) -> tuple[str, list[str], list[str]]:
    """(severity, reasons in Chinese, reasons in English) after the steps of all marks are added up.

    `grounded`: more than the statistics of one sensor stand behind the alert; without it a raise ends at III.
    `hard`: a hard limit was crossed, so that it is not lowered.

    >>> mark = Mark(fence="F-1", kind="school", name_zh="一中", name_en="No. 1 school", severity=2)
    >>> combined("IV", [mark], grounded=True)[0], combined("IV", [mark])[0], combined("III", [mark])[0]
    ('II', 'III', 'III')
    """
    zh: list[str] = []
    en: list[str] = []
    for mark in marks:
        if mark.severity:
            in_zh, in_en = _reason(mark)
            zh.append(in_zh)
            en.append(in_en)
    base = SEVERITIES.index(severity)
    moved = min(max(base - sum(mark.severity for mark in marks), 0), len(SEVERITIES) - 1)
    least = min(base, SEVERITIES.index(UNGROUNDED))
    if not grounded and moved < least:
        moved = least
        zh.append("单个传感器的统计异常，围栏最多上调至三级")
        en.append("statistics of one sensor: fences raise it to III at most")
    if hard and moved > base:
        moved = base
        zh.append("越过硬限值，围栏不得下调")
        en.append("a hard limit was crossed: fences do not lower it")
    return SEVERITIES[moved], zh, en


def _mark(fence: Fence, kind: str, now_ms: int, hard: bool) -> Mark:
    rules = fence_rules.load()
    never, raised = rules.never(kind, hard), rules.raises(fence.kind, kind)
    step = fence.effect.severity
    if never or hard:
        step = max(step, 0)
    if raised:
        step = max(step, raised.severity)
    named = kind in fence.effect.suppress
    every = "*" in fence.effect.suppress and not hard and raised is None
    return Mark(
        fence=fence.id,
        kind=fence.kind,
        name_zh=fence.name_zh,
        name_en=fence.name_en,
        severity=step,
        suppress=(named or every) and never is None,
        until_ms=next_change(fence, now_ms),
        people=fence.people,
        tell=fence.effect.tell,
    )


def _reason(mark: Mark) -> tuple[str, str]:
    kind_zh, kind_en = KIND_NAMES.get(mark.kind, KIND_NAMES["custom"])
    steps, more = abs(mark.severity), mark.severity > 0
    zh = f"位于{kind_zh}“{mark.name_zh}”内，{'上调' if more else '下调'} {steps} 级"
    en = f"inside {kind_en} “{mark.name_en or mark.name_zh}”: {'raised' if more else 'lowered'} {steps} step"
    en += "s" if steps > 1 else ""
    rule = next((r for r in fence_rules.load().raised if r.fence == mark.kind), None) if more else None
    return (f"{zh}：{rule.zh}", f"{en}, {rule.en}") if rule else (zh, en)
