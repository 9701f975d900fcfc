"""The memory of the figures: a row an alert, and a row for each time it was active (a spell), told or suppressed.

Incremental: a transition costs a few microseconds, whatever is open. A question copies the rows that it is about and
is answered from the copy. A transition that comes twice counts once. The oldest closed alerts go when there are more
than `most`; `since_ms` says from when on the figures are complete.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.kpi.facts import SAME_STEP, STEPS, Fact
from streams.kpi.tables import Bools, Ints, Names, Rows, Table

MOST = 150_000
SPELLS = 4  # spells kept for each alert of `most`
NONE = -1  # a time that is not there
ALERT = np.dtype(
    [
        ("version", "i4"), ("raised", "i8"), ("clock", "i8"), *((step, "i8") for step in STEPS), ("spell", "i4"),
        ("mode", "i1"), ("cls", "i1"), ("severity", "i1"), ("level", "i1"), ("verdict", "i2"), ("unit", "i4"),
        ("org", "i4"), ("place", "i4"), ("source", "i4"), ("hidden", "?"), ("latched", "?"),
    ]
)  # fmt: skip
SPELL = np.dtype(
    [
        ("at", "i8"), ("until", "i8"), ("alert", "i4"), ("severity", "i1"), ("again", "?"), ("hidden", "?"),
        ("cleared", "?"),
    ]
)  # fmt: skip
NOTHING_DONE = (NONE,) * (len(STEPS) + 1)


class View(NamedTuple):
    """A copy of the rows that a question is about. `spells["alert"]` counts in `alerts`; texts are by number."""

    alerts: Rows  # of ALERT
    spells: Rows  # of SPELL
    severities: list[str]
    levels: list[str]
    verdicts: list[str]
    units: list[str]
    orgs: list[str]
    places: list[str]
    sources: list[str]  # asset and kind, with a blank between
    since_ms: int


class Journal:
    """Alerts of all modes: every open one, and the newest closed ones.

    >>> j = Journal()
    >>> j.apply(Fact("a", 1, 1000, "raise", "actual", "hazard", "522601", "P1", "burst", "", False, "II"))
    >>> len(j.view("5226", "actual", "hazard", 5000).alerts)
    1
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._alerts, self._spells = Table(ALERT), Table(SPELL)
        self._full, self._full_spells = most * 5 // 4, most * SPELLS * 5 // 4
        self._row: dict[int, int] = {}  # by the hash of the id: half of the memory, and 64 bits do not meet
        self._names = {
            n: Names() for n in ("mode", "cls", "severity", "level", "verdict", "unit", "org", "place", "source")
        }
        for severity in ("I", "II", "III", "IV"):  # their numbers are their order
            self._names["severity"].number(severity)
        self._names["level"].number("")
        self.since_ms = 0

    def __len__(self) -> int:
        return len(self._alerts)

    @property
    def spells(self) -> int:
        """How many are kept."""
        return len(self._spells)

    def apply(self, fact: Fact) -> None:
        """Take a transition; one that is known already changes nothing."""
        cells, names = self._alerts.columns, self._names
        row = self._row.get(hash(fact.id))
        if row is None:
            row = self._new(fact)
        elif fact.version <= cells["version"][row]:
            return
        cells["version"][row] = fact.version
        cells["verdict"][row] = names["verdict"].number(fact.verdict)
        cells["latched"][row] = fact.latched
        cells["unit"][row] = names["unit"].number(fact.unit)
        cells["org"][row] = names["org"].number(fact.org)
        if fact.set_severity:
            self._severity(row, names["severity"].number(fact.set_severity), fact.at_ms)
        self._step(row, fact)
        self._active(row, fact)

    def _new(self, fact: Fact) -> int:
        if len(self._alerts) >= self._full or len(self._spells) >= self._full_spells:
            self._forget()
        names, at = self._names, fact.at_ms
        row = self._alerts.add(
            0, at, at, *NOTHING_DONE, names["mode"].number(fact.mode), names["cls"].number(fact.cls),
            names["severity"].number(fact.set_severity or fact.severity), 0, 0, 0, 0, names["place"].number(fact.place),
            names["source"].number(f"{fact.place} {fact.kind}"), False, False,
        )  # fmt: skip
        self._row[hash(fact.id)] = row
        return row

    def _severity(self, row: int, severity: int, at_ms: int) -> None:
        """A rise drops the acks and starts the chain anew, so the clock of the ack starts anew, too."""
        cells = self._alerts.columns
        if severity < cells["severity"][row]:
            cells["clock"][row] = at_ms
            cells["ack"][row] = NONE
        cells["severity"][row] = severity

    def _step(self, row: int, fact: Fact) -> None:
        cells = self._alerts.columns
        name = SAME_STEP.get(fact.trigger, fact.trigger)
        if name == "reopen":
            cells["close"][row] = NONE
        elif name in STEPS and cells[name][row] == NONE:
            cells[name][row] = fact.at_ms
            if name == "ack":
                cells["level"][row] = self._names["level"].number(fact.ack_level)

    def _active(self, row: int, fact: Fact) -> None:
        """Begin and end spells: by raise and clear, and where it is suppressed or told again in between."""
        cells = self._alerts.columns
        changed = fact.suppressed is not None and fact.suppressed != cells["hidden"][row]
        if changed:
            cells["hidden"][row] = bool(fact.suppressed)
        if fact.trigger in ("raise", "reraise"):
            self._end(row, fact.at_ms)
            self._begin(row, fact.at_ms, again=fact.trigger == "reraise")
        elif fact.trigger in ("clear", "close"):
            self._end(row, fact.at_ms, cleared=fact.trigger == "clear")
        elif changed and cells["spell"][row] != NONE:
            self._end(row, fact.at_ms)
            self._begin(row, fact.at_ms)

    def _begin(self, row: int, at_ms: int, again: bool = False) -> None:
        cells = self._alerts.columns
        hidden = cells["hidden"][row]
        cells["spell"][row] = self._spells.add(at_ms, NONE, row, cells["severity"][row], again, hidden, False)

    def _end(self, row: int, at_ms: int, cleared: bool = False) -> None:
        spell = self._alerts.columns["spell"][row]
        if spell != NONE:
            self._spells.columns["until"][spell] = at_ms
            self._spells.columns["cleared"][spell] = cleared
            self._alerts.columns["spell"][row] = NONE

    def view(self, prefix: str, mode: str, cls: str, before_ms: int, fields: tuple[str, ...] = ()) -> View:
        """Rows of the units with this prefix that began before a time. `cls` all: hazards and equipment.

        `fields` of the alerts: those alone are copied, for who needs few of them often.
        """
        names, column = self._names, self._alerts.column
        keep = (column("mode") == names["mode"].number(mode)) & (column("raised") < before_ms)
        if cls != "all":
            keep &= column("cls") == names["cls"].number(cls)
        if prefix:
            ours = np.array([u.startswith(prefix) for u in names["unit"].texts] or [False])
            keep &= ours[column("unit")]
        owner = self._spells.column("alert")
        spells = self._spells.rows(keep[owner] & (self._spells.column("at") < before_ms))
        spells["alert"] = renumbered(keep, spells["alert"])
        texts = {n: list(names[n].texts) for n in ("severity", "level", "verdict", "unit", "org", "place", "source")}
        return View(
            self._alerts.rows(keep, fields), spells, texts["severity"], texts["level"], texts["verdict"], texts["unit"],
            texts["org"], texts["place"], texts["source"], self.since_ms,
        )  # fmt: skip

    def _forget(self) -> None:
        """Drop the oldest closed alerts, then the oldest spells that ended; what is open always stays."""
        closed = np.flatnonzero(self._alerts.column("close") != NONE)
        keep = self._oldest(self._alerts.column("raised"), closed, len(self._alerts) - self._most)
        told = keep[self._spells.column("alert")]
        ended = np.flatnonzero(told & (self._spells.column("until") != NONE))
        told &= self._oldest(self._spells.column("at"), ended, int(told.sum()) - self._most * SPELLS)
        self._compact(keep, told)
        self._full = max(self._most, len(self._alerts)) * 5 // 4
        self._full_spells = max(self._most * SPELLS, len(self._spells)) * 5 // 4

    def _oldest(self, at: Ints, may_go: Ints, many: int) -> Bools:
        """Mask of the rows that stay where the oldest `many` of `may_go` go."""
        keep = np.ones(len(at), bool)
        gone = may_go[np.argsort(at[may_go], kind="stable")][: max(0, many)]
        if len(gone):
            keep[gone] = False
            self.since_ms = max(self.since_ms, int(at[gone].max()) + 1)
        return keep

    def _compact(self, keep: Bools, told: Bools) -> None:
        alerts, spells = self._alerts.rows(keep), self._spells.rows(told)
        spells["alert"] = renumbered(keep, spells["alert"])
        active = alerts["spell"] != NONE
        alerts["spell"][active] = renumbered(told, alerts["spell"][active])
        for name in ("place", "source"):
            used, numbers = np.unique(alerts[name], return_inverse=True)
            fresh = Names()
            for number in used:
                fresh.number(self._names[name].texts[number])
            alerts[name], self._names[name] = numbers, fresh
        place = np.cumsum(keep) - 1
        self._row = {id_: int(place[row]) for id_, row in self._row.items() if keep[row]}
        self._alerts.put(alerts)
        self._spells.put(spells)


def renumbered(keep: Bools, rows: Ints) -> Ints:
    """Numbers of rows that are kept, as they are after the others went."""
    place: Ints = np.cumsum(keep) - 1
    return place[rows] if len(rows) else rows
