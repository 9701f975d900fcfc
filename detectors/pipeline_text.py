"""What an officer reads about a leak of a pipeline."""

from __future__ import annotations

from typing import NamedTuple

from detectors.negative_pressure_wave import POINT_M
from detectors.texts import Both, duration


class Facts(NamedTuple):
    """Stations at both ends, place from the first (m) with its standard deviation, how it was found ("": not yet), size
    in m3/h and as a share of the flow, seconds since the onset."""

    a: str
    b: str
    length_m: float
    x_m: float
    sd_m: float
    how: str
    size: float
    share: float
    lasted_s: float
    slack: bool


def says(f: Facts, state: str) -> Both:
    """The sentence of an episode.

    >>> says(Facts("A", "B", 3e4, 12_300.0, 50.0, "wave", 12.6, 0.03, 40, False), "update").zh
    '距 A 站 12.3 km ±0.10 km 处疑似泄漏，约为流量的 3.0%（12.6 m³/h），持续 40 秒'
    """
    held = duration(max(f.lasted_s, 0.0))
    if state == "clear":
        return Both(f"{f.a} 至 {f.b} 段流量恢复平衡，历时 {held.zh}", f"{f.a} to {f.b}: balanced again after {held.en}")
    x, off, share = f.x_m / 1000.0, 2.0 * f.sd_m / 1000.0, 100.0 * f.share
    if f.how == "wave" and f.sd_m <= POINT_M and not f.slack:
        zh, en = (
            f"距 {f.a} 站 {x:.1f} km ±{off:.2f} km 处疑似泄漏",
            f"leak suspected {x:.1f} km ±{off:.2f} km from {f.a}",
        )
    elif f.how:
        lo, hi = max(0.0, x - off), min(f.length_m / 1000.0, x + off)
        zh = f"距 {f.a} 站 {lo:.1f} 至 {hi:.1f} km 段疑似泄漏"
        en = f"leak suspected between {lo:.1f} and {hi:.1f} km from {f.a}"
    else:
        zh, en = f"{f.a} 至 {f.b} 段疑似泄漏，位置待定", f"leak suspected between {f.a} and {f.b}, place not known yet"
    zh += f"，约为流量的 {share:.1f}%（{f.size:.1f} m³/h），持续 {held.zh}"
    en += f"; about {share:.1f} % of the flow ({f.size:.1f} m³/h), for {held.en}"
    if f.slack:
        zh, en = f"{zh}；高点可能不满管，可信度降低", f"{en}; slack flow likely at the high point: less certain"
    return Both(zh, en)
