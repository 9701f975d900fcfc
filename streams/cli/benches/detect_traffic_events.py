"""Events and weather in the traffic benchmark: a camera that sees what blocks the lane, or what does not.

A camera stands at every second station. Blocked lanes: the nearest camera reports the cause 90 s after the blocking
(stopped vehicle, wrong way, hazardous load, fire, in turn), the weather is fog patches or freezing rain. Clean weeks:
every day one stopped vehicle on the shoulder for 20 min, at a time and before a camera that the seed decides; no lane
is blocked.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.group import Member
from detectors.traffic_road import EVENT, WEATHER
from detectors.traffic_stations import KINDS, Frame
from simulators import noise
from simulators.cell_transmission import DAY_MS, Road
from streams.cli.benches.detect_traffic_scenes import Scene

SEEN_MS, SHOULDER_MS = 90_000, 1_200_000
EVERY = 2  # stations a camera
FOG, ICE = 2, 3  # codes of a `weather` member
Note = tuple[int, int, float]  # time, member, code


def witnesses(of: Road) -> list[Member]:
    """The weather station and the cameras of a road; they come after its loops."""
    middle = of.stations_m[len(of.stations_m) // 2]
    cameras = [
        Member(f"522601-T-CAM-{k + 1:06d}", "event", 60.0, chainage_m=x) for k, x in enumerate(of.stations_m[::EVERY])
    ]
    return [Member("522601-T-WEA-000001", "weather", 60.0, chainage_m=middle), *cameras]


def cause(number: int) -> tuple[int, int]:
    """(code of the event, code of the weather) of the scene `number` of a road."""
    return 1 + number % 4, FOG if number % 2 else ICE


def of_scene(scene: Scene, number: int, of: Road) -> list[Note]:
    """What the nearest camera and the weather station report in a scene."""
    event, weather = cause(number)
    start, loops = scene.block.start_ms, len(KINDS) * len(of.stations_m)
    away = [abs(x - scene.block.chainage_m) for x in of.stations_m[::EVERY]]
    camera = loops + 1 + away.index(min(away))
    return [(start - 1_800_000, loops, float(weather)), (start + SEEN_MS, camera, float(event))]


def stray(seed: int, day: int, begin_ms: int, of: Road) -> list[Note]:
    """A stopped vehicle on the shoulder at some time of the day from `begin_ms`."""
    at = begin_ms + int(noise.fraction(seed, "shoulder", day) * (DAY_MS - SHOULDER_MS))
    cameras = len(of.stations_m[::EVERY])
    camera = len(KINDS) * len(of.stations_m) + 1 + int(noise.fraction(seed, "camera", day) * cameras)
    return [(at, camera, 1.0), (at + SHOULDER_MS, camera, 0.0)]


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
    return EVENT[event][1].zh in reason and WEATHER[weather][1].zh in reason
