"""Which alert explains which, by tables of (given, expected, reason)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from detectors.kinds import KINDS
from geo.impact import Surroundings
from geo.records import Asset, Pipe
from streams.alerts.inhibition import Inhibitor, explained, released, told_again
from streams.alerts.inhibition_rules import InhibitionError, default_rules, parse
from streams.events import Alert, Suppression, Text
from tests.unit.streams.alert_values import alert

PUMP, VALVE = "522601-W-PMP-000001", "522601-W-VLV-000001"
NEAR, FAR, OTHER = (f"522601-W-JUN-{n:06d}" for n in (1, 2, 9))
KIND = {"PMP": "pump", "VLV": "valve", "JUN": "junction"}


def asset(id_: str, *to: str) -> Asset:
    links = tuple(Pipe(t, 100.0) for t in to)
    return Asset(id=id_, domain="water", kind=KIND[id_[9:12]], unit_code="522601001", downstream=links)


NET = Surroundings([asset(PUMP, VALVE, OTHER), asset(VALVE, NEAR), asset(NEAR, FAR), asset(FAR), asset(OTHER)])


def held(*alerts: Alert, net: Surroundings = NET) -> Inhibitor:
    inhibitor = Inhibitor(net)
    for a in alerts:
        inhibitor.keep(a)
    return inhibitor


def burst(**more: Any) -> Alert:
    return alert("b", "burst_suspected", **{"severity": "II", **more})


@pytest.mark.parametrize(
    ("open_", "new", "parent"),
    [
        (burst(asset=VALVE), alert("p", asset=FAR, minute=5), "b"),  # downstream of it
        (burst(asset=VALVE), alert("p", asset=VALVE, minute=5), "b"),  # at the same place
        (burst(asset=VALVE), alert("p", asset=OTHER, minute=5), None),  # another branch, though of the same zone
        (burst(asset=FAR), alert("p", asset=NEAR, minute=5), None),  # upstream of it
        (burst(asset=VALVE, zone="z"), alert("p", asset=FAR, minute=5), "b"),  # the network goes on into the next zone
        (burst(), alert("p", minute=5), "b"),  # no network known: the zone
        (burst(), alert("p", asset=FAR, minute=5), "b"),  # of the burst nothing is known: the zone
        (burst(zone="522601-W-DMA02"), alert("p", minute=5), None),  # another zone
        (burst(zone=""), alert("p", minute=5, zone=""), None),  # no zone is no common zone
        (burst(), alert("p", minute=721), None),  # too late
        (burst(minute=31), alert("p"), None),  # the burst came too late to be the cause
        (burst(minute=29), alert("p"), "b"),
        (burst(run="r"), alert("p", minute=5), None),  # another run
        (burst(mode="test"), alert("p", minute=5), None),
        (burst(condition="CLEARED"), alert("p", minute=5), None),
        (burst(condition="UNKNOWN"), alert("p", minute=5), "b"),
        (burst(handling="CLOSED"), alert("p", minute=5), None),
        (burst(), alert("p", "chlorine_low", minute=5), None),  # water quality is never explained away
        (burst(), alert("p", "flow_high", minute=5), "b"),
        (burst(parent="x"), alert("p", minute=5), "x"),  # a parent is a top one
        (alert("d", "flow_low", asset=PUMP), alert("p", asset=FAR, minute=1), "d"),  # the pump stands still
        (alert("d", "flow_low", asset=NEAR), alert("p", asset=FAR, minute=1), None),  # at a junction it is no cause
        (alert("d", hard=True), alert("p", minute=1), "d"),  # a collapse, of a hard limit
        (alert("d"), alert("p", minute=1), None),
        (alert("d", "regulator_loss"), alert("p", "gas_pressure_low", minute=1), "d"),
        (alert("d", "regulator_loss"), alert("p", "gas_concentration", minute=1), None),
        (alert("d", "pipeline_leak"), alert("p", "line_imbalance", minute=1), "d"),
        (alert("d", "traffic_incident"), alert("p", "congestion", minute=1), "d"),
    ],
)  # fmt: skip
def test_parent_of(open_: Alert, new: Alert, parent: str | None) -> None:
    cause = held(open_).parent_of(new)
    assert (cause.parent if cause else None) == parent
    swapped = held(new).explains(open_)  # the parent is raised after its child
    assert [c.parent for c in swapped] == ([] if parent is None else [parent])


def test_a_road_is_walked_the_other_way() -> None:
    incident, jam = alert("i", "traffic_incident", asset=NEAR), alert("j", "congestion", minute=1)
    assert held(incident).parent_of(replace(jam, asset=VALVE)) is not None
    assert held(incident).parent_of(replace(jam, asset=FAR)) is None


@pytest.mark.parametrize(
    ("child", "parent", "suppress"),
    [
        ({}, {}, True),
        ({"severity": "IV"}, {}, True),
        ({"hard": True}, {}, False),  # a hard limit is always told
        ({"severity": "II"}, {}, False),
        ({"severity": "I"}, {"severity": "I"}, False),
        ({"severity": "III"}, {"severity": "IV"}, False),  # the milder parent is told to fewer
        ({}, {"suppressions": (Suppression(kind="SHELVED", by="w", why=Text("", "")),)}, False),  # nobody is told of it
    ],
)
def test_a_grave_child_stays_told(child: dict[str, Any], parent: dict[str, Any], suppress: bool) -> None:
    given = alert("p", minute=1, lon=107.98, lat=26.58, **child)
    cause = held(burst(lon=107.98, lat=26.581, **parent)).parent_of(given)
    assert cause is not None
    made = explained(given, cause)
    assert (made.parent, [x.alert for x in made.links]) == ("b", ["b"])
    assert made.links[0].distance_m == pytest.approx(111, abs=1)
    assert [s.kind for s in made.suppressions] == (["BY_RULE"] if suppress else [])
    assert explained(made, cause) == made
    assert told_again(made).suppressions == ()
    assert (released(made).parent, released(made).suppressions) == (None, ())


def test_a_new_cause_takes_the_families_of_what_it_explains() -> None:
    collapse = alert("c", hard=True)
    low = replace(alert("l", minute=1), parent="c")
    cleared = replace(alert("m", minute=1), parent="c", condition="CLEARED")
    inhibitor = held(collapse, low, cleared)
    new = burst(minute=10)
    assert [(c.child, c.parent) for c in inhibitor.explains(new)] == [("c", "b"), ("l", "b"), ("m", "b")]
    assert inhibitor.parent_of(collapse) is None  # it explains others, so it stays a top one until it is taken
    assert [(c.child, c.parent) for c in inhibitor.explains(replace(new, parent="t"))] == [
        ("c", "t"), ("l", "t"), ("m", "t")
    ]  # fmt: skip
    inhibitor.keep(replace(collapse, members=("x",)))
    assert inhibitor.explains(new) == ()  # people made it an incident


def test_what_explains_others_gets_no_parent() -> None:
    collapse = alert("c", hard=True, minute=1)
    assert held(burst(), collapse).parent_of(collapse) is not None
    assert held(burst(), collapse, replace(alert("l", minute=1), parent="c")).parent_of(collapse) is None
    assert held(burst()).parent_of(replace(collapse, members=("x",))) is None


def test_many_that_explain_nothing_do_not_hide_one_that_does() -> None:
    inhibitor = held(*(alert(f"soft{n:03d}") for n in range(200)), alert("hard", minute=1, hard=True))
    cause = inhibitor.parent_of(alert("p", minute=2))
    assert cause is not None
    assert cause.parent == "hard"


def test_children_are_known_until_they_are_closed() -> None:
    child = replace(alert("p"), parent="b")
    inhibitor = held(burst(), child)
    assert inhibitor.children_of("b") == ("p",)
    inhibitor.keep(replace(child, condition="CLEARED"))
    assert inhibitor.children_of("b") == ("p",)
    inhibitor.keep(replace(child, parent=None))
    assert inhibitor.children_of("b") == ()
    inhibitor.keep(child)
    inhibitor.keep(replace(child, handling="CLOSED"))
    assert inhibitor.children_of("b") == ()


def test_the_nearest_rule_first_then_the_earliest() -> None:
    inhibitor = held(alert("c", hard=True), burst(minute=3), replace(burst(minute=2), id="a"))
    cause = inhibitor.parent_of(alert("p", minute=5))
    assert cause is not None
    assert (cause.parent, cause.why.zh) == ("a", "上游疑似爆管")


def test_every_kind_of_the_table_is_a_kind_of_alert() -> None:
    named = {k for r in default_rules() for k in (*r.parent, *r.child)}
    assert named <= set(KINDS)
    assert not named & {"gas_concentration", "tunnel_gas", "gas_spread", "chlorine_low", "turbidity_high"}


GOOD = 'name="n"\nparent=["a"]\nchild=["b"]\nfollow="zone"\nwithin_s=1\nbefore_s=0\nzh="一"\nen="one"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[rule]\n", "t.toml: "),
        ("[[rule]]\n" + GOOD + "metres=5\n", "rule 1: Object contains unknown field `metres`"),
        ("[[rule]]\n" + GOOD.replace('name="n"\n', ""), "rule 1: Object missing required field `name`"),
        ("[[rule]]\n" + GOOD + "[[rule]]\n" + GOOD, "rule 2: name = 'n': give each rule a name of its own"),
        ("[[rule]]\n" + GOOD.replace('["a"]', "[]"), "parent and child each need at least one kind"),
        ("[[rule]]\n" + GOOD.replace('"zone"', '"road"'), "follow = 'road'; want one of downstream, upstream, zone"),
        ("[[rule]]\n" + GOOD.replace("within_s=1", "within_s=-1"), "within_s = -1; want 0 to"),
        ("[[rule]]\n" + GOOD.replace("within_s=1", 'within_s="x"'), "rule 1: Expected `int`, got `str`"),
        ("[[rule]]\n" + GOOD.replace('"一"', '""'), "the sentence that tells the officer why is missing"),
        ("[[rule]]\n" + GOOD + 'parent_asset=["gate"]\n', "parent_asset = 'gate'; want one of "),
    ],
)
def test_a_bad_table_is_refused_as_a_whole(text: str, says: str) -> None:
    with pytest.raises(InhibitionError) as error:
        parse(text, "t.toml")
    assert says in str(error.value)
    assert len(parse("[[rule]]\n" + GOOD, "t.toml")) == 1
