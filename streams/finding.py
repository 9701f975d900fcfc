"""From a finding of a group detector to a Detection: the zone's place and owner, the finding's words."""

from __future__ import annotations

from detectors import catalog as _catalog
from detectors.kinds import KINDS
from detectors.texts import late
from geo.assets import Sensor
from streams.events import Detection, Evidence, Text, stable_id
from streams.groups import Found

NEAR = 12  # sensors told, the nearest
SERIES = 60  # readings kept as evidence, the newest


def detection(found: Found, run: str, mode: str, domain: str, now_ms: int) -> Detection:
    """The detection of one finding; its asset is the part of the zone it speaks of."""
    f, sensors = found.finding, found.sensors
    kind = KINDS[f.kind]
    near = sensors[found.lead]
    late_s = (now_ms - f.ts_ms) / 1000.0 - _patience_s(sensors)
    says = late(f.reason, late_s) if late_s > 0 else f.reason
    lon, lat = f.place or (near.lon, near.lat)
    asset = f"{found.zone}/{f.key}" if f.key else found.zone
    return Detection(
        id=stable_id(run, asset, f.kind, f.onset_ms, f.state, f.ts_ms),
        run=run,
        mode=mode,
        state=f.state,
        domain=domain,
        kind=f.kind,
        cls=kind.cls,
        sensor=near.id,
        asset=asset,
        zone=found.zone,
        county=found.zone[:6],
        unit=near.unit_code,
        lon=lon,
        lat=lat,
        approximate=f.approximate or near.approximate,
        ts_ms=f.ts_ms,
        onset_ms=f.onset_ms,
        magnitude=max(_real(f.magnitude) or 0.0, 0.0),
        interval_s=near.interval_s,
        delayed_by_s=max(late_s, 0.0),
        witnesses=f.witnesses,
        tags=f.tags,
        near=f.sensors[:NEAR],
        owner_org=near.owner_org,
        operator_org=near.operator_org,
        regulator=near.regulator,
        name=Text(near.name_zh or asset, near.name_en or asset),
        title=Text(*kind.title),
        reason=Text(*says),
        evidence=Evidence(
            detector=f.detector, version=_catalog.VERSION, score=f.score, threshold=f.threshold,
            expected=_real(f.expected), low=_real(f.low), high=_real(f.high), value=_real(f.value), unit=f.unit,
            series=f.series[-SERIES:],
        ),
    )  # fmt: skip


def _patience_s(sensors: dict[str, Sensor]) -> float:
    """How long after its time a finding may come without being late: what it waits for, and a few intervals."""
    return max(max(s.upload_s, 60.0 + 5.0 * s.interval_s) for s in sensors.values())


def _real(value: float) -> float | None:
    return value if value == value and abs(value) != float("inf") else None
