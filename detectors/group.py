"""What several sensors say together: the protocol of detectors over the members of one zone.

The single-sensor loop judges every reading on arrival; a group detector (burst by zone balance, negative pressure
wave, incident between neighbouring road stations) needs more than one sensor and therefore waits: readings are only
stored by `add`, judgement happens in `advance`, which a tick of the partition's log calls. So the same log gives the
same findings however the readings are cut into batches.

A group detector is parameters, explicit state and two verbs. It has no clock, no I/O and knows neither topics nor units
of administration; `streams.kernel` makes Detections of its findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from detectors.texts import Both

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


class Member(NamedTuple):
    """One sensor of a group; its index in the group's list is what `add` gets."""

    id: str
    kind: str  # pressure, flow, methane, occupancy …
    interval_s: float
    flow_sign: int = 0  # +1 into the zone, -1 out of it, 0: not part of its balance
    chainage_m: float | None = None  # place along the zone's line or road, from its upstream end
    lon: float | None = None  # WGS-84 degrees
    lat: float | None = None
    upload_s: float = 0.0  # > 0: batched, readings come this late
    params: tuple[tuple[str, float], ...] = ()  # the sensor's own parameters
    unit: str = ""  # of its readings, "" = the usual one of its kind


class Finding(NamedTuple):
    """What a group detector says about one episode. `state` is raise, update or clear; `key` tells episodes of one
    group apart (a segment, a pair of stations); values are in `unit`. `witnesses`: sensors that agree; `tags`: facts
    that weigh (both for the severity)."""

    key: str
    kind: str  # one of the domain's KINDS
    state: str
    ts_ms: int
    onset_ms: int
    value: float
    expected: float
    low: float
    high: float
    unit: str
    score: float  # [0, 1]
    threshold: float
    magnitude: float  # beyond the threshold, in thresholds
    reason: Both
    sensors: tuple[str, ...]  # members concerned, the nearest first
    detector: str  # algorithm/version, for the evidence
    series: tuple[tuple[int, float], ...] = ()  # (ts_ms, value), the last of what was judged
    witnesses: int = 1
    place: tuple[float, float] | None = None  # lon, lat of the best guess
    approximate: bool = True  # the place is a guess: a segment, never a point
    tags: tuple[str, ...] = ()  # tunnel, hazmat, fog …: words of the severity matrix


class Note(NamedTuple):
    """What a zone's detectors add to a sensor's own alert: a word for programs and a sentence for the officer."""

    suspect: str
    says: Both


class GroupDetector(Protocol):
    """Built by a domain's `groups(zone, members)`; state is a function of members and what was added."""

    name: str

    def add(self, member: I32, ts_ms: I64, values: F64) -> None:
        """Store readings: member int32[n] (index into the members), ts_ms int64[n], values float64[n], all finite, of
        one batch, in order of arrival. May hold late and repeated ones."""

    def advance(self, now_ms: int) -> list[Finding]:
        """Judge all that is due at tick `now_ms` (epoch ms; never goes back)."""

    def dump(self) -> Any:
        """State as plain values (msgpack)."""

    def load(self, dumped: Any) -> None:
        """Take over a `dump` of a group with the same members.

        Raises:
            ValueError: the state is of another version.
        """


@runtime_checkable
class Noting(Protocol):
    """A group detector that has something to add to the alerts of single members."""

    def note(self, member: str, value: float) -> Note | None:
        """What the newest `advance` knows about a member (id) that now reads `value`, in its unit; readings that only
        wait change nothing."""


class GroupFactory(Protocol):
    """`groups(zone, members)`: the detectors of a zone with these members; [] where too little is known."""

    def __call__(self, zone: str, members: Sequence[Member]) -> list[GroupDetector]: ...
