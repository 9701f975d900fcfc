"""Which alerts of different domains are linked, and with what words."""

from __future__ import annotations

import math

import pytest

from detectors.kinds import KINDS
from detectors.links import LinkError, Trouble, default_rules, link, links, metres, parse

T0 = 1_763_884_800_000
LON, LAT = 107.98, 26.58
FUTURE = {"power_fault", "power_outage"}  # of domains that come later


def trouble(domain: str, kind: str, at_s: float = 0.0, north_m: float = 0.0, **more: object) -> Trouble:
    lat = LAT + north_m / 111_195.0
    return Trouble(f"{kind}{at_s}{north_m}", domain, kind, T0 + int(at_s * 1000), LON, lat)._replace(**more)


@pytest.mark.parametrize(
    ("a", "b", "rule"),
    [
        (("water", "burst_suspected", 0, 0), ("traffic", "queue_unusual", 600, 200), "burst_road"),
        (("traffic", "queue_unusual", 600, 200), ("water", "burst_suspected", 0, 0), "burst_road"),  # either order
        (("water", "burst_suspected", 0, 0), ("traffic", "queue_unusual", 600, 400), None),  # too far
        (("water", "burst_suspected", 0, 0), ("traffic", "queue_unusual", 4000, 200), None),  # too late
        (("water", "burst_suspected", 0, 0), ("traffic", "queue_unusual", -700, 200), None),  # too early
        (("water", "burst_suspected", 0, 0), ("gas", "gas_concentration", 60, 50), "burst_gas"),
        (("pipeline", "pipeline_leak", 0, 0), ("gas", "gas_concentration", 900, 400), "pipeline_gas"),
        (("pipeline", "pipeline_leak", 0, 0), ("water", "quality_anomaly", 7200, 1500), "pipeline_water"),
        (("gas", "gas_concentration", 0, 0), ("power", "power_fault", -900, 100), "gas_power"),
        (("traffic", "traffic_incident", 0, 0), ("gas", "gas_pressure_low", 120, 80), "gas_road"),
        (("traffic", "traffic_incident", 0, 0), ("pipeline", "pipeline_leak", 120, 80), "road_pipe"),
        (("water", "burst_suspected", 0, 0), ("water", "pressure_low", 10, 10), None),  # of one domain
        (("gas", "gas_anomaly", 0, 0), ("traffic", "congestion", 10, 10), None),
    ],
)
def test_which_alerts_are_linked(a: tuple, b: tuple, rule: str | None) -> None:
    found = link(trouble(*a), trouble(*b))
    assert (found.rule if found else None) == rule


def test_the_words_say_how_near_and_how_long_after() -> None:
    found = link(trouble("water", "burst_suspected"), trouble("traffic", "queue_unusual", 600, 200))
    assert found is not None
    assert found.reason.zh.endswith("可能路面塌陷或积水（相距200 m，相差 10 分钟）")
    assert found.reason.en.endswith("subsidence or flooding possible (200 m apart, 10 min later)")


def test_an_approximate_place_reaches_further_and_says_about() -> None:
    far = trouble("gas", "gas_concentration", 60, 900)
    leak = trouble("pipeline", "pipeline_leak")
    assert link(leak, far) is None
    found = link(leak._replace(approximate=True), far)
    assert found is not None
    assert "约 900 m" in found.reason.zh


def test_without_a_place_nothing_is_linked() -> None:
    nowhere = trouble("gas", "gas_concentration", 60, lon=math.nan, lat=math.nan)
    assert math.isnan(metres(nowhere, nowhere))
    assert link(trouble("pipeline", "pipeline_leak"), nowhere) is None


def test_the_nearest_comes_first() -> None:
    leak = trouble("pipeline", "pipeline_leak")
    wells = [trouble("gas", "gas_concentration", 60, north) for north in (300, 100, 5000, 200)]
    assert [round(made.metres, -2) for made in links(leak, wells)] == [100, 200, 300]


def test_every_kind_of_the_table_is_in_the_catalog() -> None:
    named = {kind for rule in default_rules() for kind in rule.first | rule.then}
    assert named - set(KINDS) - FUTURE == set()


GOOD = 'name = "x"\nfirst = ["a"]\nthen = ["b"]\nwithin_s = 1\nbefore_s = 0\nmetres = 1\nzh = "x"\nen = "x"\n'


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("metres = 1", "metres = -1", "link 1: metres: -1 is below 0"),
        ("metres = 1", "metres = true", "link 1: metres: is missing or not of type int"),
        ('first = ["a"]', "first = []", "link 1: first: is missing"),
        ('en = "x"\n', "", "link 1: en: is missing"),
        ('en = "x"\n', 'en = "x"\nsize = 1\n', "link 1: size: there is no such key"),
        ('name = "x"', "name", "is not TOML"),
    ],
)
def test_a_wrong_table_is_refused_with_rule_and_key(old: str, new: str, says: str) -> None:
    assert len(parse(f"[[link]]\n{GOOD}", "mine.toml")) == 1
    with pytest.raises(LinkError) as error:
        parse(f"[[link]]\n{GOOD.replace(old, new, 1)}", "mine.toml")
    assert says in str(error.value)
    assert str(error.value).startswith("mine.toml: ")
