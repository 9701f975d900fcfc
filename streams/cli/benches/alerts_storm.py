"""A storm: 10,000 detections in a minute over 16 counties, followed on the feed of a real API process.

Of eight detections six raise, one repeats and one clears. Each is looked for afterwards: in the state of the alert of
its asset, which counts them, so that what a group has swallowed would be missing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from streams.cli.benches.alerts_bed import Minded, api, bed, load_average, paced, sending
from streams.cli.benches.alerts_feed import Feed
from streams.cli.benches.alerts_load import detection, facts, message
from streams.cli.benches.alerts_log import GROUP, Faults, log_of, settled, state_of
from streams.cli.benches.alerts_rows import outbox
from streams.cli.benches.bed import cpu_s, wait_for
from streams.cli.benches.figure import Figure, Say
from streams.events import Alert, Detection
from streams.settings import Settings

N, SECONDS = 10_000, 60.0
QUICK_N, QUICK_SECONDS = 2_000, 12.0
REPEATS_AFTER, CLEARS_AFTER = 300, 600  # assets later


@dataclass
class Sent:
    """What was sent: times in epoch seconds, how often by asset, and which were cleared."""

    red: dict[str, float] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    cleared: set[str] = field(default_factory=set)
    assets: int = 0

    def next(self, n: int) -> Detection:
        """The n-th detection, as of now."""
        now = time.time()
        turn, k = n % 8, self.assets
        if turn == 6 and k >= REPEATS_AFTER:
            d = detection(k - REPEATS_AFTER, int(now * 1000), "update")
        elif turn == 7 and k >= CLEARS_AFTER:
            d = detection(k - CLEARS_AFTER, int(now * 1000), "clear")
        else:
            self.assets += 1
            d = detection(k, int(now * 1000))
            if facts(k)[0] == "I":
                self.red[d.asset] = now
        if d.state == "clear":
            self.cleared.add(d.asset)
        else:
            self.counts[d.asset] += 1
        return d


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `alerts.storm_*` and `.outbox_unique`. Raises CityopsError where a red alert does not reach the feed."""
    n, seconds = (QUICK_N, QUICK_SECONDS) if quick else (N, SECONDS)
    with bed(say) as settings:
        worker = Minded(settings)
        try:
            with api(settings) as server, Feed(server) as feed:
                settled(settings)
                before = worker.worker.cpu_s(), cpu_s(server.pid)
                say(f"{n:,} detections in {seconds:.0f} s…")
                sent, took = _send(settings, n, n / seconds)
                load = load_average()
                settled(settings)
                wait_for("every severity I alert on the feed", lambda: _waits(sent, feed, True), 60, 0.5)
                waits = _waits(sent, feed)
                cores = {
                    "worker": round((worker.worker.cpu_s() - before[0]) / took, 2),
                    "api": round((cpu_s(server.pid) - before[1]) / took, 2),
                }
        finally:
            worker.stop()
        alerts, (faults, logged) = state_of(settings), _looked(settings, sent)
        made = outbox(settings)
    lost, more = compared(sent, alerts)
    groups = sum(a.asset.startswith(GROUP) for a in alerts.values())
    detail = {
        "detections": n, "took_s": round(took, 1), "load": load, "assets": sent.assets, "groups": groups,
        "records": faults.records, "transitions": faults.transitions, "notices": faults.notices,
        "twins": faults.twins, "versions_twice": faults.doubled, "notices_twice": faults.told_twice,
        "counted_twice": more,
    }  # fmt: skip
    yield Figure("alerts.storm_lost", lost, "detections", "<= 0", n, detail)
    doubled = more + faults.twins + faults.doubled + faults.told_twice
    yield Figure("alerts.storm_doubled", doubled, "records", "<= 0", faults.records, detail)
    yield Figure(
        "alerts.outbox_unique", len(made) / made.total(), "", ">= 1", made.total(), {"notices": faults.notices}
    )
    p50, p99 = np.percentile(waits, 50), np.percentile(waits, 99)
    said = {"p50_ms": round(float(p50), 1), "worst_ms": round(max(waits), 1), "load": load}
    said |= {"to_log_p99_ms": round(float(np.percentile(logged, 99)), 1), "cores": cores}
    yield Figure("alerts.storm_red_p99_ms", float(p99), "ms", "<= 2000", len(waits), said)


def _looked(settings: Settings, sent: Sent) -> tuple[Faults, list[float]]:
    """Faults of the log; milliseconds from each severity I detection to its record."""
    faults, logged = Faults(), []
    for alert, transition, stamp in log_of(settings):
        faults.look(alert, transition)
        if transition["trigger"] == "raise" and (at := sent.red.get(alert["assets"][0])):
            logged.append(stamp - at * 1000)
    return faults, logged


def _send(settings: Settings, n: int, per_s: float) -> tuple[Sent, float]:
    sent, began = Sent(), time.monotonic()
    with sending(settings) as producer:
        for k in paced(n, per_s):
            producer.send(**message(settings, sent.next(k)))
        took = time.monotonic() - began
    return sent, took


def _waits(sent: Sent, feed: Feed, whole: bool = False) -> list[float]:
    """Milliseconds from a severity I detection to its event; [] where `whole` and one is missing."""
    came = {e.asset: e.at_s for e in reversed(feed.events) if e.trigger == "raise"}
    if whole and not sent.red.keys() <= came.keys():
        return []
    return [(came[name] - at) * 1000 for name, at in sent.red.items() if name in came]


def compared(sent: Sent, alerts: dict[str, Alert]) -> tuple[int, int]:
    """(detections that no alert counts or that cleared nothing, detections that are counted too often)."""
    found: Counter[str] = Counter()
    for a in alerts.values():
        found[a.asset] += a.count
    cleared = {a.asset for a in alerts.values() if a.condition == "CLEARED" or a.latched}
    lost = (sent.counts - found).total() + len(sent.cleared - cleared)
    more = sum(n - sent.counts[name] for name, n in found.items() if n > sent.counts[name] and name in sent.counts)
    return lost, more
