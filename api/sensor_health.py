"""How each sensor of the registry is: heard, late, silent, stuck, never heard. The console's and the engineer's view.

The detectors decide what becomes an alert (`detectors/dropout.py`, `detectors/flatline.py`); this is what one sees
before. Silent: after three times the interval at which a sensor uploads, at least a minute. Late: the newest reading
was older on arrival than that interval and 30 s. Both limits are the project's own choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from api.heard import Last
from geo.assets import Sensor
from geo.moments import rfc3339, rfc3339_or_none

STATES = ("ok", "late", "silent", "flat", "never")
SILENT_TIMES, SILENT_S, LATE_S = 3, 60.0, 30.0


class Health(NamedTuple):
    """`late_s`: how old the newest reading was when it came; None where that is not known."""

    sensor: Sensor
    state: str
    last: Last | None
    late_s: float | None


def health(sensor: Sensor, last: Last | None, flat: bool, now_ms: int) -> Health:
    """The worst that is true: silent before stuck before late.

    >>> s = Sensor(id="S", domain="gas", kind="methane", zone="Z", unit_code="522601", interval_s=60)
    >>> [health(s, Last(t, t, 1.0), False, 1_000_000).state for t in (990_000, 800_000)]
    ['ok', 'silent']
    """
    if last is None:
        return Health(sensor, "never", None, None)
    every_s = max(sensor.interval_s, sensor.upload_s)
    late_s = None if last.heard_ms is None else max(0.0, (last.heard_ms - last.ts_ms) / 1000)
    heard_ms = last.ts_ms if last.heard_ms is None else last.heard_ms
    if now_ms - heard_ms > max(SILENT_S, SILENT_TIMES * every_s) * 1000:
        state = "silent"
    elif flat:
        state = "flat"
    else:
        state = "late" if late_s is not None and late_s > every_s + LATE_S else "ok"
    return Health(sensor, state, last, late_s)


def counted(found: Iterable[Health]) -> dict[str, int]:
    """How many there are of each state."""
    counts = Counter(h.state for h in found)
    return {state: counts[state] for state in STATES}


def chosen(found: Iterable[Health], states: Collection[str]) -> list[Health]:
    """Those of these states (all where none is named), what is wrong first, then by id."""
    order = {"silent": 0, "flat": 1, "late": 2, "never": 3, "ok": 4}
    return sorted((h for h in found if not states or h.state in states), key=lambda h: (order[h.state], h.sensor.id))


def public(h: Health) -> dict[str, Any]:
    s, last = h.sensor, h.last
    return {
        "id": s.id, "name_zh": s.name_zh, "name_en": s.name_en, "domain": s.domain, "kind": s.kind, "unit": s.unit,
        "unit_code": s.unit_code, "zone": s.zone, "profile": s.profile or f"{s.domain}.{s.kind}",
        "owner_org": s.owner_org, "interval_s": s.interval_s, "upload_s": s.upload_s, "state": h.state,
        "at": last and rfc3339(last.ts_ms), "heard": last and rfc3339_or_none(last.heard_ms),
        "value": last and last.value, "late_s": h.late_s,
    }  # fmt: skip
