"""The engine under random interleavings of detections, commands, ticks, duplicates and restarts: what must always hold.

Twenty seeds of 5,000 steps each. A failure names the seed and the step; `play(seed, until=step)` repeats it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import msgspec
import pytest

from geo.fences import Mark
from streams.alerts.desk import Desk
from streams.alerts.engine import Engine
from streams.alerts.escalation import chain_of, holds, lasts
from streams.alerts.params import PARAMS
from streams.alerts.policy_book import PolicyBook
from streams.alerts.severity import worse
from streams.alerts.table import COMMANDS, TABLE
from streams.alerts.ticking import due_ms
from streams.alerts.transitions import label
from streams.duty.book import DutyBook
from streams.duty.records import Contact, Person, Roster, Rotation
from streams.events import Alert, AlertRecord, Command, Detection
from tests.unit.streams.test_lifecycle import T0, detection

STEPS = 5_000
AFTER_CLOSING = (
    "reopen",
    "clear",
    "not_joined",
    "leave",
    "comment",
    "attach",
    "report",
    "urge",
    "supervise",
    "escalate",
    "failed",
)  # late reports
UNITS = ("522600", "522601", "522601001", "522601001001", "522622", "org:gas")
ROLES = ("viewer", "officer", "commander", "engineer", "admin")
KINDS = (
    ("gas", "gas_concentration", "hazard"), ("water", "burst_suspected", "hazard"), ("water", "pressure_low", "hazard"),
    ("traffic", "traffic_incident", "hazard"), ("water", "flatline", "equipment"), ("water", "dropout", "equipment"),
)  # fmt: skip


def duty(rng: random.Random) -> DutyBook:
    """Some places have somebody, some have a roster and nobody, some have no roster."""
    book = DutyBook()
    for place in UNITS:
        if rng.random() < 0.3:
            continue
        who = f"p-{place}"
        book.put(Person(id=who, name=who, place=place, contacts=(Contact("voice"),)))
        filled = rng.random() < 0.8
        rotations = (Rotation(role="main", teams=((who,),), starts_ms=0),) if filled else ()
        book.put(Roster(id=place, rotations=rotations))
    return book


class Walk:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.engine = Engine(Desk(PolicyBook(), duty(self.rng)))
        self.now = T0
        self.versions: dict[str, int] = {}
        self.handling: dict[str, str] = {}
        self.keys: set[tuple[str, str]] = set()
        self.rows: set[str] = set()
        self.count = 0
        self.asks: list[Command] = []

    def step(self) -> None:
        self.now += int(self.rng.expovariate(1 / self.rng.choice((200, 5_000, 60_000, 600_000))))
        act: Callable[[], list[AlertRecord]] = self.rng.choices(
            (self.detect, self.command, self.tick, self.restart), (45, 40, 14.5, 0.5)
        )[0]
        for record in act():
            self.check_record(record)
        self.asks += self.engine.asks
        self.engine.asks.clear()
        self.count += 1
        if self.count % 7 == 0:
            self.check_state()

    def detect(self) -> list[AlertRecord]:
        rng = self.rng
        domain, kind, cls = rng.choice(KINDS)
        asset, unit = rng.choice((("A1", "522601001001"), ("A2", "522601"), ("A3", "522622100")))
        if rng.random() < 0.4:  # many of one township: storms
            asset = f"B{rng.randrange(12)}"
        d: Detection = detection(
            rng.choices(("raise", "update", "clear"), (4, 3, 3))[0],
            **{"domain": domain, "kind": kind, "cls": cls, "asset": asset, "unit": unit, "county": unit[:6]},
            zone=f"{unit[:6]}-{domain}", sensor=f"{asset}-{rng.randrange(3)}", ts_ms=self.now, hard=rng.random() < 0.2,
            onset_ms=self.now - rng.randrange(5_000), level=rng.randrange(4), magnitude=rng.random() * 5,
            witnesses=rng.choice((1, 1, 2)), fences=self.fences(),
            owner_org=rng.choice(("", "gas")), interval_s=rng.choice((1.0, 900.0)),
        )  # fmt: skip
        out = self.engine.on_detection(d, self.now)
        if rng.random() < 0.1:  # delivered twice
            again = self.engine.on_detection(d, self.now)
            assert all(r.transition.trigger not in ("raise", "severity") for r in again), "a twin"
            out += again
        return out

    def fences(self) -> tuple[Mark, ...]:
        """Works that keep it quiet for an hour, or until they are over."""
        if self.rng.random() < 0.9:
            return ()
        until = self.rng.choice((None, self.now + 3_600_000))
        return (Mark(fence="W-1", kind="works", name_zh="开挖", suppress=True, until_ms=until),)

    def command(self) -> list[AlertRecord]:
        rng = self.rng
        if not self.engine.alerts:
            return []
        alert = rng.choice(list(self.engine.alerts.values()))
        name = rng.choice((*COMMANDS, "ack", "ack", "assess", "dispose", "close", "failed", "delivered"))
        system = name in ("failed", "delivered")
        stale = not system and rng.random() < 0.1
        if self.asks and rng.random() < 0.7:  # what one alert asked of another arrives, some time
            c = self.asks.pop(0)
            return self.engine.on_command(c, self.now)[1]
        c = Command(
            id=str(rng.random()), alert=alert.id, county=alert.county, command=name,
            version=None if system else alert.version - stale, by=rng.choice(("li", "wang")),
            role="system" if system else rng.choice(ROLES), unit=rng.choice(UNITS), at_ms=self.now,
            comment=rng.choice(("", "理由")), key=rng.choice(("", "", "k1")), params=self.params(name),
        )  # fmt: skip
        before = self.engine.alerts[alert.id]
        result, records = self.engine.on_command(c, self.now)
        self.rows.add(result.row)
        if not result.accepted:
            assert records == []
            assert self.engine.alerts[alert.id] is before, "a refused command changes nothing"
            assert TABLE[result.row].refused
            assert result.reason.zh
            assert result.reason.en
        if stale and result.accepted:
            assert result.row == "REPLAY"
        return records

    def params(self, name: str) -> dict[str, msgspec.Raw]:
        rng = self.rng
        if name == "failed":
            why = msgspec.Raw(msgspec.json.encode(rng.choice(("raise", "clear"))))
            told = [t for a in self.engine.alerts.values() for t in a.told if t.key][-20:]
            person, key = (
                (told[-1].person, told[-1].key) if told and rng.random() < 0.5 else (f"p-{rng.choice(UNITS)}", "1.0")
            )
            given = {"person": person, "key": key}
            return {"why": why, **{k: msgspec.Raw(msgspec.json.encode(v)) for k, v in given.items()}}
        out: dict[str, object] = {}
        for p in PARAMS.get(name, ()):
            if rng.random() < 0.1 or (p.name in ("county", "override") and rng.random() < 0.5):
                continue
            if p.type == "choice":
                out[p.name] = rng.choice(p.choices)
            elif p.type == "time":
                out[p.name] = self.now + rng.randrange(1, 40 * 3_600_000)
            elif p.type in ("number", "seconds"):
                out[p.name] = rng.choice((0, 1, 60, 600, 100_000))
            elif p.type == "alert":
                out[p.name] = rng.choice(list(self.engine.alerts))
            elif p.name == "county":
                out[p.name] = "522601"
            else:
                out[p.name] = rng.choice((*UNITS, "文字"))
        return {k: msgspec.Raw(msgspec.json.encode(v)) for k, v in out.items()}

    def tick(self) -> list[AlertRecord]:
        out = self.engine.on_tick(self.now)
        due = self.engine.next_due_ms()
        assert not due or due > self.now, "what was due was done"
        return out

    def restart(self) -> list[AlertRecord]:
        """What was stored gives the same alerts and the same next deadline."""
        old = self.engine
        new = Engine(old.desk)
        stored = {k: msgspec.msgpack.encode(a) for k, a in old.alerts.items()}
        new.restore(stored, msgspec.msgpack.encode(old.keys), old.book.storm.dump())
        assert new.alerts == old.alerts
        assert new.next_due_ms() == old.next_due_ms()
        self.engine = new
        return []

    # -- what must hold --------------------------------------------------------------------------------------------

    def check_record(self, record: AlertRecord) -> None:
        a, t = record.alert, record.transition
        known = self.versions.get(a.id, 0)
        assert a.version == t.seq
        assert a.version in (known, known + 1), "versions count transitions"
        if a.version == known:
            assert t.tell == ()
            assert t.trigger in ("repeat", "link", "failed", "member"), t.trigger
        self.versions[a.id] = a.version
        if self.handling.get(a.id) == "CLOSED":
            assert t.trigger in AFTER_CLOSING, f"closed stays closed: {t.trigger}"
            assert a.handling == "CLOSED" or t.trigger == "reopen", "closed stays closed"
        self.handling[a.id] = a.handling
        for notice in t.tell:
            assert (a.id, notice.key) not in self.keys, "no second row for one reason"
            self.keys.add((a.id, notice.key))
        if t.trigger == "clear" and a.handling != "CLOSED":
            reached = {(n.place, n.role, p) for n in t.tell for p in n.people or ("",)}
            missing = {(x.place, x.role, x.person) for x in a.told if x.person} - reached
            assert not missing, f"all are told of the clear: {missing}"
            assert {(x.place, x.role) for x in a.told} <= {(n.place, n.role) for n in t.tell}, "and all places"

    def check_state(self) -> None:
        slots = [(a.run, a.asset, a.kind) for a in self.open() if a.condition != "CLEARED"]
        assert len(slots) == len(set(slots)), "one ACTIVE episode an asset and kind"
        for a in self.open():
            if a.parent is not None and a.hard and a.condition == "ACTIVE" and not a.merged:
                assert "BY_RULE" not in {s.kind for s in a.suppressions}, "a hard limit is told, whatever explains it"
            if a.severity in ("I", "II") and not (a.suppressions or a.merged) and not holds(a, self.now):
                assert a.escalation.deadline_ms or not a.escalation.policy, "I and II never stop silently"
                assert a.escalation.policy, "the chain has begun"
            self.check_alert(a)

    def check_alert(self, a: Alert) -> None:
        """Of one that is open."""
        kinds = {s.kind for s in a.suppressions}
        quiet = bool(kinds) or a.merged
        assert a.label == label(a), "the label says what it is"
        if a.hard and a.condition != "CLEARED":
            assert not kinds & {"SHELVED", "OUT_OF_SERVICE"}, "nobody sets a hard limit aside"
        if not lasts(a):
            assert not a.escalation.deadline_ms, "III and IV that are cleared do not climb"
        if "BY_RULE" in kinds and a.condition != "CLEARED":
            parent = self.engine.alerts.get(a.parent or "")
            assert parent is not None, "what explains it is there"
            assert parent.condition != "CLEARED", "and lasts"
            assert parent.handling != "CLOSED", "and is open"
        if a.merged and not self.asks:
            assert self.engine.alerts[a.parent or ""].handling != "CLOSED" or a.condition == "CLEARED", "told by it"
        if a.severity in ("I", "II") and not quiet:
            assert a.handling == "VERIFIED" or due_ms(a), "some clock of I and II runs until they are verified"
            assert not worse(a.severity, chain_of(a, self.engine.desk).severity), "the chain is that of the severity"

    def open(self) -> Iterator[Alert]:
        return (a for a in self.engine.alerts.values() if a.handling != "CLOSED")


def play(seed: int, until: int = STEPS) -> Walk:
    walk = Walk(seed)
    for n in range(until):
        try:
            walk.step()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {n}: {error}") from error
    return walk


@pytest.mark.parametrize("seed", range(20))
def test_what_must_always_hold(seed: int) -> None:
    walk = play(seed)
    assert len(walk.versions) > 20
    assert len(walk.rows) > 40, "most rows of the table were met"
