"""What is kept of a run in `<data>/runs/<id>/`: its record, what it printed, where it stands. No process here."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from geo.moments import rfc3339, rfc3339_or_none

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
ID = re.compile(r"[A-Za-z0-9_-]{1,60}")
STATES = ("running", "done", "failed", "cancelled", "interrupted")
_BAR = re.compile(r"([a-z][a-z ]*?) \[[^\]]*\]\s+(\d+)%")
TAIL = 4_000  # bytes of the log that are looked at


class Run(Struct, kw_only=True):
    """One run. `kind`: replay (through Kafka, the console shows its alerts) or preview (of profiles)."""

    id: str
    kind: str
    state: str
    by: str
    created_ms: int
    recording: str = ""
    scenario: str = ""
    speed: float = 0.0
    profiles: tuple[str, ...] = ()  # domains that it has own profiles of
    ended_ms: int | None = None
    error: str = ""
    pid: int = 0
    pid_begun: float = 0.0


class RunFiles:
    """The runs of a data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.recordings = folder / "runs", folder / "recordings"

    def of(self, id_: str) -> Path:
        return self.folder / id_

    def keep(self, run: Run) -> None:
        """Write the record, whole or not at all."""
        part = self.of(run.id) / "run.json.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(msgspec.json.encode(run))
        os.replace(part, part.with_suffix(""))

    def get(self, id_: str) -> Run | None:
        """None where there is none, or its record cannot be read."""
        if not ID.fullmatch(id_):
            return None
        try:
            return msgspec.json.decode((self.of(id_) / "run.json").read_bytes(), type=Run)
        except (OSError, msgspec.MsgspecError):
            return None

    def all(self) -> list[Run]:
        """Newest first."""
        names = [p.name for p in self.folder.iterdir()] if self.folder.is_dir() else []
        found = [run for run in map(self.get, names) if run is not None]
        return sorted(found, key=lambda r: (-r.created_ms, r.id))

    def drop(self, id_: str) -> None:
        shutil.rmtree(self.of(id_), ignore_errors=True)

    def recording(self, name: str) -> Path | None:
        """A file of the folder of recordings, by its bare name; None where there is none."""
        path = self.recordings / name
        return path if NAME.fullmatch(name) and path.is_file() else None

    def listed(self) -> list[dict[str, Any]]:
        """The recordings that a run may name."""
        names = sorted(self.recordings.iterdir()) if self.recordings.is_dir() else []
        return [
            {"name": p.name, "bytes": p.stat().st_size, "changed": rfc3339(round(p.stat().st_mtime * 1000))}
            for p in names
            if NAME.fullmatch(p.name) and p.is_file() and p.suffix != ".toml"
        ]

    def public(self, run: Run) -> dict[str, Any]:
        """The run of the API, without what it found."""
        phase, share = self.progress(run)
        return {
            "id": run.id, "kind": run.kind, "state": run.state, "by": run.by, "recording": run.recording or None,
            "scenario": run.scenario or None, "speed": run.speed, "profiles": list(run.profiles), "phase": phase,
            "progress": share, "created": rfc3339(run.created_ms), "ended": rfc3339_or_none(run.ended_ms),
            "error": run.error or None,
        }  # fmt: skip

    def progress(self, run: Run) -> tuple[str, float]:
        """(what it is at, share done)"""
        if run.state == "done":
            return "done", 1.0
        seen = _BAR.findall(self.tail(run.id))
        return (seen[-1][0].strip(), int(seen[-1][1]) / 100) if seen else ("starting", 0.0)

    def tail(self, id_: str) -> str:
        """The newest of what it told."""
        try:
            with (self.of(id_) / "log").open("rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - TAIL, 0))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def result(self, id_: str) -> dict[str, Any]:
        """What it answered: alerts of a replay, the difference of a preview; {} before that."""
        try:
            made: dict[str, Any] = json.loads((self.of(id_) / "out.json").read_text("utf-8"))
            return made
        except (OSError, ValueError):
            return {}

    def truth(self, id_: str) -> list[dict[str, Any]]:
        """The incidents of its scenario."""
        try:
            lines = (self.of(id_) / "truth.jsonl").read_text("utf-8").splitlines()
            return [json.loads(line) for line in lines if line.strip()]
        except (OSError, ValueError):
            return []
