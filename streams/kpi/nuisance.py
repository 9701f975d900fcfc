"""Alarms that tell nothing new: chattering, fleeting, stale ones, and the few sources that make most of the load.

Chattering: three or more alarms of one source within a minute (Hollifield and Habibi, The Alarm Management Handbook,
the usual first criterion beside ISA-18.2), or three or more returns in one episode, or latched by the engine. Fleeting:
ended by itself within a minute, before anybody acknowledged, and not chattering; ISA-18.2 names no time, the minute is
the project's. Stale: active without a break for more than 24 h.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.kpi.journal import NONE, View
from streams.kpi.tables import Ints, Rows

MINUTE_MS = 60_000
DAY_MS = 86_400_000
CHATTERING = 3
TOP = 10


class Source(NamedTuple):
    """A place, or a place and a kind with a blank between; how many alarms, and what makes it worth a look."""

    name: str
    alarms: int
    in_minute: int = 0
    returns: int = 0


def alarms(view: View, from_ms: int) -> Rows:
    """Spells that were told: begun since `from_ms` and not suppressed then."""
    told: Rows = view.spells[(view.spells["at"] >= from_ms) & ~view.spells["hidden"]]
    return told


def chattering(view: View, told: Rows) -> list[Source]:
    """Chattering sources, the worst first."""
    if not len(told):
        return []
    of = view.alerts["source"][told["alert"]]
    order = np.lexsort((told["at"], of))
    source, at = of[order], told["at"][order]
    counts = np.bincount(of)
    minute = _most_in_minute(source, at, len(counts))
    returns = np.zeros(len(counts), np.int64)
    episodes = np.bincount(told["alert"][told["again"]], minlength=len(view.alerts))
    np.maximum.at(returns, of, episodes[told["alert"]])
    latched = np.zeros(len(counts), bool)
    latched[of[view.alerts["latched"][told["alert"]]]] = True
    found = np.flatnonzero((minute >= CHATTERING) | (returns >= CHATTERING) | latched)
    out = [Source(view.sources[s], int(counts[s]), int(minute[s]), int(returns[s])) for s in found]
    return sorted(out, key=lambda s: (-s.alarms, s.name))


def _most_in_minute(source: Ints, at: Ints, n: int) -> Ints:
    """Most alarms within a minute (both ends count) for each source; rows in order of source, then time."""
    span = int(at.max() - at.min()) + 2 * MINUTE_MS
    line = source.astype(np.int64) * span + (at - at.min())  # all sources on one line, more than a minute apart
    inside = np.searchsorted(line, line, "right") - np.searchsorted(line, line - MINUTE_MS, "left")
    out = np.zeros(n, np.int64)
    np.maximum.at(out, source, inside)
    return out


def fleeting(view: View, told: Rows, chatter: list[Source]) -> list[Source]:
    """Sources of fleeting alarms with their number, the most first."""
    acked = view.alerts["ack"][told["alert"]]
    alone = (acked == NONE) | (acked > told["until"])
    short = told["cleared"] & (told["until"] - told["at"] <= MINUTE_MS) & alone
    skip = {s.name for s in chatter}
    return [s for s in most(view, told[short]) if s.name not in skip]


def stale(view: View, at_ms: int) -> Rows:
    """Spells that last for more than 24 h at a time."""
    return standing(view, at_ms, DAY_MS)


def standing(view: View, at_ms: int, longer_ms: int = -1) -> Rows:
    """Spells that are active at a time, for longer than `longer_ms`; suppressed ones do not stand."""
    spells = view.spells
    active = (spells["until"] == NONE) | (spells["until"] > at_ms)
    found: Rows = spells[active & ~spells["hidden"] & (at_ms - spells["at"] > longer_ms)]
    return found


def most(view: View, told: Rows, column: str = "source") -> list[Source]:
    """Sources (or places) by number of alarms, the most first."""
    names = view.sources if column == "source" else view.places
    counts = np.bincount(view.alerts[column][told["alert"]]) if len(told) else np.zeros(0, np.int64)
    out = [Source(names[k], int(counts[k])) for k in np.flatnonzero(counts)]
    return sorted(out, key=lambda s: (-s.alarms, s.name))


def repeated_places(view: View, from_ms: int) -> list[Source]:
    """Places with two or more alerts (episodes) since a time, the most first."""
    rows = view.alerts["place"][view.alerts["raised"] >= from_ms]
    counts = np.bincount(rows) if len(rows) else np.zeros(0, np.int64)
    out = [Source(view.places[k], int(counts[k])) for k in np.flatnonzero(counts >= 2)]
    return sorted(out, key=lambda s: (-s.alarms, s.name))
