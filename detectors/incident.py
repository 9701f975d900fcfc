"""Incident between neighbouring road stations: a sequential test on what flow conservation and queues must show.

A blocked lane holds vehicles back. Downstream of it less flow arrives after the free travel time, at once; upstream a
queue grows and reaches the next station later (Lighthill & Whitham 1955). For each segment p (stations p, p + 1):

    f = q_p(t - travel time) - q_{p+1}(t)          less its usual value at this hour of the week (ramps, biased loops)
    o = occ_p - occ_{p+1}                           likewise
    l = log likelihood ratio of "downstream lacks 20 % of its flow" to "as usual" for f
        + the same of a queue (8 points of occupancy, at most 3 scales) for o, where it is positive
    L = max(0, (1 - a) L + clip(l))                 CUSUM (Page 1954) that forgets in `FADE_S`: a small lasting bias
                                                    (a ramp, a worn loop) never adds up to an incident

Scales are the segment's own at this hour (`traffic_profile`), so nothing is set by hand for a road. L over `H` is an
incident only where the field's logic agrees: downstream flows freely (as in the California algorithm) and carries less
than it could (as in McMaster: a recurring bottleneck discharges at its capacity, an incident does not), and either the
upstream station is congested or the downstream flow has dropped below its own last quarter hour. One episode a
neighbourhood: a queue that grows or dissolves past further stations is the same one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.group import F64, Finding
from detectors.texts import Both
from detectors.traffic_discharge import Discharge
from detectors.traffic_events import Events
from detectors.traffic_profile import Profile, bin_of
from detectors.traffic_road import ALL_LANES, EVENT, Road, Said, held
from detectors.traffic_state import pack, unpack
from detectors.traffic_stations import Frame

VERSION = "incident/1"
H = 14.0  # ln of the mean number of intervals between chance alarms of a segment
SHIFT = 0.20  # share of the flow whose loss is tested
QUEUE = 8.0  # points of occupancy
MOST, LEAST = 4.0, -1.5  # what an interval of up to 30 s may add; longer ones up to twice as much
LACK = 0.12  # of the flow that comes from upstream and is missing downstream
LOST, LOST_2 = 0.85, 0.92  # of the flow of the last quarter hour, at the next station and the one after it
SLOW, FREE = 0.65, 0.75  # of the free speed: congested below, free above
FADE_S = 400.0
GATE_S = 60.0  # the field's logic holds so long: a short braking is over by then
PAST_S = 900.0
RING = 24  # intervals remembered for travel times and the picture
CALM_S, APART_S, NEAR = 180.0, 900.0, 3  # to end; segments NEAR stay quiet so long after an episode
ALL_LOST, ALL_S = 0.05, 120.0  # of the flow before, so long: no lane is open (two of three blocked leave about 0.17)
ALL_LEAST = 300.0  # veh/h before: at least ten vehicles would have passed in that time


class Incident:
    """State: float64[P] of segments, float64[S] of stations, and the open episodes."""

    name = "incident"

    def __init__(self, road: Road, step_s: float) -> None:
        self.road, self.step_s = road, step_s
        n, p = len(road.stations), len(road.stations) - 1
        self.usual_f, self.usual_o = Profile(p, 60.0), Profile(p, 1.0)
        self.total = np.zeros(p)  # L
        self.since = np.zeros(p, np.int64)  # when L left 0
        self.bias = np.zeros(p)  # of f, last hour
        self.discharge = Discharge(n, step_s)
        self.gated_s = np.zeros(p)
        self.flow_past = np.full(n, np.nan)  # 15 min
        self.free = np.full(n, 80.0)  # free speed, km/h
        self.ring = np.full((RING, 3, n), np.nan)
        self.ring_ts = np.zeros(RING, np.int64)
        self.quiet = np.zeros(p, np.int64)  # no new episode before this time
        self.open: dict[int, dict[str, Any]] = {}
        self.events = Events(road)
        self.frames = 0

    def step(self, frame: Frame, bad: Any) -> list[Finding]:
        """One interval; `bad` bool[S]: stations whose loops are not to be trusted."""
        if self.ring_ts[-1] and frame.ts_ms - self.ring_ts[-1] > 5 * self.step_s * 1000:
            self._forget()
        self.ring = np.roll(self.ring, -1, axis=0)
        self.ring[-1] = frame.occupancy, frame.speed, frame.flow
        self.ring[-1][:, bad] = np.nan
        self.ring_ts = np.roll(self.ring_ts, -1)
        self.ring_ts[-1] = frame.ts_ms
        self.frames += 1
        occ, speed, flow = self.ring[-1]
        short = self.discharge.step(flow)
        self._smooth(speed, flow)
        b = bin_of(frame.ts_ms)
        f, o = self._lagged() - flow[1:], occ[:-1] - occ[1:]
        gate, congested = self._gate(occ, speed, short, b)
        llr = self._evidence(f, o, b)
        started = (self.total <= 0.0) & (llr > 0.0)
        self.since[started] = frame.ts_ms - round(self.step_s * 1000)
        self.total = np.clip(self.total * (1.0 - self.step_s / FADE_S) + llr, 0.0, 2.0 * H)
        self.gated_s = np.where(gate, self.gated_s + self.step_s, 0.0)
        alarm = (self.total >= H) & (self.gated_s >= GATE_S) & (frame.ts_ms >= self.quiet)
        self._learn(f, o, b)
        return self._judge(frame, alarm, gate, congested)

    def _forget(self) -> None:
        """After a gap the last minutes say nothing."""
        self.ring[:] = np.nan
        self.total[:] = 0.0
        self.flow_past[:] = np.nan
        self.discharge.forget()

    def _smooth(self, speed: F64, flow: F64) -> None:
        gain, past = self.step_s / PAST_S, self.flow_past
        self.flow_past = np.where(np.isnan(past), flow, past + gain * np.nan_to_num(flow - past))
        up = speed > self.free
        self.free *= np.where(np.isnan(speed), 1.0, np.where(up, 1.0008, 0.9998))  # 80 % quantile

    def _lagged(self) -> F64:
        """Upstream flow float64[P] as it was the free travel time ago."""
        lag = np.diff(self.road.chainage) / np.maximum(self.free[:-1], 20.0) * 3.6 / self.step_s
        whole = np.clip(lag.astype(np.int64), 0, RING - 2)
        part = np.clip(lag - whole, 0.0, 1.0)
        p = np.arange(len(lag))
        out: F64 = (1.0 - part) * self.ring[-1 - whole, 2, p] + part * self.ring[-2 - whole, 2, p]
        return out

    def _gate(self, occ: F64, speed: F64, short: Any, b: int) -> tuple[Any, Any]:
        """(bool[P] the field's logic agrees, bool[S] congested)."""
        ratio = speed / self.free
        congested = np.where(np.isnan(ratio), occ > 25.0, ratio < SLOW)
        runs = np.where(np.isnan(ratio), occ < 15.0, ratio > FREE)
        now = self.discharge.now
        fell = now < LOST * self.flow_past
        level_f, _ = self.usual_f.usual(b)
        lacks = now[:-1] - now[1:] - level_f - self.bias > LACK * self.flow_past[1:]  # demand may fall at both
        further = np.append(now[2:] < LOST_2 * self.flow_past[2:], True)  # a dead loop misleads one station
        gate = runs[1:] & short[1:] & (congested[:-1] | (fell[1:] & further & lacks))
        return gate, congested

    def _evidence(self, f: F64, o: F64, b: int) -> F64:
        level_f, scale_f = self.usual_f.usual(b)
        level_o, scale_o = self.usual_o.usual(b)
        carried = np.nan_to_num(self.flow_past[1:], nan=0.0)
        scale_f = np.maximum(scale_f, 0.25 * np.sqrt(3600.0 / self.step_s * np.maximum(carried, 1.0)))
        z = np.clip((f - level_f - self.bias) / scale_f, -4.0, 4.0)
        d = np.clip(SHIFT * carried / scale_f, 0.3, 3.0)
        out = np.where(np.isnan(z), 0.0, d * (z - 0.5 * d))
        z = np.clip((o - level_o) / scale_o, -4.0, 6.0)
        d = np.clip(QUEUE / scale_o, 0.3, 3.0)
        queue = np.where(np.isnan(z), 0.0, d * (z - 0.5 * d))
        most = MOST * min(max(self.step_s / 30.0, 1.0), 1.75)
        warm = self.frames * self.step_s > 3600.0
        total: F64 = np.clip(out + np.maximum(queue, 0.0), LEAST, most) if warm else np.zeros_like(out)
        return total

    def _learn(self, f: F64, o: F64, b: int) -> None:
        calm = np.ones(len(f), bool)
        for p in self.open:
            calm[max(p - NEAR, 0) : p + NEAR + 1] = False
        level, _ = self.usual_f.usual(b)
        gain = self.step_s / 3600.0
        small = calm & np.isfinite(f) & (self.total < 0.5 * H)
        limit = 0.1 * np.nan_to_num(self.flow_past[1:], nan=0.0)
        self.bias += np.where(small, gain * (np.clip(f - level, -limit, limit) - self.bias), 0.0)
        self.usual_f.learn(b, f, calm & np.isfinite(f))
        self.usual_o.learn(b, o, calm & np.isfinite(o))

    def _judge(self, frame: Frame, alarm: Any, gate: Any, congested: Any) -> list[Finding]:
        out: list[Finding] = []
        for p in list(self.open):
            out += self._go_on(p, frame, gate, congested)
        while alarm.any():
            p = int(np.argmax(np.where(alarm, self.total, -1.0)))
            alarm[max(p - NEAR, 0) : p + NEAR + 1] = False
            if any(abs(p - other) <= NEAR for other in self.open) or self._same_queue(p, congested):
                continue
            self.open[p] = {
                "onset": int(self.since[p]),
                "raised": frame.ts_ms,
                "calm": 0.0,
                "told": frame.ts_ms,
                "w": 1,
                "shut": self._shut(p, float(self.flow_past[p + 1])),
                "tags": [],
            }
            out.append(self._tell(p, frame, "raise"))
        return out

    def _same_queue(self, p: int, congested: Any) -> bool:
        """An open episode downstream whose queue reaches this segment."""
        return any(other > p and bool(congested[p + 1 : other].all()) for other in self.open)

    def _go_on(self, p: int, frame: Frame, gate: Any, congested: Any) -> list[Finding]:
        e = self.open[p]
        e["calm"] = 0.0 if gate[p] and self.total[p] > 0.25 * H else e["calm"] + self.step_s
        if e["calm"] >= CALM_S:
            del self.open[p]
            low, high = max(p - 2 * NEAR, 0), p + NEAR + 1
            self.quiet[low:high] = frame.ts_ms + round(APART_S * 1000)
            self.total[low:high] = 0.0
            return [self._tell(p, frame, "clear", e)]
        e["shut"] = e["shut"] or (bool(gate[p]) and self._shut(p, e["expected"]))
        confirmed = bool(self.events.confirming(p, p + 1, e["raised"]))
        news = (confirmed and e["w"] == 1) or not set(self._tags(p, e)) <= set(e["tags"])
        if news or frame.ts_ms - e["told"] >= 300_000:
            e["told"] = frame.ts_ms
            e["w"] = 2 if confirmed else e["w"]
            return [self._tell(p, frame, "update")]
        return []

    def _shut(self, p: int, before: float) -> bool:
        """Hardly any of the flow `before`, veh/h, came past the downstream station in the last `ALL_S`."""
        flow = self.ring[-int(np.ceil(ALL_S / self.step_s)) :, 2, p + 1]
        return bool(before >= ALL_LEAST and flow.mean() < ALL_LOST * before)

    def note(self, ts_ms: int, member: int, code: int) -> None:
        """An event of a gantry, checkpoint or camera (`traffic_road.EVENT`); 0 ends it."""
        self.events.note(ts_ms, member, code)

    def _tags(self, p: int, e: dict[str, Any]) -> tuple[str, ...]:
        """What the events and the loops say of an episode; all lanes blocked stays said to its end."""
        found = dict.fromkeys(EVENT[code][0] for code, _ in self.events.confirming(p, p + 1, e["raised"]))
        if e["shut"] or self.road.lanes(p, p + 1) == 1.0:
            found[ALL_LANES] = None
        return tuple(found)

    def _tell(self, p: int, frame: Frame, state: str, ended: dict[str, Any] | None = None) -> Finding:
        e = ended or self.open[p]
        where = self.road.place(p, p + 1)
        down, up = float(self.discharge.now[p + 1]), float(self.flow_past[p])
        occ, occ_down = self.ring[-1, 0, p], self.ring[-1, 0, p + 1]
        expected = float(self.flow_past[p + 1]) if state == "raise" else up
        e.setdefault("expected", expected)
        lost = 100.0 * max(1.0 - down / max(e["expected"], 1.0), 0.0)
        seen = self.events.confirming(p, p + 1, e["raised"])
        tags = self._tags(p, e)
        e["tags"] = list(tags)
        more: tuple[str, ...] = ()
        if state == "clear":
            reason = Both(f"{where.zh} 之间车流恢复", f"{where.en}: traffic flows again")
        else:
            reason = Both(
                f"{where.zh} 之间疑似车道受阻：下游流量比此前少 {lost:.0f}%，上游占有率 {occ:.0f}%，"
                f"下游 {occ_down:.0f}%",
                f"{where.en}: lane probably blocked; flow downstream {lost:.0f} % below before, occupancy {occ:.0f} % "
                f"upstream, {occ_down:.0f} % downstream",
            )
            reason = held(reason, frame.ts_ms - e["onset"])
            if ALL_LANES in tags:
                reason = Both(f"{reason.zh}，全部车道受阻", f"{reason.en}; all lanes blocked")
            if not seen:
                reason = Both(f"{reason.zh}，仅线圈数据，待视频或现场确认", f"{reason.en}; loops only, to be confirmed")
            else:
                what = list(dict.fromkeys(EVENT[code][1] for code, _ in seen))
                more = tuple(self.road.members[member].id for _, member in seen)
                zh, en = "、".join(w.zh for w in what), ", ".join(w.en for w in what)
                reason = Both(f"{reason.zh}，已由其他来源确认：{zh}", f"{reason.en}; confirmed: {en}")
        score = float(1.0 - np.exp(-self.total[p] / H * np.log(2.0)))
        said = Said(down, e["expected"], LOST * e["expected"], float("inf"), "veh/h", score, 0.5,
                    max(float(self.total[p] / H) - 1.0, 0.0))  # fmt: skip
        series = [(int(t), float(x)) for t, x in zip(self.ring_ts, self.ring[:, 2, p + 1], strict=True) if x == x]
        return self.road.finding(
            f"{p + 1}-{p + 2}", "traffic_incident", state, frame.ts_ms, e["onset"], said, reason, (p, p + 1),
            VERSION, series, 2 if seen else 1, more, tags,
        )  # fmt: skip

    def dump(self) -> dict[str, Any]:
        arrays = pack(self, _ARRAYS)
        return {
            **arrays, "flow": self.discharge.dump(), "f": self.usual_f.dump(), "o": self.usual_o.dump(),
            "frames": self.frames,
            "open": [[p, dict(e)] for p, e in self.open.items()], "events": self.events.dump(),
        }  # fmt: skip

    def load(self, dumped: dict[str, Any]) -> None:
        unpack(self, _ARRAYS, dumped)
        self.discharge.load(dumped["flow"])
        self.usual_f.load(dumped["f"])
        self.usual_o.load(dumped["o"])
        self.frames = dumped["frames"]
        self.open = {p: {"shut": False, "tags": [], **e} for p, e in dumped["open"]}
        self.events.load(dumped["events"])


_ARRAYS = (
    "total", "since", "bias", "flow_past", "gated_s", "free", "ring", "ring_ts", "quiet",
)  # fmt: skip
