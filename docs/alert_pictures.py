"""The two pictures of docs/alerts.md, from what the engine did: see docs/draw_alerts.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import matplotlib as mpl
from msgspec.structs import replace

from docs.alert_states import DESK, NOW, VARIANTS, asked, raised, reached
from streams.alerts.commands import on_command
from streams.alerts.desk import Desk, level_of
from streams.alerts.engine import Engine
from streams.alerts.policy_book import PolicyBook
from streams.alerts.table import HANDLING
from streams.alerts.transitions import label
from streams.drills.kaili import WATER, duty
from streams.duty.book import DutyBook
from streams.events import AlertRecord, Detection, Evidence, Text

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path

mpl.rcParams["font.family"] = ["Noto Sans CJK SC", "Noto Sans CJK JP", "DejaVu Sans"]

STAGE_ZH = dict(zip(HANDLING, ("新报警", "已研判", "已派遣", "已到场", "处置完成", "核查通过", "已结案"), strict=True))
WORD = {
    "assess": "assess 研判", "dispatch": "dispatch 派遣", "on_site": "on_site 到场", "dispose": "dispose 处置",
    "verify": "verify 核查", "close": "close 结案", "reopen": "reopen 重新打开", "24 h": "24 h, III and IV",
}  # fmt: skip
COLOUR = {"close": "#b3261e", "24 h": "#b3261e", "reopen": "#6750a4"}
DAY, NIGHT = 12, 2  # o'clock, Beijing time
LANES = ("organisation", "village", "township", "county", "prefecture")
LANE_ZH = ("权属单位", "村", "乡镇", "县", "州")
TONE = {"I": "#c62828", "II": "#ef6c00", "III": "#f9a825", "IV": "#1565c0"}


def lifecycle(path: File) -> None:
    """Handling above; conditions and labels below."""
    fig = plt.figure(figsize=(13, 8.4), layout="constrained")
    upper, lower = fig.subfigures(2, 1, height_ratios=(1.45, 1))
    _handling(upper.subplots())
    left, right = lower.subplots(1, 2, width_ratios=(1.25, 1))
    _conditions(left)
    _labels(right)
    fig.savefig(path, dpi=85)
    plt.close(fig)


def _box(ax: Any, x: float, y: float, text: str, colour: str = "#e8eef7") -> None:
    style = {"boxstyle": "round,pad=0.45", "fc": colour, "ec": "#44546a", "lw": 1.2}
    ax.text(x, y, text, ha="center", va="center", fontsize=10.5, bbox=style, zorder=3)


def _curve(
    ax: Any, start: tuple[float, float], end: tuple[float, float], bend: float, text: str, colour: str = "#44546a",
) -> None:  # fmt: skip
    """An arrow that bends to its left by `bend`, with its text at the top of the bend."""
    (x0, y0), (x1, y1) = start, end
    n = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    side = -(y1 - y0) / n, (x1 - x0) / n
    middle = (x0 + x1) / 2, (y0 + y1) / 2
    by = middle[0] + 2 * bend * side[0], middle[1] + 2 * bend * side[1]
    path = Path([start, by, end], [Path.MOVETO, Path.CURVE3, Path.CURVE3])
    ax.add_patch(FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=13, color=colour, lw=1.4))
    ax.text(middle[0] + bend * side[0], middle[1] + bend * side[1], text, ha="center", va="center", fontsize=8.5,
            color=colour, bbox={"fc": "white", "ec": "none", "pad": 1}, zorder=4)  # fmt: skip


def _handling(ax: Any) -> None:
    arrows: dict[tuple[str, str], dict[str, None]] = {}
    for severity in VARIANTS:
        for a in reached(severity)[1]:
            arrows.setdefault((a.before, a.after), {})[a.by if a.by == "24 h" else a.by.split()[0]] = None
    at = {h: 2.0 * i for i, h in enumerate(HANDLING)}
    for h, x in at.items():
        _box(ax, x, 0, f"{h}\n{STAGE_ZH[h]}")
    for (before, after), by in arrows.items():
        span = abs(HANDLING.index(after) - HANDLING.index(before))
        words = ", ".join(WORD[w] for w in by)
        colour = COLOUR.get(next(iter(by)), "#1b5e20")
        if before == "CLOSED":
            _curve(ax, (at[before] + 0.2, 0.4), (at[after] - 0.2, 0.4), -0.5 - 0.46 * span, words, colour)
        elif span == 1:
            _curve(ax, (at[before] + 0.62, 0), (at[after] - 0.62, 0), 0, "", colour)
            ax.text(at[before] + 1, 0.3, words.replace(" ", "\n"), ha="center", fontsize=8, color=colour)
        elif after == "CLOSED":
            _curve(ax, (at[before], -0.4), (at[after], -0.4), -0.5 * span, words, colour)
        else:
            _curve(ax, (at[before], 0.4), (at[after], 0.4), 0.45 * span, words, colour)
    ax.set(xlim=(-1, at["CLOSED"] + 1), ylim=(-3.7, 4.1))
    ax.set_title("Handling 处置: what commands and time make of it", fontsize=11, loc="left")
    ax.axis("off")


def _conditions(ax: Any) -> None:
    ends = {"ACTIVE": (0.0, 0.0, "报警中", "#fdeeea"), "CLEARED": (6.0, 0.0, "已恢复", "#eaf6ec"),
            "UNKNOWN": (3.0, -3.0, "状态不明", "#f1f1f1")}  # fmt: skip
    for name, (x, y, zh, colour) in ends.items():
        _box(ax, x, y, f"{name}\n{zh}", colour)
    seen: dict[tuple[str, str], list[str]] = {}
    for before, after, how in condition_moves():
        seen.setdefault((before, after), []).append(how)
    for (before, after), hows in seen.items():
        (x0, y0), (x1, y1) = ends[before][:2], ends[after][:2]
        n = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        dx, dy = (x1 - x0) / n * 0.95, (y1 - y0) / n * 0.75
        _curve(ax, (x0 + dx, y0 + dy), (x1 - dx, y1 - dy), 0.5, "\n".join(hows))
    ax.set(xlim=(-1.2, 7.2), ylim=(-3.7, 1.3))
    ax.set_title("Condition 状态: what sensors make of it", fontsize=11, loc="left")
    ax.axis("off")


def _seen(state: str, at_s: int, kind: str = "pressure_low", **more: object) -> Detection:
    at = NOW + at_s * 1000
    given: dict[str, object] = {
        "id": f"{state}{at_s}{kind}", "state": state, "domain": "water", "kind": kind, "sensor": "S1", "asset": "A1",
        "cls": "equipment" if kind == "dropout" else "hazard", "county": "522601", "unit": "522601001001",
        "ts_ms": at, "onset_ms": at, "title": Text("", ""), "reason": Text("", ""), "evidence": Evidence(detector="x"),
    }  # fmt: skip
    return Detection(**{**given, **more})  # type: ignore[arg-type]


def condition_moves() -> Iterator[tuple[str, str, str]]:
    """(before, after, what happened) for each condition and each thing that sensors can say."""
    ways = {"ACTIVE": (), "CLEARED": (_seen("clear", 60),), "UNKNOWN": (_seen("raise", 60, "dropout"),)}
    events = {
        "clear 恢复": _seen("clear", 120), "raise again 再次报警": _seen("raise", 120),
        "sensor silent 传感器失联": _seen("raise", 120, "dropout"),
        "heard again 恢复上报": _seen("clear", 120, "dropout"),
    }  # fmt: skip
    for before, way in ways.items():
        for how, event in events.items():
            engine = Engine(DESK)
            for d in (_seen("raise", 0), *way):
                engine.on_detection(d, d.ts_ms)
            (alert,) = (a for a in engine.alerts.values() if a.kind == "pressure_low")
            assert alert.condition == before
            engine.on_detection(event, event.ts_ms)
            after = engine.alerts[alert.id].condition
            if after != before:
                yield before, after, how


def _labels(ax: Any) -> None:
    """The label of each condition, acked and not, and of each suppression, as `transitions.label` says."""
    plain = raised("III")
    acked = on_command(plain, asked(plain, "ack", "township", {}), DESK, NOW).alert
    shelved = on_command(plain, asked(plain, "shelve", "township", {}), DESK, NOW).alert
    out = on_command(plain, asked(plain, "out_of_service", "township", {"until": NOW + 60_000}), DESK, NOW).alert
    assert acked is not None
    assert shelved is not None
    assert out is not None
    rows = [["", "not acked 未签收", "acked 已签收"]]
    rows += [
        [c, label(replace(plain, condition=c)), label(replace(acked, condition=c))]
        for c in ("ACTIVE", "CLEARED", "UNKNOWN")
    ]
    rows += [
        ["shelved 挂起", label(shelved), ""],
        ["out of service 停用", label(out), ""],
        ["by a fence, by a rule", "DSUPR", ""],
    ]
    table = ax.table(rows, loc="center", cellLoc="center", bbox=(0.02, 0.05, 0.96, 0.85))
    table.auto_set_font_size(False)
    table.set_fontsize(9.5)
    ax.set_title("Label (ISA-18.2): condition and the ack of the responsible level", fontsize=11, loc="left")
    ax.axis("off")


def climb(severity: str, hour: int, cls: str, hours: float) -> list[tuple[float, str, str, str, float | None]]:
    """Whom the default policy tells while nobody acts: (minutes, level, role, why, minutes until the ack is due)."""
    book = DutyBook()
    for record in duty():
        book.put(record)
    engine = Engine(Desk(PolicyBook(), book))
    start = NOW - NOW % 86_400_000 + (hour - 8) * 3_600_000
    more = {"kind": "dropout", "cls": cls} if cls == "equipment" else VARIANTS[severity] | {"owner_org": WATER}
    given = {"ts_ms": start, "onset_ms": start, "owner_org": WATER, "operator_org": WATER, **more}
    d = _seen("raise", 0, **given)
    records: list[AlertRecord] = engine.on_detection(d, start)
    while (due := engine.next_due_ms()) and due <= start + hours * 3_600_000:
        records += engine.on_tick(due)
    told = ((r.transition.at_ms, n) for r in records if not r.alert.members for n in r.transition.tell)

    def minutes(ms: int) -> float:
        return (ms - start) / 60_000

    return [
        (minutes(at), level_of(n.place), n.role, n.why, None if n.due_ms is None else minutes(n.due_ms))
        for at, n in told
    ]


PANELS = (  # title, severity, hour, class, hours shown, unit
    ("I 红 gas, day and night", "I", DAY, "hazard", 0.2, "min"),
    ("II 橙, day and night", "II", DAY, "hazard", 0.5, "min"),
    ("III 黄, day", "III", DAY, "hazard", 1.5, "min"),
    ("III 黄, night", "III", NIGHT, "hazard", 1.5, "min"),
    ("IV 蓝, day", "IV", DAY, "hazard", 5.0, "h"),
    ("IV 蓝, at 02:00: the morning list", "IV", NIGHT, "hazard", 10.0, "h"),
)
ROLE = {"duty": "duty", "lead": "lead 带班领导", "room": "room 值班室"}


def escalation(path: File) -> None:
    """Who is told when by the default policy where nobody acknowledges, a panel a severity."""
    fig, axes = plt.subplots(3, 2, figsize=(13, 10), layout="constrained")
    for ax, (title, severity, hour, cls, hours, unit) in zip(axes.flat, PANELS, strict=True):
        per = 60 if unit == "h" else 1
        end = hours * 60 / per
        for minutes, level, role, why, due in climb(severity, hour, cls, hours):
            y = LANES.index(level) + {"room": 0.22, "lead": -0.22}.get(role, 0.0)
            x = minutes / per
            first = why in ("raise", "escalate")
            if due is not None and first:
                ax.plot([x, min(due / per, end)], [y, y], color=TONE[severity], lw=5, alpha=0.35, solid_capstyle="butt")
            marker = {"remind": "|", "inform": "D", "task": "s"}.get(why, "o")
            ax.plot(x, y, marker, color=TONE[severity] if first or why == "remind" else "#546e7a", ms=6)
            if first and role != "duty" and due is not None:
                ax.text(min(due / per, end), y, f" {ROLE[role]}", fontsize=7.5, va="center")
        ax.set_yticks(range(len(LANES)), [f"{a} {b}" for a, b in zip(LANES, LANE_ZH, strict=True)], fontsize=9)
        ax.set(
            xlim=(-0.02 * end, end),
            ylim=(-0.6, len(LANES) - 0.4),
            xlabel=f"{'hours' if unit == 'h' else 'minutes'} after the start",
        )
        ax.set_title(title, fontsize=11, loc="left", color=TONE[severity] if severity != "III" else "#8d6e00")
        ax.grid(axis="x", alpha=0.3)
    fig.suptitle(
        "Nobody acknowledges: whom the default policy tells. "
        "Dot: told; band: time to acknowledge; diamond: informed; square: task; bar: told again",
        fontsize=11,
    )
    fig.savefig(path, dpi=85)
    plt.close(fig)
