"""The rows of a kernel: whose they are, which profile and parameters judge them, how readings find theirs. Pure.

A sensor has a row, each further metric of it one (`sensor/metric`), and the balance of a zone one (`zone/balance`).
Parameters are the profile's, over them those of the active fences that hold the sensor, over them the sensor's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import equipment
from detectors.bank import Bank, records
from detectors.catalog import Catalog, Profile
from detectors.override import merge, override
from detectors.params import RECORD, ParamError, compile_params
from geo.assets import Sensor, profile_for
from streams.columns import Columns
from streams.fencing import Fencing
from streams.row_lists import RowLists

METRICS = 32  # of one sensor; further ones are unknown
PROBLEMS = 200  # kept, the newest


class Rows:
    """Rows by name; `state` and `params` are what the compiled loops work on."""

    def __init__(self, domain: str, catalog: Catalog) -> None:
        self.domain, self.catalog = domain, catalog
        self.bank = Bank()
        self.sensors: list[Sensor] = []  # by row
        self.names: list[str] = []
        self.profiles: list[Profile] = []
        self.params: NDArray[Any] = records(np.zeros(8, RECORD))
        self.metrics: dict[str, list[str]] = {}  # sensor -> metrics that have rows
        self.fencing = Fencing()
        self.problems: list[str] = []  # parameters that were refused, newest last
        self.lists = RowLists()
        self._param_rows: dict[bytes, int] = {}

    def put(self, name: str, sensor: Sensor, now_ms: int) -> int:
        """Make or renew a row; one whose profile or interval changed learns anew."""
        profile = self.catalog.get(profile_for(sensor))
        row = self.bank.rows.get(name)
        if row is None:
            row = self.bank.add(name)
            self.lists.clear()
            self.sensors.append(sensor)
            self.profiles.append(profile)
            self.names.append(name)
        else:
            old = self.sensors[row]
            self.sensors[row], self.profiles[row] = sensor, profile
            if (profile_for(old), old.interval_s) != (profile_for(sensor), sensor.interval_s):
                self.bank.forget(row)
        self.fencing.place(row, sensor)
        self._set_params(row, now_ms)
        return row

    def use(self, catalog: Catalog, now_ms: int) -> None:
        """Go over to other profiles. What was learned stays; what a profile newly asks for begins anew, and so does a
        sensor whose profile measures in another unit."""
        self.catalog, self._param_rows = catalog, {}
        for row, sensor in enumerate(self.sensors):
            old, profile = self.profiles[row], catalog.get(profile_for(sensor))
            self.profiles[row] = profile
            if profile.unit != old.unit:
                self.bank.forget(row)
            self._set_params(row, now_ms)

    def refresh(self, rows: Iterable[int], now_ms: int) -> None:
        """The parameters of these rows anew: a fence around them changed, or became active or inactive."""
        for row in rows:
            self._set_params(row, now_ms)

    def load(self, bank: Bank, sensors: list[Sensor], metrics: dict[str, list[str]], now_ms: int) -> None:
        """Take over the rows of a snapshot; fences have been put before."""
        self.bank, self.sensors, self.metrics, self.names = bank, sensors, metrics, list(bank.rows)
        self.profiles = [self.catalog.get(profile_for(s)) for s in sensors]
        for row, sensor in enumerate(sensors):
            self.fencing.place(row, sensor)
            self._set_params(row, now_ms)
        self.lists.clear()

    def find(self, cols: Columns, now_ms: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(idx int32[n], rows int32[..]) such that rows[idx] is each reading's row or -1."""
        if cols.metric_idx is None:
            return cols.idx, self.lists.find(self.bank, cols.sensors)
        metrics = cols.metrics or []
        width = len(metrics) + 1
        pairs, idx = np.unique(cols.idx.astype(np.int64) * width + cols.metric_idx + 1, return_inverse=True)
        rows = [
            self._row_of(cols.sensors[k // width], metrics[k % width - 1] if k % width else "", now_ms) for k in pairs
        ]
        return idx.astype(np.int32).reshape(-1), np.array(rows, np.int32)

    def _row_of(self, sensor: str, metric: str, now_ms: int) -> int:
        own = self.bank.rows.get(sensor, -1)
        if own < 0 or metric in ("", "value", self.sensors[own].kind):
            return own
        row = self.bank.rows.get(f"{sensor}/{metric}")
        if row is None:
            known = self.metrics.setdefault(sensor, [])
            if len(known) >= METRICS:
                return -1
            known.append(metric)
            row = self.put(f"{sensor}/{metric}", self.of_metric(self.sensors[own], metric), now_ms)
        return row

    def owner(self, row: int) -> int:
        """The sensor's own row for that of one of its metrics."""
        return self.bank.rows.get(self.names[row].partition("/")[0], row)

    def of_metric(self, sensor: Sensor, metric: str) -> Sensor:
        """What a metric's row is judged by: the sensor's place, the metric's profile."""
        kind = metric if f"{self.domain}.{metric}" in self.catalog.profiles else "generic"
        volts = sensor.params.get("battery_v", 0.0) if metric == "battery" else 0.0  # else it is told in percent
        own = equipment.battery_limits(volts) if volts > 0.0 else {}
        return msgspec.structs.replace(sensor, kind=kind, profile="", params=own, unit="V" if own else "", flow_sign=0)

    def _set_params(self, row: int, now_ms: int) -> None:
        param_row = self.bank.state[row]["profile"] = self._param_row(row, now_ms)
        self.bank.ask(row, self.params[param_row])

    def _param_row(self, row: int, now_ms: int) -> int:
        """The row of the parameter table for a sensor; equal parameters share one."""
        sensor, profile = self.sensors[row], self.profiles[row]
        fence = self.fencing.params(row, profile.key, now_ms)
        try:
            values = merge(profile, fence, sensor.params)
        except ParamError as error:
            self.problem(f"sensor {sensor.id}: params: {error}; its profile {profile.key} is used without them")
            values = self._own(profile, sensor) if fence else profile.params
        interval = sensor.interval_s if math.isfinite(sensor.interval_s) and sensor.interval_s > 0 else 60.0
        if sensor.retired:
            values = {**values, "dropout.intervals": 0.0}
        record = compile_params(values, interval, profile.low_slot, sensor.upload_s)
        at = self._param_rows.setdefault(record.tobytes(), len(self._param_rows))
        if at == len(self.params):
            self.params = records(np.concatenate([self.params, np.zeros(at, RECORD)]))
        self.params[at] = record
        return at

    def _own(self, profile: Profile, sensor: Sensor) -> Mapping[str, float]:
        """What the sensor asks for by itself: a fence that does not fit must not take its hard limits away."""
        try:
            return override(profile, sensor.params)
        except ParamError:
            return profile.params

    def problem(self, text: str) -> None:
        """Keep what was refused, each text once."""
        if text not in self.problems:
            self.problems = [*self.problems, text][-PROBLEMS:]
