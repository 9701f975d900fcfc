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

from detectors import catalog as _catalog, dropout, fused
from detectors.bank import Bank, records
from detectors.catalog import Catalog, ProfileError
from detectors.groups import GROUPS
from detectors.kinds import KINDS
from detectors.layout import ACTIVE, BLOCK_SLOTS, CLEAR, EVENT, SLOT, SLOTS
from detectors.profile_file import ProfileFile
from detectors.texts import Kind
from detectors.zone_sum import ZoneSums
from geo.assets import Sensor
from geo.fences import Fence, FenceError
from streams import finding, kernel_state
from streams.columns import Columns
from streams.events import Detection
from streams.explaining import Context, detection
from streams.groups import Found, Groups
from streams.kernel_rows import Rows
from streams.moving import Movements

BLIND_MS = 60_000  # ticks further apart than this: the system was down
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
        self._base = catalog or Catalog.default()
        self._file: ProfileFile | None = None  # own profiles over those of `_base`
        self._rows = Rows(domain, self._base)
        self._open: dict[int, str] = {}  # row * 8 + slot -> kind of the open episode
        self._sums = ZoneSums()
        self._groups = Groups(GROUPS.get(domain))
        self._moving = Movements(run, mode, self._rows.fencing)
        self._now_ms = 0
        self._counts = np.zeros(len(COUNTERS), np.int64)
        self._events: NDArray[Any] = records(np.zeros(EVENTS + 2 * SLOTS, EVENT))
        self._silent_rows, self._silent_actions = np.zeros(EVENTS, np.int32), np.zeros(EVENTS, np.uint8)

    @property
    def counters(self) -> dict[str, int]:
        counts = dict(zip(COUNTERS, self._counts.tolist(), strict=True))
        return {**counts, "late_for_balance": self._sums.late, "balance_gap": self._sums.gaps}

    def __len__(self) -> int:
        return len(self._rows.bank)

    @property
    def problems(self) -> list[str]:
        """Parameters and profiles that were refused, newest last."""
        return self._rows.problems

    def configure(self, records: Iterable[Sensor | Fence | ProfileFile]) -> list[Detection]:
        """Take over newer versions of sensors, fences and this domain's profiles; what ends with a retired sensor."""
        out: list[Detection] = []
        for record in records:
            if isinstance(record, Sensor):
                out += self._sensor(record)
            elif isinstance(record, Fence):
                self._fence(record)
            elif record.domain == self.domain:
                self._profiles(record)
        return out

    def _sensor(self, sensor: Sensor) -> list[Detection]:
        row = self._rows.bank.rows.get(sensor.id)
        if row is not None and sensor.version <= self._rows.sensors[row].version:
            return []
        row = self._rows.put(sensor.id, sensor, self._now_ms)
        sign = 0 if sensor.retired else sensor.flow_sign
        self._sums.member(row, sensor.zone, sign, sensor.interval_s, sensor.upload_s)
        self._groups.member(row, sensor)
        metrics = self._rows.metrics.get(sensor.id, ())
        of = [self._rows.put(f"{sensor.id}/{m}", self._rows.of_metric(sensor, m), self._now_ms) for m in metrics]
        ended = self._moving.member(row, sensor)
        return ended + ([d for r in (row, *of) for d in self._retire(r)] if sensor.retired else [])

    def _fence(self, fence: Fence) -> None:
        try:
            self._rows.refresh(self._rows.fencing.take(fence, self._now_ms), self._now_ms)
        except FenceError as error:
            self._rows.problem(f"fence {fence.id}: {error}; what it was before stays")

    def _profiles(self, file: ProfileFile) -> None:
        """Go over to newer profiles; a text that cannot be used is a problem, and the old ones stay."""
        if self._file is not None and file.version <= self._file.version:
            return
        try:
            self.use(self._base.with_text(file.domain, file.toml, f"profiles of {file.domain}, version {file.version}"))
            self._file = file
        except ProfileError as error:
            self._rows.problem(f"{error}; the profiles before it are used")

    def use(self, catalog: Catalog) -> None:
        """Go over to other profiles (`Rows.use` says what is kept)."""
        self._rows.use(catalog, self._now_ms)

    def process(self, cols: Columns, at_ms: int = 0) -> list[Detection]:
        """Judge readings in the order given; `at_ms`: when they arrived, epoch ms, 0 where nobody knows (a replay)."""
        idx, rows = self._rows.find(cols, self._now_ms)
        quality = _NO_QUALITY if cols.quality is None else cols.quality
        ended: list[Detection] = []
        if self._sums.zones or self._groups:
            of = rows[idx] if cols.quality is None else np.where(quality == 2, -1, rows[idx])
            self._sums.add(of, cols.ts_ms, cols.value)
            ended = self._told(self._groups.add(of, cols.ts_ms, cols.value))
        found = ended + self._judge(rows, idx, cols.ts_ms, cols.value, quality, at_ms)
        if self._moving and cols.lon is not None:
            own = rows
            if cols.metric_idx is not None:
                own = np.array([self._rows.owner(r) if r >= 0 else -1 for r in rows.tolist()], np.int32)
            found += self._moving.add(cols, np.where(quality == 2, -1, own[idx]) if len(quality) else own[idx])
        return found

    def _judge(self, rows: Any, idx: Any, ts_ms: Any, values: Any, quality: Any, at_ms: int) -> list[Detection]:
        bank, out, first, n = self._rows.bank, [], 0, len(idx)
        while first < n:
            found, first = fused.apply(
                bank.state, bank.slots, self._rows.params, bank.ring_t, bank.ring_v, rows, idx, ts_ms, values,
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
            self._rows.bank.state["heard"] = now_ms
        self._now_ms = now_ms
        self._rows.refresh(self._rows.fencing.due(now_ms), now_ms)
        found = self._balances(now_ms) + self._told(self._groups.advance(now_ms)) + self._silences(now_ms)
        return found + self._moving.tick(now_ms) if self._moving else found

    def _told(self, found: list[Found]) -> list[Detection]:
        made = [finding.detection(f, self.run, self.mode, self.domain, self._now_ms) for f in found]
        return [self._placed(d, d.unit) for d in made]

    def _placed(self, d: Detection, unit: str) -> Detection:
        """A detection with the fences around its own place and its unit ("": whatever the place is in)."""
        marks = self._rows.fencing.marks_at(d.lon, d.lat, unit, d.kind, d.ts_ms, d.hard)
        return msgspec.structs.replace(d, fences=marks) if marks else d

    def _balances(self, now_ms: int) -> list[Detection]:
        out: list[Detection] = []
        for zone, ts, value in self._sums.advance(now_ms):
            row = self._rows.bank.rows.get(f"{zone}/{BALANCE}")
            if row is None:
                row = self._rows.put(f"{zone}/{BALANCE}", self._of_zone(zone), now_ms)
            one = np.array([row], np.int32), np.zeros(1, np.int32), np.array([ts]), np.array([value])
            out += self._judge(*one, _NO_QUALITY, 0)
        return out

    def _silences(self, now_ms: int) -> list[Detection]:
        bank, out, row = self._rows.bank, [], 0
        rows, actions = self._silent_rows, self._silent_actions
        while row < len(bank):
            found, row = dropout.tick(bank.state, bank.slots, self._rows.params, now_ms, row, len(bank), rows, actions)
            fused.silent(
                bank.state, self._rows.params, bank.slots, bank.ring_t, bank.ring_v, rows, actions, found, now_ms,
                self._events,
            )  # fmt: skip
            out += [self._detection(self._events[k], now_ms) for k in range(found)]
        return out

    def _of_zone(self, zone: str) -> Sensor:
        z = self._sums.zones[zone]
        first = self._rows.sensors[min(z.signs)]
        return Sensor(
            id=f"{zone}/{BALANCE}", domain=self.domain, kind=BALANCE, zone=zone, unit_code=zone[:6], asset=zone,
            lon=first.lon, lat=first.lat, approximate=True, name_zh=f"{zone} 分区", name_en=f"zone {zone}",
            interval_s=z.window_ms / 1000.0, upload_s=z.lateness_ms / 1000.0, owner_org=first.owner_org,
            operator_org=first.operator_org, regulator=first.regulator,
        )  # fmt: skip

    def _retire(self, row: int) -> list[Detection]:
        """End what is open and forget what was learned."""
        out = []
        r, slots = self._rows.bank.state[row], self._rows.bank.slots[row]
        boxed = self._rows.bank.block_slots[r["block"]]
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
        self._rows.bank.unlearn(row)
        last, profile, block = int(r["last_ts"]), int(r["profile"]), int(r["block"])
        self._rows.bank.state[row] = np.zeros((), r.dtype)
        r["profile"], r["last_ts"], r["block"] = profile, last, block
        return out

    def _detection(self, e: Any, at_ms: int, retired: bool = False) -> Detection:
        row, slot = int(e["row"]), int(e["slot"])
        sensor, profile = self._rows.sensors[row], self._rows.profiles[row]
        key = row * 8 + slot
        known: Mapping[str, Kind] = KINDS
        kind = known[self._open[key]] if key in self._open else profile.kinds[slot]
        if int(e["action"]) == CLEAR:
            self._open.pop(key, None)
        else:
            self._open[key] = kind.kind
        params = self._rows.params[self._rows.bank.state[row]["profile"]]
        note = self._groups.note(row, float(e["value"]))
        name, now_ms = self._rows.names[row], at_ms or self._now_ms
        made = detection(e, kind, Context(self.run, self.mode, name, sensor, profile, params, now_ms, note), retired)
        if self._moving and (place := self._moving.place(self._rows.owner(row))) is not None:
            return self._placed(msgspec.structs.replace(made, lon=place[0], lat=place[1]), "")
        marks = self._rows.fencing.marks(row, made.kind, made.ts_ms, made.hard)
        return msgspec.structs.replace(made, fences=marks) if marks else made

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
                sensors=self._rows.sensors,
                bank=self._rows.bank.dump(),
                metrics=self._rows.metrics,
                sums=self._sums.dump(),
                groups=self._groups.dump(),
                fences=self._rows.fencing.dump(),
                profiles=self._file,
                moving=self._moving.dump() if self._moving else None,
            )
        )

    def restore(self, data: bytes) -> list[str]:
        """Go on exactly where the kernel of `snapshot` was. Returns what had to be migrated, [] for nothing.

        Raises:
            StateError: the bytes are no snapshot, of a format that cannot be migrated, or of another domain or run.
        """
        saved, notes = kernel_state.decode(data, self.domain, self.run, self.mode)
        self._open, self._now_ms = dict(saved.open), saved.now_ms
        self._rows, self._file = Rows(self.domain, self._base), None
        self._rows.fencing.load(saved.fences, saved.now_ms)
        if saved.profiles is not None:
            self._profiles(saved.profiles)
        self._rows.load(Bank.load(saved.bank), saved.sensors, saved.metrics, saved.now_ms)
        self._sums, self._groups = ZoneSums(), Groups(GROUPS.get(self.domain))
        self._moving = Movements(self.run, self.mode, self._rows.fencing)
        own = {s.id for s in saved.sensors}
        for row, (name, sensor) in enumerate(zip(self._rows.names, self._rows.sensors, strict=True)):
            if sensor.flow_sign and not sensor.retired and name in own:
                self._sums.member(row, sensor.zone, sensor.flow_sign, sensor.interval_s, sensor.upload_s)
            if "/" not in name:  # else a metric's row or a balance's
                self._groups.member(row, sensor)
                self._moving.member(row, sensor)
        if saved.moving is not None:
            self._moving.load(saved.moving)
        self._sums.load(saved.sums)
        notes += self._groups.load(saved.groups)
        self._counts[: len(saved.counts)] = saved.counts
        return notes + self._rows.problems
