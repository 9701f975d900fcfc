"""The detectors of one domain over columns of readings: columns in, detections out. Pure; time comes with the readings.

The same sequence of `configure`, `process` and `tick` gives the same detections with the same ids, however the readings
are cut into batches. What is not judged, and counted: readings older than the sensor's last (late), of the same time
(duplicate), NaN and infinite values (nan), of quality bad (bad), of sensors nobody configured (unknown). Late ones
still count in the balance of their zone until its window closes (`detectors.zone_sum`).

A reading with a metric belongs to a row of its own, `sensor/metric`, made when it is first met, with the profile
`domain.metric`; a metric that is the sensor's kind, or `value`, is the sensor's own row.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import catalog as _catalog
from detectors import dropout, equipment, fused
from detectors.bank import Bank, records
from detectors.catalog import Catalog, Profile, override
from detectors.groups import GROUPS
from detectors.layout import ACTIVE, BLOCK_SLOTS, CLEAR, EVENT, SLOT, SLOTS
from detectors.params import RECORD, ParamError, compile_params
from detectors.texts import Kind
from detectors.zone_sum import ZoneSums
from geo.assets import Sensor, profile_for
from streams import finding, kernel_state
from streams.columns import Columns
from streams.events import Detection
from streams.explaining import Context, detection
from streams.groups import Found, Groups
from streams.row_lists import RowLists

BLIND_MS = 60_000  # ticks further apart than this: the system was down
METRICS = 32  # of one sensor; further ones are unknown
EVENTS = 256  # findings the loop may make before they are read
COUNTERS = ("late", "duplicate", "nan", "unknown", "bad")
BALANCE = "balance"
_NO_QUALITY = np.zeros(0, np.uint8)


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
        self._names: list[str] = []  # by row: id, id/metric, zone/balance
        self._profiles: list[Profile] = []  # by row
        self._params: NDArray[Any] = records(np.zeros(8, RECORD))
        self._param_rows: dict[bytes, int] = {}
        self._open: dict[int, str] = {}  # row * 8 + slot -> kind of the open episode
        self._metrics: dict[str, list[str]] = {}  # sensor -> metrics that have rows
        self._sums = ZoneSums()
        self._groups = Groups(GROUPS.get(domain))
        self._now_ms = 0
        self._counts = np.zeros(len(COUNTERS), np.int64)
        self._events: NDArray[Any] = records(np.zeros(EVENTS + 2 * SLOTS, EVENT))
        self._silent_rows, self._silent_actions = np.zeros(EVENTS, np.int32), np.zeros(EVENTS, np.uint8)
        self._lists = RowLists()

    @property
    def counters(self) -> dict[str, int]:
        counts = dict(zip(COUNTERS, self._counts.tolist(), strict=True))
        return {**counts, "late_for_balance": self._sums.late, "balance_gap": self._sums.gaps}

    def __len__(self) -> int:
        return len(self._bank)

    def configure(self, sensors: Iterable[Sensor]) -> list[Detection]:
        """Add sensors or take over newer versions of them; what ends with a retired one.

        A sensor whose profile or interval changed learns anew.
        """
        out: list[Detection] = []
        for sensor in sensors:
            row = self._bank.rows.get(sensor.id)
            if row is not None and sensor.version <= self._sensors[row].version:
                continue
            row = self._put(sensor.id, sensor)
            self._sums.member(
                row, sensor.zone, 0 if sensor.retired else sensor.flow_sign, sensor.interval_s, sensor.upload_s
            )
            self._groups.member(row, sensor)
            metrics = self._metrics.get(sensor.id, ())
            rows = [row, *(self._put(f"{sensor.id}/{m}", self._of_metric(sensor, m)) for m in metrics)]
            if sensor.retired:
                out += [d for r in rows for d in self._retire(r)]
        return out

    def use(self, catalog: Catalog) -> None:
        """Go over to other profiles. What was learned stays; what a profile newly asks for begins anew, and so does a
        sensor whose profile measures in another unit."""
        self.catalog, self._param_rows = catalog, {}
        for row, sensor in enumerate(self._sensors):
            old, profile = self._profiles[row], catalog.get(profile_for(sensor))
            self._profiles[row] = profile
            if profile.unit != old.unit:
                self._bank.forget(row)
            self._set_params(row, sensor, profile)

    def process(self, cols: Columns, at_ms: int = 0) -> list[Detection]:
        """Judge readings in the order given; `at_ms`: when they arrived, epoch ms, 0 where nobody knows (a replay)."""
        idx, rows = self._rows(cols)
        quality = _NO_QUALITY if cols.quality is None else cols.quality
        ended: list[Detection] = []
        if self._sums.zones or self._groups:
            of = rows[idx] if cols.quality is None else np.where(quality == 2, -1, rows[idx])
            self._sums.add(of, cols.ts_ms, cols.value)
            ended = self._told(self._groups.add(of, cols.ts_ms, cols.value))
        return ended + self._judge(rows, idx, cols.ts_ms, cols.value, quality, at_ms)

    def _judge(self, rows: Any, idx: Any, ts_ms: Any, values: Any, quality: Any, at_ms: int) -> list[Detection]:
        bank, out, first, n = self._bank, [], 0, len(idx)
        while first < n:
            found, first = fused.apply(
                bank.state, bank.slots, self._params, bank.ring_t, bank.ring_v, rows, idx, ts_ms, values,
                quality, self._counts, self._now_ms, at_ms, self._events, first, bank.blocks, bank.block_slots,
                bank.seasons,
            )  # fmt: skip
            out += [self._detection(self._events[k], at_ms) for k in range(found)]
        return out

    def tick(self, now_ms: int) -> list[Detection]:
        """Time has reached `now_ms`: which balances are whole, who is silent? A tick that goes back is ignored.

        After a gap in the ticks themselves it was us who did not listen: every sensor's silence starts anew.
        """
        if now_ms <= self._now_ms:
            return []
        if self._blind_ms is not None and now_ms - self._now_ms > self._blind_ms:
            self._bank.state["heard"] = now_ms
        self._now_ms = now_ms
        return self._balances(now_ms) + self._told(self._groups.advance(now_ms)) + self._silences(now_ms)

    def _told(self, found: list[Found]) -> list[Detection]:
        return [finding.detection(f, self.run, self.mode, self.domain, self._now_ms) for f in found]

    def _balances(self, now_ms: int) -> list[Detection]:
        out: list[Detection] = []
        for zone, ts, value in self._sums.advance(now_ms):
            row = self._bank.rows.get(f"{zone}/{BALANCE}")
            if row is None:
                row = self._put(f"{zone}/{BALANCE}", self._of_zone(zone))
            one = np.array([row], np.int32), np.zeros(1, np.int32), np.array([ts]), np.array([value])
            out += self._judge(*one, _NO_QUALITY, 0)
        return out

    def _silences(self, now_ms: int) -> list[Detection]:
        bank, out, row = self._bank, [], 0
        rows, actions = self._silent_rows, self._silent_actions
        while row < len(bank):
            found, row = dropout.tick(bank.state, bank.slots, self._params, now_ms, row, len(bank), rows, actions)
            fused.silent(
                bank.state, self._params, bank.slots, bank.ring_t, bank.ring_v, rows, actions, found, now_ms,
                self._events,
            )  # fmt: skip
            out += [self._detection(self._events[k], now_ms) for k in range(found)]
        return out

    # -- rows ------------------------------------------------------------------------------------------------------

    def _put(self, name: str, sensor: Sensor) -> int:
        """Make or renew a row."""
        profile = self.catalog.get(profile_for(sensor))
        row = self._bank.rows.get(name)
        if row is None:
            row = self._bank.add(name)
            self._lists.clear()
            self._sensors.append(sensor)
            self._profiles.append(profile)
            self._names.append(name)
        else:
            old = self._sensors[row]
            self._sensors[row], self._profiles[row] = sensor, profile
            if (profile_for(old), old.interval_s) != (profile_for(sensor), sensor.interval_s):
                self._bank.forget(row)
        self._set_params(row, sensor, profile)
        return row

    def _set_params(self, row: int, sensor: Sensor, profile: Profile) -> None:
        param_row = self._bank.state[row]["profile"] = self._param_row(sensor, profile)
        self._bank.ask(row, self._params[param_row])

    def _of_metric(self, sensor: Sensor, metric: str) -> Sensor:
        """What a metric's row is judged by: the sensor's place, the metric's profile."""
        kind = metric if f"{self.domain}.{metric}" in self.catalog.profiles else "generic"
        volts = sensor.params.get("battery_v", 0.0) if metric == "battery" else 0.0  # else it is told in percent
        own = equipment.battery_limits(volts) if volts > 0.0 else {}
        return msgspec.structs.replace(sensor, kind=kind, profile="", params=own, unit="V" if own else "", flow_sign=0)

    def _of_zone(self, zone: str) -> Sensor:
        z = self._sums.zones[zone]
        first = self._sensors[min(z.signs)]
        return Sensor(
            id=f"{zone}/{BALANCE}", domain=self.domain, kind=BALANCE, zone=zone, unit_code=zone[:6], asset=zone,
            lon=first.lon, lat=first.lat, approximate=True, name_zh=f"{zone} 分区", name_en=f"zone {zone}",
            interval_s=z.window_ms / 1000.0, upload_s=z.lateness_ms / 1000.0, owner_org=first.owner_org,
            operator_org=first.operator_org, regulator=first.regulator,
        )  # fmt: skip

    def _retire(self, row: int) -> list[Detection]:
        """End what is open and forget what was learned."""
        out = []
        r, slots = self._bank.state[row], self._bank.slots[row]
        boxed = self._bank.block_slots[r["block"]]
        for slot in range(SLOTS + (BLOCK_SLOTS if r["block"] else 0)):
            s = slots[slot] if slot < SLOTS else boxed[slot - SLOTS]
            if s["phase"] == ACTIVE:
                self._events[0] = np.zeros((), EVENT)
                e = self._events[0]
                e["row"], e["slot"], e["action"], e["cause"] = row, slot, CLEAR, s["cause"]
                e["ts"], e["onset"], e["value"] = max(self._now_ms, int(r["last_ts"])), s["onset"], r["last"]
                for name in ("expected", "low", "high", "score", "threshold"):
                    e[name] = math.nan
                out.append(self._detection(e, 0, retired=True))
            (slots if slot < SLOTS else boxed)[slot % SLOTS] = np.zeros((), SLOT)
        self._bank.unlearn(row)
        last, profile, block = int(r["last_ts"]), int(r["profile"]), int(r["block"])
        self._bank.state[row] = np.zeros((), r.dtype)
        r["profile"], r["last_ts"], r["block"] = profile, last, block
        return out

    def _param_row(self, sensor: Sensor, profile: Profile) -> int:
        """The row of the parameter table for a sensor; equal parameters share one."""
        try:
            values = override(profile, sensor.params)
        except ParamError as error:
            self.problems.append(f"sensor {sensor.id}: params: {error}; its profile {profile.key} is used without them")
            values = profile.params
        interval = sensor.interval_s if math.isfinite(sensor.interval_s) and sensor.interval_s > 0 else 60.0
        if sensor.retired:
            values = {**values, "dropout.intervals": 0.0}
        record = compile_params(values, interval, profile.low_slot, sensor.upload_s)
        row = self._param_rows.setdefault(record.tobytes(), len(self._param_rows))
        if row == len(self._params):
            self._params = records(np.concatenate([self._params, np.zeros(row, RECORD)]))
        self._params[row] = record
        return row

    def _rows(self, cols: Columns) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(idx int32[n], rows int32[..]) such that rows[idx] is each reading's row or -1."""
        if cols.metric_idx is None:
            return cols.idx, self._lists.find(self._bank, cols.sensors)
        metrics = cols.metrics or []
        width = len(metrics) + 1
        pairs, idx = np.unique(cols.idx.astype(np.int64) * width + cols.metric_idx + 1, return_inverse=True)
        rows = [self._row_of(cols.sensors[k // width], metrics[k % width - 1] if k % width else "") for k in pairs]
        return idx.astype(np.int32).reshape(-1), np.array(rows, np.int32)

    def _row_of(self, sensor: str, metric: str) -> int:
        own = self._bank.rows.get(sensor, -1)
        if own < 0 or metric in ("", "value", self._sensors[own].kind):
            return own
        row = self._bank.rows.get(f"{sensor}/{metric}")
        if row is None:
            known = self._metrics.setdefault(sensor, [])
            if len(known) >= METRICS:
                return -1
            known.append(metric)
            row = self._put(f"{sensor}/{metric}", self._of_metric(self._sensors[own], metric))
        return row

    def _detection(self, e: Any, at_ms: int, retired: bool = False) -> Detection:
        row, slot = int(e["row"]), int(e["slot"])
        sensor, profile = self._sensors[row], self._profiles[row]
        key = row * 8 + slot
        known: Mapping[str, Kind] = _catalog.KINDS
        kind = known[self._open[key]] if key in self._open else profile.kinds[slot]
        if int(e["action"]) == CLEAR:
            self._open.pop(key, None)
        else:
            self._open[key] = kind.kind
        params = self._params[self._bank.state[row]["profile"]]
        note = self._groups.note(row, float(e["value"]))
        about = Context(self.run, self.mode, self._names[row], sensor, profile, params, at_ms or self._now_ms, note)
        return detection(e, kind, about, retired)

    # -- state -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Everything that decides later answers, as msgpack."""
        return kernel_state.encode(
            kernel_state.Saved(
                format=kernel_state.FORMAT,
                version=_catalog.VERSION,
                domain=self.domain,
                run=self.run,
                mode=self.mode,
                now_ms=self._now_ms,
                counts=self._counts.tolist(),
                open=list(self._open.items()),
                sensors=self._sensors,
                bank=self._bank.dump(),
                metrics=self._metrics,
                sums=self._sums.dump(),
                groups=self._groups.dump(),
            )
        )

    def restore(self, data: bytes) -> list[str]:
        """Go on exactly where the kernel of `snapshot` was. Returns what had to be migrated, [] for nothing.

        Raises:
            StateError: the bytes are no snapshot, of a format that cannot be migrated, or of another domain or run.
        """
        saved, notes = kernel_state.decode(data, self.domain, self.run, self.mode)
        bank = Bank.load(saved.bank)
        self._bank, self._sensors, self._open = bank, saved.sensors, dict(saved.open)
        self._names, self._metrics = list(bank.rows), saved.metrics
        self._profiles = [self.catalog.get(profile_for(s)) for s in saved.sensors]
        self._sums, self._groups = ZoneSums(), Groups(GROUPS.get(self.domain))
        own = {s.id for s in saved.sensors}
        for row, (sensor, profile) in enumerate(zip(self._sensors, self._profiles, strict=True)):
            self._set_params(row, sensor, profile)
            if sensor.flow_sign and not sensor.retired and self._names[row] in own:
                self._sums.member(row, sensor.zone, sensor.flow_sign, sensor.interval_s, sensor.upload_s)
            if "/" not in self._names[row]:  # else a metric's row or a balance's
                self._groups.member(row, sensor)
        self._sums.load(saved.sums)
        notes += self._groups.load(saved.groups)
        self._counts[: len(saved.counts)] = saved.counts
        self._now_ms = saved.now_ms
        self._lists.clear()
        return notes
