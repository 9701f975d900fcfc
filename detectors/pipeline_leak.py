"""Leak of one stretch of a pipeline, between two stations with pressure and flow: found by balance, placed by wave.

One episode at a time: the balance raises at once, naming the stretch; the place follows as soon as the wave has been
seen at both ends, and after minutes the bent gradient gives a guess where no front can be picked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.adaptive import score
from detectors.group import F64, Finding, Member
from detectors.mass_balance import (
    GAS_MEMORY_S,
    GAS_WINDOWS,
    GAS_Z_ON,
    SHARE,
    SHARE_GAS,
    SHARE_UNTUNED,
    Z_CALM,
    Judged,
    MassBalance,
)
from detectors.negative_pressure_wave import POINT_M, SHARP, SLOW_M, Located, refine, risen, steps
from detectors.pipeline_frames import Frames, four, keep
from detectors.pipeline_stations import Pipe, Station, place
from detectors.pipeline_text import Facts, says
from detectors.pipeline_wave import Waves
from detectors.pressure_flow import bend
from detectors.slack_flow import Cavity
from detectors.transient_model import TransientModel

VERSION = "pipeline_leak/2"
LOOK_S = 12.0  # after the slowest arrival the place is final
SLOW_S = 30.0  # ... and once more for a leak that opens slowly
BEND_S = 90.0  # seconds until the gradient has settled, at least; and two travel times
ROUGH_S = (2.0, 8.0)  # widths of the steps in which an arrival is sought
ROUGH_Z = 4.5
UPDATE_S, OFF, OFF_S = 30.0, 0.4, 120.0
LASTING_S = 14_400.0  # what lasts so long is the new normal
RETUNED = 0.005
SLACK = 2.0  # thresholds are so much higher with a broken column


class Stretch:
    """Stations `a` and `b` are numbers in the line. State: model, balance, travel times, the open episode."""

    def __init__(
        self, members: Sequence[Member], line: Sequence[Station], a: int, b: int, pipe: Pipe, frames: Frames
    ) -> None:
        self.members, self.line, self.a, self.b, self.pipe, self.frames = members, line, a, b, pipe, frames
        length = line[b].chainage_m - line[a].chainage_m
        self.model = TransientModel(length, frames.dt_ms / 1000.0, pipe, line[b].elevation_m - line[a].elevation_m)
        self.waves = Waves(length, pipe, float(np.hypot(line[a].clock_ms, line[b].clock_ms)) / 1000.0, frames, a, b)
        settle = 2.0 * self.waves.travel.prior
        if pipe.gas:
            self.balance = MassBalance(frames.step_s, settle, 0.0, GAS_WINDOWS, GAS_Z_ON, GAS_MEMORY_S)
        else:
            self.balance = MassBalance(frames.step_s, settle, 1.0 / pipe.impedance)
        self.cavity = Cavity(frames.step_s)
        self.peaked = pipe.peak is not None and line[a].chainage_m < pipe.peak[0] < line[b].chainage_m
        self.residual = np.full((2, frames.n), np.nan)
        self.open: dict[str, Any] = {}
        self.z = 0.0  # of the newest judgement

    @property
    def wait_s(self) -> float:
        return float(self.waves.travel.estimate()[0]) + LOOK_S

    def step(self, lo: int, hi: int, slack: bool) -> list[Finding]:
        """The next samples [lo, hi) of the frames; `slack`: the high point of this stretch is near boiling."""
        f = self.frames
        rows = four(f.ring, self.a, self.b, f.stations, lo, hi)
        ra, rb = self.model.step(rows, not self.open and self.z < Z_CALM and not slack)
        a, b, pa, pb, qa, qb = keep(self.residual, lo, ra, rb, rows)
        ts = hi * f.dt_ms
        lost = self.cavity.explain(a - b, qa, slack) if self.peaked else a - b
        slack = slack or (self.peaked and self.cavity.recent)
        self.balance.push(ts, lost, a, b, qa, qb, pa, pb)
        if not self.pipe.gas and not slack and self.waves.step(pa, pb):
            before = self.model.z
            self.model.tune(self.model.length_m / self.waves.travel.estimate()[0])
            if abs(self.model.z / before - 1.0) > RETUNED and not self.open:
                self.balance.forget()  # residuals of another model are no baseline
        found = self.balance.judge(not self.open, self._share())
        self.z = 0.0 if found is None else found.z
        if self.open:
            return self._ongoing(ts, slack)
        if found is None or found.excess < found.threshold * (SLACK if slack else 1.0):
            return []
        return [self._raise(ts, found, slack)]

    def _share(self) -> float:
        """How far the model is trusted with what an operation moves."""
        if self.pipe.gas:
            return SHARE_GAS
        return SHARE if any(self.waves.travel.seen) else SHARE_UNTUNED

    def _raise(self, ts: int, j: Judged, slack: bool) -> Finding:
        back = round(j.window_s / self.frames.step_s)
        before = self.balance.rows[-back - round(40 / self.frames.step_s) : -back]
        with np.errstate(all="ignore"):
            base = [float(x) for x in np.nanmean(before, axis=0)]
        self.open = {
            "onset": ts - round(j.window_s * 1000), "raised": ts, "told": ts, "z": j.z, "base": base, "sd": j.sd,
            "threshold": j.threshold, "size": j.excess, "window": j.window_s, "calm": 0, "place": [], "final": False,
        }  # fmt: skip
        self._locate(ts)
        return self._tell(ts, "raise", slack)

    def _ongoing(self, ts: int, slack: bool) -> list[Finding]:
        o, step = self.open, self.frames.step_s
        recent = self.balance.tail(round(20 / step))
        size = float(np.nanmean(recent)) - o["base"][0] if np.isfinite(recent).any() else o["size"]
        since = (ts - o["raised"]) / 1000.0
        if since > 10:
            o["size"] = size
        o["calm"] = 0 if size > OFF * o["threshold"] else o["calm"] or ts
        if (o["calm"] and ts - o["calm"] >= OFF_S * 1000) or since > LASTING_S:
            out = [self._tell(ts, "clear", slack)]
            self.open = {}
            self.balance.forget()
            return out
        placed = False
        if not o["final"] and round(since / step) % 4 == 0:
            o["final"] = since >= self.wait_s + SLOW_S
            if not o["place"] or since >= self.wait_s:
                placed = self._locate(ts)
        if o["final"] and not o["place"] and since > BEND_S + self.wait_s:
            placed = self._bend()
        if not placed and ts - o["told"] < UPDATE_S * 1000:
            return []
        o["told"] = ts
        return [self._tell(ts, "update", slack)]

    def _locate(self, ts: int) -> bool:
        """Place by the wave; True when a place is known that was not, or was less certain."""
        f, o = self.frames, self.open
        per_s = 1000.0 / f.dt_ms
        apart = self.waves.travel.estimate()[0] + 1.5 + 3.0 * self.waves.travel.clock_s  # of the arrivals at both ends
        hi = f.done + 1
        first = (o["raised"] - 1000 * (2.0 * o["window"] + apart + 4.5)) / f.dt_ms
        lo = max(round(first), hi - f.n // 2 + 1)
        if self.pipe.gas or f.dt_ms > 1000 or hi - lo < 20 * per_s:
            return False
        r = self.residual[:, np.arange(lo, hi) % f.n] * np.array([[1.0], [-1.0]])
        best: Located | None = None
        for k, width in enumerate(ROUGH_S):
            rough = _arrivals(r, round(width * per_s), apart * per_s)
            located = rough and self._refined(r, rough, lo, hi, 1.0 if k == 0 else 3.0)
            if located and (best is None or located.sd_m < best.sd_m):
                best = located
        if best is None or (o["place"] and o["place"][1] <= best.sd_m):
            return False
        o["place"] = [best.x_m, best.sd_m, "wave"]
        o["onset"] = min(round(best.onset_ms), ts)
        return True

    def _refined(self, r: F64, rough: tuple[int, int], lo: int, hi: int, stretch: float) -> Located | None:
        at, sd, early, late = [], [], 0.0, 0.0
        for side, station in enumerate((self.a, self.b)):
            p = self.frames.window(station, lo, hi)
            got = refine(p, r[side], rough[side], 1000.0 / self.frames.dt_ms, stretch)
            if got is None:
                return None
            found, begin = got
            if found.step[1] <= 0 or found.step[0] >= 0 or found.z < ROUGH_Z:
                return None  # no pressure wave behind the imbalance: a meter, or noise
            at.append(self.frames.when(station, lo + begin + found.at) / 1000.0)
            sd.append(found.sd * self.frames.dt_ms / 1000.0)
            first, last = risen(r[side], begin + round(found.at), rough[side], 1000.0 / self.frames.dt_ms)
            early, late = early + first, late + last
        zero = at[0]
        known = self.waves.travel.locate(0.0, at[1] - zero, sd[0], sd[1])
        slow = stretch > 1.0 or not early > SHARP * late
        return known._replace(onset_ms=known.onset_ms + 1000.0 * zero, sd_m=max(known.sd_m, SLOW_M if slow else 0.0))

    def _bend(self) -> bool:
        """Place by the gradient, from the newest minute against before."""
        o = self.open
        steps_of = round(60 / self.frames.step_s)
        rise = float(np.nanmean(self.balance.tail(steps_of, 1))) - o["base"][1]
        fall = o["base"][2] - float(np.nanmean(self.balance.tail(steps_of, 2)))
        found = bend(rise, fall, max(o["sd"], 0.002 * abs(o["base"][3])))
        if found is None:
            return False
        o["place"] = [found.share * self.model.length_m, found.sd * self.model.length_m, "gradient"]
        return True

    def _tell(self, ts: int, state: str, slack: bool) -> Finding:
        o, a, b = self.open, self.line[self.a], self.line[self.b]
        near = [self.members[k].id for s in (a, b) for k in (s.pressure, s.flow) if k >= 0]
        x, sd, how = o["place"] or (0.5 * self.model.length_m, 0.29 * self.model.length_m, "")
        if x > 0.5 * self.model.length_m:
            near = near[2:] + near[:2]
        facts = Facts(
            self.members[a.pressure].id, self.members[b.pressure].id, self.model.length_m, x, sd, how, o["size"],
            o["size"] / max(abs(o["base"][3]), 1e-9), (ts - o["onset"]) / 1000.0, slack,
        )  # fmt: skip
        tail = self.balance.tail(60)
        series = [(int(t), round(float(v), 2)) for t, v in zip(self.balance.ts[-len(tail) :], tail, strict=True)]
        confident = float(score(o["z"] / 2.0)) * (0.6 if slack else 1.0)
        return Finding(
            key=f"{self.a}-{self.b}", kind="pipeline_leak", state=state, ts_ms=ts, onset_ms=o["onset"],
            value=round(o["size"] + o["base"][0], 2), expected=round(o["base"][0], 2),
            low=round(o["base"][0] - o["threshold"], 2), high=round(o["base"][0] + o["threshold"], 2), unit="m³/h",
            score=confident, threshold=float(score(o["threshold"] / max(o["sd"], 1e-9) / 2.0)),
            magnitude=max(o["size"] / o["threshold"] - 1.0, 0.0), reason=says(facts, state), sensors=tuple(near),
            detector=f"{VERSION}+{how or 'balance'}", series=tuple(s for s in series if s[1] == s[1]),
            witnesses=2 if how == "wave" else 1,  # an imbalance alone may be one wrong meter
            place=place(self.line, a.chainage_m + x),
            approximate=how != "wave" or sd > POINT_M or slack,
        )  # fmt: skip

    def forget(self) -> None:
        """After a gap."""
        self.model.forget()
        self.balance.forget()
        self.waves.forget()
        self.cavity.forget()
        self.residual[:] = np.nan

    def dump(self) -> dict[str, Any]:
        return {
            "model": self.model.dump(), "balance": self.balance.dump(), "waves": self.waves.dump(),
            "residual": self.residual.tobytes(), "cavity": self.cavity.dump(), "open": dict(self.open), "z": self.z,
        }  # fmt: skip

    def load(self, dumped: dict[str, Any]) -> None:
        self.model.load(dumped["model"])
        self.balance.load(dumped["balance"])
        self.waves.load(dumped["waves"])
        self.cavity.load(dumped["cavity"])
        self.residual = np.frombuffer(dumped["residual"]).reshape(self.residual.shape).copy()
        self.open, self.z = dict(dumped["open"]), dumped["z"]


def _arrivals(r: F64, width: int, apart: float) -> tuple[int, int] | None:
    """Rough arrivals (index at each end) of a rise in r float64[2, n], at most `apart` samples from one another."""
    z = np.empty_like(r)
    for side in range(2):
        diff = steps(r[side], width)
        sd = 1.4826 * float(np.median(np.abs(diff - np.median(diff))))
        z[side] = diff / max(sd, 1e-9)
    first = int(np.argmax(z.max(axis=1)))
    one = int(np.argmax(z[first]))
    lo, hi = max(0, round(one - apart)), min(r.shape[1], round(one + apart) + 1)
    two = lo + int(np.argmax(z[1 - first, lo:hi]))
    if min(z[first, one], z[1 - first, two]) < ROUGH_Z:
        return None
    return (one, two) if first == 0 else (two, one)
