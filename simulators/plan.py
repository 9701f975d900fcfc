"""A recording that was read through once: what is sent, whose it is, and the registry that it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from detectors.catalog import Catalog, ProfileError
from detectors.profile_file import ProfileFile, encode
from geo.assets import Sensor
from geo.moments import rfc3339
from simulators.city import Batch
from simulators.mapping import ColumnMap, check_place, records
from simulators.native import NativeRecording, Row, is_native
from simulators.recording import Recording, Survey
from streams import topics
from streams.columns import Columns
from streams.errors import UsageError
from streams.registry_table import Registry


@dataclass(frozen=True)
class Plan:
    """`registry`: zones, assets and sensors; `reference`: fences, profiles and policies as (topic, key, value)."""

    source: Recording | NativeRecording
    survey: Survey
    registry: Registry
    ids: dict[str, str]  # name in the file -> sensor id
    reference: Sequence[Row] = field(default=())
    window: tuple[int, int] = (-(2**62), 2**62)  # times of the file that are played, the end not included
    shifts_ms: tuple[int, ...] = (0,)  # of each pass

    @property
    def path(self) -> Path:
        return self.source.path

    @property
    def sensors(self) -> list[Sensor]:
        return list(self.registry.sensors.values())

    @property
    def domains(self) -> list[str]:
        """Domains of the sensors."""
        here = {s.domain for s in self.registry.sensors.values()}
        return [d for d in topics.DOMAINS if d in here]

    def columns(self) -> Iterator[Columns]:
        """All readings that are played, in the order of the file, over one list of sensors."""
        first, last = self.window
        for shift in self.shifts_ms:
            for cols in self._whole():
                if (cols.ts_ms < first).any() or (cols.ts_ms >= last).any():
                    cols = cols.pick(np.flatnonzero((cols.ts_ms >= first) & (cols.ts_ms < last)))
                if len(cols):
                    yield replace(cols, ts_ms=cols.ts_ms + shift) if shift else cols

    def _whole(self) -> Iterator[Columns]:
        if isinstance(self.source, NativeRecording):
            yield from self.source.columns()
            return
        names = [self.ids[n] for n in self.survey.names]
        for chunk in self.source.chunks():
            yield Columns(names, chunk.name.astype(np.int32, copy=False), chunk.ts_ms, chunk.value)

    def batches(self, cols: Columns) -> Iterator[Batch]:
        """The same rows by domain."""
        letters = np.array([s[7:8] for s in cols.sensors])[cols.idx]
        for domain in self.domains:
            rows = np.flatnonzero(letters == topics.DOMAIN_LETTER[domain])
            if len(rows):
                yield Batch(domain, "", cols.take(rows))

    def played(self, from_ms: int = 0, until_ms: int = 0, loop: int = 1, now_ms: int = 0) -> Plan:
        """A part of it, several times one after the other, shifted so that it starts at `now_ms` (0: as recorded).

        Raises UsageError where the part has no readings.
        """
        if not (from_ms or until_ms or now_ms or loop > 1):
            return self
        part = replace(self, window=(from_ms or self.window[0], until_ms or self.window[1]))
        readings, first, last = 0, 2**62, 0
        for cols in part.columns():
            readings, first, last = (
                readings + len(cols),
                min(first, int(cols.ts_ms.min())),
                max(last, int(cols.ts_ms.max())),
            )
        if not readings:
            told = f"{rfc3339(self.survey.first_ms)} to {rfc3339(self.survey.last_ms)}"
            raise UsageError(f"{self.path.name}: has no readings in that part; it is of {told}")
        end = self.survey.until_ms if not until_ms else min(self.survey.until_ms, until_ms)
        shift = now_ms - first if now_ms else 0
        span = max(end, last) - first + round(1000 * min((s.interval_s for s in self.sensors), default=1.0))
        survey = replace(
            self.survey, readings=readings * loop, first_ms=first + shift, last_ms=last + shift + span * (loop - 1),
            until_ms=max(end, last) + shift + span * (loop - 1),
        )  # fmt: skip
        return replace(part, survey=survey, shifts_ms=tuple(shift + span * k for k in range(loop)))

    def with_profiles(self, files: Sequence[Path]) -> Plan:
        """The same with these `<domain>.toml` over the profiles in force. Raises UsageError."""
        own = [profile_row(file) for file in files]
        for topic, key, value in own:
            self.registry.profiles.pop(key.decode(), None)
            self.registry.apply(topic, key, value)
        changed = {key for _, key, _ in own}
        kept = [r for r in self.reference if r[0] != topics.PROFILES or r[1] not in changed]
        return replace(self, reference=[*kept, *own])


def profile_row(file: Path) -> Row:
    """A file of one domain's profiles as a registry record. Raises UsageError."""
    if file.stem not in topics.DOMAINS:
        raise UsageError(f"{file}: is of no single domain; name it {', '.join(f'{d}.toml' for d in topics.DOMAINS)}")
    try:
        text = file.read_text("utf-8")
        Catalog.default().with_text(file.stem, text, str(file))
    except ProfileError as error:
        raise UsageError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from None
    return topics.PROFILES, file.stem.encode(), encode(ProfileFile(domain=file.stem, toml=text, version=1_000_000))


def plan(path: Path, mapping: ColumnMap) -> Plan:
    """Read the whole file once and settle what is sent. Raises UsageError."""
    if path.is_file() and is_native(path):
        return _native(path, mapping)
    recording = Recording(path, check_place(mapping))
    survey = recording.survey()
    made, ids = records(recording.mapping, survey.names, survey.intervals_s, path.name, _seat(mapping.unit_code))
    return Plan(recording, survey, Registry(made), ids)


def _native(path: Path, mapping: ColumnMap) -> Plan:
    bare = ColumnMap(domain=mapping.domain)
    if mapping != bare:
        own = next(f for f in ColumnMap.__struct_fields__ if f != "domain" and getattr(mapping, f) != getattr(bare, f))
        raise UsageError(
            f"{path.name}: is a recording of `cityops record`, which says itself what is what; leave out {own}"
        )
    source = NativeRecording(path, mapping.domain)
    survey = source.survey()
    rows = source.registry(survey.names)
    reference = [r for r in rows if r[0] != topics.ASSETS]
    return Plan(source, survey, source.table(rows), {n: n for n in survey.names}, reference)


def _seat(unit_code: str) -> tuple[float, float] | None:
    """A point for sensors whose place is not known: the seat of their unit (a county's first township)."""
    from geo.divisions import Divisions
    from geo.places import Places

    divisions = Divisions.load()
    towns = divisions.children(unit_code) if len(unit_code) == 6 else ()
    try:
        return Places.load().seat(towns[0].code if towns else unit_code)
    except (KeyError, OSError):
        return None
