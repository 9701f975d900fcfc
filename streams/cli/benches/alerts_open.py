"""100,000 open alerts: is a deadline kept, what does a kill -9 cost, how soon does another desk see an ack?"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from streams.cli.benches.alerts_ask import Asker
from streams.cli.benches.alerts_bed import Api, Minded, api, bed, load_average, sending
from streams.cli.benches.alerts_feed import Feed, Seen
from streams.cli.benches.alerts_load import I_FACTS, II_FACTS, Facts, detection, facts, message
from streams.cli.benches.alerts_log import TOUCHES, log_of, settled
from streams.cli.benches.bed import wait_for
from streams.cli.benches.figure import Figure, Say
from streams.cli.benches.restart import opened
from streams.errors import CityopsError
from streams.settings import Settings

OPEN, QUICK_OPEN = 100_000, 5_000
PROBES, QUICK_PROBES = 200, 48
ACKS, QUICK_ACKS = 200, 50
FIRST = 10_000_000  # assets of the probes come after all others
STEP_S = 60  # of the default policy: the first deadline of severity I
KILL_BEFORE_S = 1.0  # of the second probes' deadline: it passes while nobody works


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Yield `alerts.deadline_error_s`, `.restart_escalation_s`, `.ack_visible_p99_ms`.

    Raises CityopsError where an alert, an escalation or an acknowledgement is missing.
    """
    n, probes = (QUICK_OPEN, QUICK_PROBES) if quick else (OPEN, PROBES)
    with bed(say) as settings:
        worker = Minded(settings)
        try:
            with api(settings) as server:
                say(f"{n:,} open alerts…")
                began = time.monotonic()
                _fill(settings, n)
                settled(settings, 1800)
                detail: dict[str, Any] = {"open": n, "filled_s": round(time.monotonic() - began)}
                detail["worker_rss_mb"] = round(worker.worker.rss_mb())
                yield from _deadlines(settings, worker, probes, detail, say)
                yield _acks(settings, server, QUICK_ACKS if quick else ACKS, detail, say)
        finally:
            worker.stop()


def _fill(settings: Settings, n: int) -> None:
    """Alerts of severity III and IV; those of I and II would be told again every few minutes all the time."""
    done, k = 0, 0
    with sending(settings) as producer:
        while done < n:
            if facts(k)[0] in ("III", "IV"):
                producer.send(**message(settings, detection(k, int(time.time() * 1000))))
                done += 1
            k += 1


def _raise(settings: Settings, which: Iterable[int], as_: Facts = I_FACTS) -> set[str]:
    """Alerts of these assets, all of one severity; their names."""
    found = [detection(k, int(time.time() * 1000), as_=as_) for k in which]
    with sending(settings) as producer:
        for d in found:
            producer.send(**message(settings, d))
    return {d.asset for d in found}


def _deadlines(settings: Settings, worker: Minded, probes: int, detail: dict[str, Any], say: Say) -> Iterator[Figure]:
    say(f"{probes} deadlines, then {probes} with a kill -9 before them…")
    began_ms = int(time.time() * 1000)
    calm = _raise(settings, range(FIRST, FIRST + probes))
    time.sleep(STEP_S + 10)
    killed = _raise(settings, range(FIRST + probes, FIRST + 2 * probes))
    time.sleep(STEP_S - KILL_BEFORE_S)
    at_s, load = time.time(), load_average()
    before = worker.worker
    worker.kill()
    wait_for("the worker's new start", lambda: worker.worker is not before, 30)
    worker.worker.ready()
    ready_s = time.time() - at_s
    time.sleep(15)
    settled(settings)
    errors, after = _escalated(settings, calm, killed, at_s, began_ms)
    if len(errors) < probes or len(after) < probes:
        raise CityopsError(f"{len(errors)} and {len(after)} of {probes} alerts escalated")
    said = {**detail, "load": load, "p50_s": round(float(np.median(errors)), 3)}
    yield Figure("alerts.deadline_error_s", max(errors), "s", "<= 2", len(errors), said)
    restore = max(opened(worker.worker.log), default=0.0)
    said = {**detail, "load": load, "ready_s": round(ready_s, 1), "restore_s": round(restore, 1)}
    yield Figure("alerts.restart_escalation_s", max(after), "s", "<= 10", len(after), said)


def _escalated(
    settings: Settings, calm: set[str], killed: set[str], at_s: float, since_ms: int
) -> tuple[list[float], list[float]]:
    """Seconds from the deadline to the first escalation's record of each, and from the kill for those killed before."""
    due: dict[str, float] = {}
    errors: list[float] = []
    after: list[float] = []
    for alert, transition, stamp in log_of(settings, since_ms):
        asset, trigger = alert["assets"][0], transition["trigger"]
        if asset not in calm | killed or trigger in TOUCHES:
            continue
        if trigger == "raise":
            due[asset] = _epoch(alert["escalation"]["deadline"])
        elif trigger == "escalate" and asset in due:
            was = due.pop(asset)
            if asset in calm:
                errors.append(stamp / 1000 - was)
            else:
                after.append(stamp / 1000 - at_s)
    return errors, after


def _epoch(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def _acks(settings: Settings, server: Api, n: int, detail: dict[str, Any], say: Say) -> Figure:
    """A county's alerts are acknowledged by its officer; the prefecture's desk follows the feed."""
    say(f"{n} acknowledgements…")
    with Feed(server) as feed:
        kaili = range(2 * FIRST, 2 * FIRST + 16 * n, 16)  # every sixteenth asset is of this county
        assets = _raise(settings, kaili, II_FACTS)  # their first deadline comes after the last acknowledgement
        wait_for("the projection", lambda: len(_raised(feed, assets)) == n, 600, 0.5)
        own = _raised(feed, assets)
        waits = []
        with Asker(server, "kaili") as asker:
            for e in own:
                began = time.time()
                status, said = asker.command(e.alert, "ack", e.version)
                seen = feed.wait(e.alert, e.version + 1, 10)
                if status != 200 or seen is None:
                    raise CityopsError(f"an ack was answered {status} {said.get('detail', '')}, seen: {seen}")
                waits.append((seen.at_s - began) * 1000)
    p99 = float(np.percentile(waits, 99))
    p50, worst = round(float(np.median(waits)), 1), round(max(waits), 1)
    said = {**detail, "load": load_average(), "p50_ms": p50, "worst_ms": worst}
    return Figure("alerts.ack_visible_p99_ms", p99, "ms", "<= 300", n, said)


def _raised(feed: Feed, assets: set[str]) -> list[Seen]:
    return [e for e in feed.events if e.trigger == "raise" and e.asset in assets]
