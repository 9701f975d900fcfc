"""From an event of the compiled loop to a Detection that says what was seen, where, against what, and how late."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from detectors import catalog as _catalog
from detectors.catalog import Profile
from detectors.group import Note
from detectors.layout import CLEAR, CLOCK, DEVIATION, DROP, HIGH, LIMIT, LOW, OFF_SCALE, RAISE, UPDATE
from detectors.texts import Both, Facts, Kind, late, ongoing, over
from geo.assets import Sensor
from streams.events import Detection, Evidence, Text, stable_id

STATES = {RAISE: "raise", UPDATE: "update", CLEAR: "clear"}
LATENESS_S = 30.0  # a reading of a continuous sensor this old when it arrives is told as late
_NAMES = (
    "", "adaptive", "limits", "rate", "range", "flatline", "dropout", "clock", "seasonal", "cusum", "page_hinkley",
    "quantile", "drift", "variance", "variance",
)  # fmt: skip
RETIRED = Both("监测点已停用", "the sensor was retired")


class Context(NamedTuple):
    """Who is judged: `name` is the row's (a metric's row is `sensor/metric`), `now_ms` the time of arrival."""

    run: str
    mode: str
    name: str
    sensor: Sensor
    profile: Profile
    params: Any  # RECORD
    now_ms: int
    note: Note | None = None  # what the zone's detectors say about this sensor


def detection(e: Any, kind: Kind, c: Context, retired: bool = False) -> Detection:
    """The detection of one EVENT record."""
    sensor, profile = c.sensor, c.profile
    ts, onset, cause, level = int(e["ts"]), int(e["onset"]), int(e["cause"]), int(e["level"])
    slot, state = int(e["slot"]), STATES[int(e["action"])]
    limit = hard_limit(e, c.params, slot, cause, level)
    facts = _facts(e, profile, cause, level, limit, (ts - onset) / 1000.0)
    says = over(facts, bool(e["relearned"])) if state == "clear" else ongoing(facts, kind)
    if c.note is not None and state != "clear" and kind.cls == "hazard":
        says = Both(f"{says.zh}；{c.note.says.zh}", f"{says.en}; {c.note.says.en}")
    if retired:
        says = RETIRED
    late_s = (c.now_ms - ts) / 1000.0
    delayed = late_s if late_s > max(LATENESS_S, 3.0 * sensor.interval_s) and slot not in (CLOCK, DROP) else 0.0
    if delayed:
        says = late(says, delayed)
    return Detection(
        id=stable_id(c.run, c.name, kind.kind, onset, state, ts),
        run=c.run,
        mode=c.mode,
        state=state,
        domain=sensor.domain,
        kind=kind.kind,
        cls=kind.cls,
        sensor=sensor.id,
        asset=sensor.asset or sensor.id,
        zone=sensor.zone,
        county=(sensor.zone or sensor.unit_code or sensor.id)[:6],
        unit=sensor.unit_code,
        lon=sensor.lon,
        lat=sensor.lat,
        approximate=sensor.approximate,
        ts_ms=ts,
        onset_ms=onset,
        magnitude=float(e["magnitude"]),
        hard=cause == LIMIT and level > 0,
        level=level,
        interval_s=sensor.interval_s,
        delayed_by_s=delayed,
        owner_org=sensor.owner_org,
        operator_org=sensor.operator_org,
        regulator=sensor.regulator,
        name=Text(sensor.name_zh, sensor.name_en),
        title=Text(*kind.title),
        reason=Text(*says),
        evidence=_evidence(e, c, slot, cause, limit, c.note.suspect if c.note and state != "clear" else ""),
    )


def hard_limit(e: Any, p: Any, slot: int, cause: int, level: int) -> float:
    """The hard limit that was crossed, in the reading's unit: of this sensor, on the value's side; NaN for none."""
    if cause != LIMIT or level <= 0 or slot not in (LOW, HIGH):
        return math.nan
    if level == OFF_SCALE:
        return float(p["off_scale"])
    high, low, value = float(p[f"high_{level}"]), float(p[f"low_{level}"]), float(e["value"])
    if math.isnan(high) or math.isnan(low):
        return low if math.isnan(high) else high
    if p["low_slot"] == LOW:
        return low if slot == LOW else high
    return high if abs(value - high) <= abs(value - low) else low


def _facts(e: Any, profile: Profile, cause: int, level: int, limit: float, lasted_s: float) -> Facts:
    """Numbers of the sentence, in the unit it is said in."""
    k = profile.text_factor if int(e["slot"]) != CLOCK else 1.0
    return Facts(
        profile.quantity, profile.text_unit, profile.decimals, cause, float(e["value"]) * k, float(e["expected"]) * k,
        limit * k, level, lasted_s, _also(float(e["value"]), profile) if int(e["slot"]) != CLOCK else "",
    )  # fmt: skip


def _also(value: float, profile: Profile) -> str:
    """The value in the second unit, with three digits that count."""
    return f"{value * profile.also_factor:.3g} {profile.also_unit}" if profile.also_unit else ""


def _evidence(e: Any, c: Context, slot: int, cause: int, limit: float, suspect: str) -> Evidence:
    sensor, profile = c.sensor, c.profile

    def some(value: float) -> float | None:
        return value if math.isfinite(value) else None

    n = int(e["series_n"])
    series = zip(e["series_ts"][:n].tolist(), e["series"][:n].tolist(), strict=True)
    return Evidence(
        detector=f"{profile.key}/{_NAMES[cause]}",
        version=_catalog.VERSION,
        score=some(float(e["score"])) if cause == DEVIATION or slot not in (DROP, CLOCK) else None,
        threshold=some(float(e["threshold"])),
        limit=some(limit),
        expected=some(float(e["expected"])),
        low=some(float(e["low"])),
        high=some(float(e["high"])),
        value=float(e["value"]),
        unit="s" if slot == CLOCK else sensor.unit or profile.unit,
        also=some(float(f"{float(e['value']) * profile.also_factor:.3g}"))
        if profile.also_unit and slot != CLOCK
        else None,
        also_unit=profile.also_unit if slot != CLOCK else "",
        suspect=suspect,
        series=tuple((ts, float(f"{v:.7g}")) for ts, v in series) if slot != CLOCK else (),
    )
