"""Events and weather in the traffic benchmark: a camera that sees what blocks the lane, or what does not.

Blocked lanes: the camera reports the cause 90 s after the blocking (stopped vehicle, wrong way, hazardous load, fire,
in turn), the weather is fog patches or freezing rain. Clean weeks: every day one stopped vehicle on the shoulder for
20 min, at a time and with a code that the seed decides; no lane is blocked.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.group import Member
from detectors.traffic_road import EVENT, WEATHER
from detectors.traffic_stations import Frame
from simulators import noise
from simulators.cell_transmission import DAY_MS, Road
from streams.cli.benches.detect_traffic_scenes import Scene

SEEN_MS, SHOULDER_MS = 90_000, 1_200_000
FOG, ICE = 2, 3  # codes of a `weather` member
Note = tuple[int, int, float]  # time, member, code


def witnesses(of: Road) -> list[Member]:
    """A camera and a weather station of the road; they come after its loops."""
    middle = of.stations_m[len(of.stations_m) // 2]
    return [
        Member("522601-T-CAM-000001", "event", 60.0, chainage_m=middle),
        Member("522601-T-WEA-000001", "weather", 60.0, chainage_m=middle),
    ]


def cause(number: int) -> tuple[int, int]:
    """(code of the event, code of the weather) of the scene `number` of a road."""
    return 1 + number % 4, FOG if number % 2 else ICE


def of_scene(scene: Scene, number: int, loops: int) -> list[Note]:
    """What camera and weather station report in a scene."""
    event, weather = cause(number)
    start = scene.block.start_ms
    return [(start - 1_800_000, loops + 1, float(weather)), (start + SEEN_MS, loops, float(event))]


def stray(seed: int, day: int, begin_ms: int, loops: int) -> list[Note]:
    """A stopped vehicle on the shoulder at some time of the day from `begin_ms`."""
    at = begin_ms + int(noise.fraction(seed, "shoulder", day) * (DAY_MS - SHOULDER_MS))
    return [(at, loops, 1.0), (at + SHOULDER_MS, loops, 0.0)]


def noted(frames: Iterator[Frame], notes: list[Note]) -> Iterator[Frame]:
    """The frames with the notes that came since the one before."""
    last = 0
    for frame in frames:
        now = [n for n in notes if last < n[0] <= frame.ts_ms]
        last = frame.ts_ms
        yield frame._replace(notes=tuple(now)) if now else frame


def names_it(reason: str, number: int) -> bool:
    """Whether a reason in Chinese tells cause and weather of the scene `number`."""
    event, weather = cause(number)
    return EVENT[event].zh in reason and WEATHER[weather].zh in reason
