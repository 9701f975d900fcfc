"""What decides about several alerts, by random histories: no circles, no silenced hard limit."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from geo.impact import Surroundings
from geo.records import Asset, Pipe
from streams.alerts.group import group_alert, group_cleared, grouped, may_join
from streams.alerts.inhibition import Cause, Inhibitor, explained, may_suppress, released
from streams.alerts.silence import Silence, turned
from streams.alerts.storm import Storm
from streams.alerts.zone_silence import ZoneSilence
from streams.events import Alert
from tests.unit.streams.alert_values import MINUTE, T0, alert

ASSETS = [f"522601-W-PMP-{n:06d}" for n in range(6)]
KINDS = ("burst_suspected", "pressure_low", "flow_low", "level_low", "flow_high", "dropout", "chlorine_low")


def ring(links: list[tuple[int, int]]) -> Surroundings:
    """Pumps with links as given, rings and all."""
    down: dict[int, tuple[Pipe, ...]] = {}
    for a, b in links:
        down[a] = (*down.get(a, ()), Pipe(ASSETS[b], 10.0))
    return Surroundings(
        Asset(id=i, domain="water", kind="pump", unit_code="522601001", downstream=down.get(n, ()))
        for n, i in enumerate(ASSETS)
    )


@dataclass
class City:
    """The parts together, called as an engine calls them."""

    net: Surroundings
    alerts: dict[str, Alert] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.inhibitor, self.storm, self.zone, self.silence = Inhibitor(self.net), Storm(), ZoneSilence(), Silence()

    def keep(self, a: Alert) -> None:
        self.alerts[a.id] = a
        for part in (self.inhibitor, self.storm, self.zone):
            part.keep(a)
        for turn in self.silence.keep(a):
            self.keep(turned(self.alerts[turn.alert], turn))

    def explain(self, causes: tuple[Cause, ...]) -> None:
        for cause in causes:
            self.keep(explained(self.alerts[cause.child], cause))

    def raised(self, a: Alert, now_ms: int) -> None:
        cause = self.inhibitor.parent_of(a)
        a = explained(a, cause) if cause else a
        self.keep(a)
        self.explain(self.inhibitor.explains(a))
        formed = self.zone.on_raise(a, now_ms, 6)
        counted = a if formed is None else replace(a, parent=formed.key.id)
        key = self.storm.on_raise(counted, now_ms, bool(self.inhibitor.children_of(a.id)))
        if formed is not None:
            key = formed.key
        if key is None:
            return
        joined = [self.alerts[i] for i in (formed.members if formed else (a.id,))]
        for member in joined:
            self.keep(grouped(member, key))
        self.keep(group_alert(key, self.alerts.get(key.id), joined, now_ms))

    def over(self, id_: str, handling: str) -> None:
        self.keep(replace(self.alerts[id_], condition="CLEARED", active=(), handling=handling))
        for child in self.inhibitor.children_of(id_):
            if handling == "CLOSED" or self.alerts[child].condition != "CLEARED":
                self.keep(released(self.alerts[child]))

    def tick(self, now_ms: int) -> None:
        for id_ in self.storm.tick(now_ms):
            self.keep(group_cleared(self.alerts[id_], now_ms))

    def worse(self, id_: str) -> None:
        a = replace(self.alerts[id_], severity="II", hard=True)
        self.keep(released(a) if a.parent else a)

    def restored(self, order: list[str]) -> City:
        other = City(self.net)
        other.storm.load(self.storm.dump())
        for id_ in order:
            other.alerts[id_] = self.alerts[id_]
            for part in (other.inhibitor, other.storm, other.zone, other.silence):
                part.keep(self.alerts[id_])
        return other


STEP = st.tuples(
    st.sampled_from(("raise", "raise", "raise", "clear", "close", "worse", "tick")),
    st.sampled_from(KINDS),
    st.integers(0, 7),  # asset or alert
    st.sampled_from(("III", "IV", "II")),
    st.booleans(),
    st.integers(0, 3),  # minutes that pass
)
LINKS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8)


def play(city: City, steps: list[tuple[str, str, int, str, bool, int]], start: int = 0) -> None:
    now = T0 + start * MINUTE
    for n, (verb, kind, which, severity, hard, minutes) in enumerate(steps, start):
        now += minutes * MINUTE
        if verb == "raise":
            more = {"asset": ASSETS[which] if which < 6 else f"a{n}", "zone": f"z{which % 2}", "severity": severity}
            new = alert(f"{n:03d}", kind, (now - T0) / MINUTE, hard=hard and kind != "dropout", **more)
            city.raised(replace(new, active=(f"s{which}",)), now)
        elif verb == "tick":
            city.tick(now)
        elif plain := sorted(i for i, a in city.alerts.items() if a.evidence.detector != "group"):
            id_ = plain[-1 - which % len(plain)]
            if verb == "worse" and city.alerts[id_].condition == "ACTIVE":
                city.worse(id_)
            elif verb != "worse":
                city.over(id_, "CLOSED" if verb == "close" else city.alerts[id_].handling)


def stormy(city: City) -> None:
    """A storm in Kaili, by alerts of other zones."""
    for n in range(11):
        city.raised(alert(f"x{n:02d}", "water_anomaly", zone=f"x{n}", unit="522601009"), T0)


def check(city: City) -> None:
    for a in city.alerts.values():
        by_rule = [s for s in a.suppressions if s.kind == "BY_RULE"]
        assert not (by_rule and (a.hard or a.severity in ("I", "II"))), "a hard limit is always told"
        assert not by_rule or a.parent == by_rule[0].by
        if a.parent is None or a.handling == "CLOSED":
            continue
        assert a.parent != a.id
        assert city.alerts[a.parent].parent is None, "no chain, so no circle"
        if by_rule and city.alerts[a.parent].evidence.detector != "group":
            assert may_suppress(a, replace(city.alerts[a.parent], condition="ACTIVE"))


@settings(max_examples=120, deadline=None)
@given(LINKS, st.lists(STEP, max_size=40), st.booleans())
def test_no_circles_and_no_silenced_hard_limit(
    links: list[tuple[int, int]], steps: list[tuple[str, str, int, str, bool, int]], storm: bool
) -> None:
    city = City(ring(links))
    if storm:
        stormy(city)
    for n, step in enumerate(steps):
        play(city, [step], n)
        check(city)


@settings(max_examples=60, deadline=None)
@given(LINKS, st.lists(STEP, max_size=30), st.lists(STEP, max_size=12), st.randoms(use_true_random=False))
def test_restored_in_any_order_it_goes_on_as_before(
    links: list[tuple[int, int]],
    before: list[tuple[str, str, int, str, bool, int]],
    after: list[tuple[str, str, int, str, bool, int]],
    random: object,
) -> None:
    city = City(ring(links))
    if len(before) % 2:
        stormy(city)
    play(city, before)
    order = list(city.alerts)
    random.shuffle(order)  # type: ignore[attr-defined]
    other = city.restored(order)
    for c in (city, other):
        play(c, after, len(before))
    assert other.alerts == city.alerts
    assert other.storm.dump() == city.storm.dump()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(("pressure_high", "chlorine_low")), st.integers(1, 3)), min_size=2, max_size=12), st.data())  # fmt: skip  # noqa: E501
def test_in_a_storm_the_order_of_independent_alerts_does_not_matter(
    given_: list[tuple[str, int]], data: st.DataObject
) -> None:
    new = [alert(f"n{n:02d}", kind, unit=f"52260100{u}") for n, (kind, u) in enumerate(given_)]
    cities = []
    for alerts in (new, data.draw(st.permutations(new))):
        city = City(ring([]))
        stormy(city)
        for a in alerts:
            assert may_join(a)
            city.raised(a, T0 + 1)
        cities.append(city)
    assert cities[0].alerts == cities[1].alerts
    assert all(cities[0].alerts[a.id].parent for a in new)
