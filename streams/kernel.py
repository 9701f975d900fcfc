"""The detectors of one domain over columns of readings: columns in, detections out. Pure; time comes with the readings.

The same sequence of `configure`, `process` and `tick` gives the same detections with the same ids, however the readings
are cut into batches. What is not judged, and counted: readings older than the sensor's last (late), of the same time
(duplicate), NaN and infinite values (nan), of quality bad (bad), of sensors nobody configured (unknown).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import catalog as _catalog
from detectors import dropout, fused
from detectors.bank import Bank, StateError, records
from detectors.catalog import Catalog, Profile, override
from detectors.layout import CLEAR, DEVIATION, DROP, EVENT, LIMIT, RAISE, UPDATE
from detectors.params import RECORD, ParamError, compile_params
from detectors.texts import Facts, Kind, ongoing, over
from geo.assets import Sensor, profile_for
from streams.columns import Columns
from streams.events import Detection, Evidence, Text, stable_id

FORMAT = 3  # of snapshots
BLIND_MS = 60_000  # ticks further apart than this: the system was down
LISTS = 256  # lists of sensors whose rows are remembered (20 kB each)
EVENTS = 256  # findings the loop may make before they are read
STATES = {RAISE: "raise", UPDATE: "update", CLEAR: "clear"}
COUNTERS = ("late", "duplicate", "nan", "unknown", "bad")
_NO_QUALITY = np.zeros(0, np.uint8)
_encoder = msgspec.msgpack.Encoder()


class Kernel:
    """Detectors and their state for the sensors of one domain (in practice: of one partition)."""

    def __init__(
        self,
        domain: str,
        run: str = "",
        mode: str = "actual",
        catalog: Catalog | None = None,
        blind_ms: int | None = BLIND_MS,  # None: ticks are the readings' own times (a replay), a gap is a gap
    ) -> None:
        self.domain, self.run, self.mode, self._blind_ms = domain, run, mode, blind_ms
        self.catalog = catalog or Catalog.default()
        self.problems: list[str] = []  # sensors whose own parameters were refused, newest last
        self._bank = Bank()
        self._sensors: list[Sensor] = []  # by row
        self._profiles: list[Profile] = []  # by row
        self._params: NDArray[Any] = records(np.zeros(8, RECORD))
        self._param_rows: dict[bytes, int] = {}
        self._open: dict[int, str] = {}  # row * 8 + slot -> kind of the open episode
        self._now_ms = 0
        self._counts = np.zeros(len(COUNTERS), np.int64)
        self._events: NDArray[Any] = records(np.zeros(EVENTS + 8, EVENT))
        self._silent_rows, self._silent_actions = np.zeros(EVENTS, np.int32), np.zeros(EVENTS, np.uint8)
        self._lists: dict[str, NDArray[np.int32]] = {}  # see _find

    @property
    def counters(self) -> dict[str, int]:
        return dict(zip(COUNTERS, self._counts.tolist(), strict=True))

    def __len__(self) -> int:
        return len(self._bank)

    def configure(self, sensors: Iterable[Sensor]) -> None:
        """Add sensors or take over newer versions of them. A sensor whose profile or interval changed learns anew."""
        for sensor in sensors:
            row = self._bank.rows.get(sensor.id)
            if row is not None and sensor.version <= self._sensors[row].version:
                continue
            profile = self.catalog.get(profile_for(sensor))
            param_row = self._param_row(sensor, profile)
            if row is None:
                row = self._bank.add(sensor.id)
                self._lists.clear()
                self._sensors.append(sensor)
                self._profiles.append(profile)
            else:
                old = self._sensors[row]
                self._sensors[row], self._profiles[row] = sensor, profile
                if (profile_for(old), old.interval_s) != (profile_for(sensor), sensor.interval_s):
                    self._bank.forget(row)
            self._bank.state[row]["profile"] = param_row

    def process(self, cols: Columns) -> list[Detection]:
        """Judge readings in the order given. Sensors with a metric are known as `sensor/metric`."""
        idx, rows = self._rows(cols)
        quality = _NO_QUALITY if cols.quality is None else cols.quality
        bank, out, first, n = self._bank, [], 0, len(cols)
        while first < n:
            found, first = fused.apply(
                bank.state, bank.slots, self._params, bank.ring_t, bank.ring_v, rows, idx, cols.ts_ms, cols.value,
                quality, self._counts, self._now_ms, self._events, first,
            )  # fmt: skip
            out += [self._detection(self._events[k]) for k in range(found)]
        return out

    def tick(self, now_ms: int) -> list[Detection]:
        """Time has reached `now_ms`: who is silent? A tick that goes back is ignored.

        After a gap in the ticks themselves it was us who did not listen: every sensor's silence starts anew.
        """
        if now_ms <= self._now_ms:
            return []
        if self._blind_ms is not None and now_ms - self._now_ms > self._blind_ms:
            self._bank.state["heard"] = now_ms
        self._now_ms = now_ms
        bank, out, row = self._bank, [], 0
        rows, actions = self._silent_rows, self._silent_actions
        while row < len(bank):
            found, row = dropout.tick(bank.state, bank.slots, self._params, now_ms, row, len(bank), rows, actions)
            fused.silent(
                bank.state,
                self._params,
                bank.slots,
                bank.ring_t,
                bank.ring_v,
                rows,
                actions,
                found,
                now_ms,
                self._events,
            )
            out += [self._detection(self._events[k]) for k in range(found)]
        return out

    def snapshot(self) -> bytes:
        """Everything that decides later answers, as msgpack."""
        return _encoder.encode(
            {
                "format": FORMAT,
                "version": _catalog.VERSION,
                "domain": self.domain,
                "run": self.run,
                "mode": self.mode,
                "now_ms": self._now_ms,
                "counts": self._counts.tolist(),
                "open": list(self._open.items()),
                "sensors": self._sensors,
                "bank": self._bank.dump(),
            }
        )

    def restore(self, data: bytes) -> None:
        """Go on exactly where the kernel of `snapshot` was.

        Raises:
            StateError: the bytes are no snapshot, or of another format, domain or run.
        """
        try:
            saved = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise StateError(f"snapshot cannot be read: {error}") from None
        if (saved.format, saved.version) != (FORMAT, _catalog.VERSION):
            raise StateError(
                f"snapshot has format {saved.format} of detectors {saved.version}, this version reads "
                f"{FORMAT} of {_catalog.VERSION}: replay instead"
            )
        if (saved.domain, saved.run, saved.mode) != (self.domain, self.run, self.mode):
            raise StateError(
                f"snapshot is of {saved.domain}/{saved.run}/{saved.mode}, not {self.domain}/{self.run}/{self.mode}"
            )
        bank = Bank.load(saved.bank)
        self._bank, self._sensors, self._open = bank, saved.sensors, dict(saved.open)
        self._profiles = [self.catalog.get(profile_for(s)) for s in saved.sensors]
        for row, (sensor, profile) in enumerate(zip(self._sensors, self._profiles, strict=True)):
            bank.state[row]["profile"] = self._param_row(sensor, profile)
        self._counts[:] = saved.counts
        self._now_ms = saved.now_ms
        self._lists.clear()

    def _param_row(self, sensor: Sensor, profile: Profile) -> int:
        """The row of the parameter table for a sensor; equal parameters share one."""
        try:
            values = override(profile, sensor.params)
        except ParamError as error:
            self.problems.append(f"sensor {sensor.id}: params: {error}; its profile {profile.key} is used without them")
            values = profile.params
        interval = sensor.interval_s if math.isfinite(sensor.interval_s) and sensor.interval_s > 0 else 60.0
        record = compile_params(values, interval, profile.low_slot)
        row = self._param_rows.setdefault(record.tobytes(), len(self._param_rows))
        if row == len(self._params):
            self._params = records(np.concatenate([self._params, np.zeros(row, RECORD)]))
        self._params[row] = record
        return row

    def _rows(self, cols: Columns) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(idx int32[n], rows int32[..]) such that rows[idx] is each reading's row or -1."""
        if cols.metric_idx is None:
            return cols.idx, self._find(cols.sensors)
        metrics = cols.metrics or []
        width = len(metrics) + 1
        pairs, idx = np.unique(cols.idx.astype(np.int64) * width + cols.metric_idx + 1, return_inverse=True)
        names = [cols.sensors[k // width] + (f"/{metrics[k % width - 1]}" if k % width else "") for k in pairs.tolist()]
        return idx.astype(np.int32).reshape(-1), self._bank.find(names)

    def _find(self, sensors: list[str]) -> NDArray[np.int32]:
        """Rows of a list of sensors. Senders repeat their lists; looking up the whole list is 5 x faster than each."""
        key = "\n".join(sensors)
        rows = self._lists.get(key)
        if rows is None:
            rows = self._bank.find(sensors)
            if len(self._lists) >= LISTS:
                self._lists.clear()
            if key.count("\n") == len(sensors) - 1:  # else an id has the separator in it: the key is not unique
                self._lists[key] = rows
        return rows

    def _detection(self, e: Any) -> Detection:
        row, slot, action = int(e["row"]), int(e["slot"]), int(e["action"])
        sensor, profile = self._sensors[row], self._profiles[row]
        key = row * 8 + slot
        known: Mapping[str, Kind] = _catalog.KINDS
        kind = known[self._open[key]] if key in self._open else profile.kinds[slot]
        if action == CLEAR:
            self._open.pop(key, None)
        else:
            self._open[key] = kind.kind
        ts, onset, cause, level = int(e["ts"]), int(e["onset"]), int(e["cause"]), int(e["level"])
        facts = _facts(e, profile, cause, level, (ts - onset) / 1000.0)
        says = over(facts, bool(e["relearned"])) if action == CLEAR else ongoing(facts, kind)
        late_s = (self._now_ms - ts) / 1000.0
        return Detection(
            id=stable_id(self.run, sensor.id, kind.kind, onset, STATES[action], ts),
            run=self.run,
            mode=self.mode,
            state=STATES[action],
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
            delayed_by_s=late_s if late_s > max(60.0, 3.0 * sensor.interval_s) else 0.0,
            owner_org=sensor.owner_org,
            operator_org=sensor.operator_org,
            regulator=sensor.regulator,
            name=Text(sensor.name_zh, sensor.name_en),
            title=Text(*kind.title),
            reason=Text(*says),
            evidence=_evidence(e, sensor, profile, slot, cause),
        )


class _Saved(msgspec.Struct):
    format: int
    version: int
    domain: str
    run: str
    mode: str
    now_ms: int
    counts: list[int]
    open: list[tuple[int, str]]
    sensors: list[Sensor]
    bank: dict[str, Any]


_decoder = msgspec.msgpack.Decoder(_Saved)
_NAMES = ("", "adaptive", "limits", "rate", "range", "flatline", "dropout")


def _facts(e: Any, profile: Profile, cause: int, level: int, lasted_s: float) -> Facts:
    """Numbers of the sentence, in the unit it is said in."""
    value = float(e["value"])
    limit = math.nan
    if cause == LIMIT and level > 0:
        high = profile.params[f"limits.high_{level}"]
        limit = high if value >= high * 0.5 else profile.params[f"limits.low_{level}"]
    k = profile.text_factor
    expected = float(e["expected"]) * k
    return Facts(
        profile.quantity, profile.text_unit, profile.decimals, cause, value * k, expected, limit * k, level, lasted_s
    )


def _evidence(e: Any, sensor: Sensor, profile: Profile, slot: int, cause: int) -> Evidence:
    def some(name: str) -> float | None:
        value = float(e[name])
        return value if math.isfinite(value) else None

    n = int(e["series_n"])
    return Evidence(
        detector=f"{profile.key}/{_NAMES[cause]}",
        version=_catalog.VERSION,
        score=some("score") if cause == DEVIATION or slot != DROP else None,
        threshold=some("threshold"),
        expected=some("expected"),
        low=some("low"),
        high=some("high"),
        value=float(e["value"]),
        unit=sensor.unit or profile.unit,
        series=tuple(
            (ts, float(f"{v:.7g}")) for ts, v in zip(e["series_ts"][:n].tolist(), e["series"][:n].tolist(), strict=True)
        ),
    )
