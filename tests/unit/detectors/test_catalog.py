"""Profiles: every kind of sensor has one, sentences read well, and a bad file says file, key and reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from detectors.catalog import FOLDER, Catalog, ProfileError
from detectors.equipment import KINDS as EQUIPMENT
from detectors.kinds import DOMAIN_KINDS, KINDS
from detectors.layout import (
    CALMER,
    CLOCK,
    DEVIATION,
    DRIFT,
    DRIFTS,
    DROP,
    FLAT,
    HIGH,
    LIMIT,
    LOW,
    MEAN,
    NOISE,
    NOISIER,
    OUTSIDE,
    QUANTILE,
    RANGE,
    RATE,
    SEASON,
    SHIFT,
    SILENT,
    SKEWED,
    STUCK,
)
from detectors.movement import KINDS as MOVEMENT
from detectors.override import override
from detectors.params import ParamError
from detectors.texts import Facts, ongoing, over
from geo.assets import KINDS as SENSOR_KINDS

CATALOG = Catalog.default()


def test_every_kind_of_sensor_of_the_registry_has_a_profile() -> None:
    wanted = {f"{domain}.{k.kind}" for domain, kinds in SENSOR_KINDS.items() for k in kinds.values()}
    assert wanted <= set(CATALOG.profiles)


def test_kind_names_are_unique() -> None:
    assert len(KINDS) == sum(len(kinds) for kinds in DOMAIN_KINDS.values()) + len(EQUIPMENT) + len(MOVEMENT)


@pytest.mark.parametrize("key", ["water.nothing", "gas.x", "power.voltage"])
def test_unknown_kinds_use_the_generic_profile(key: str) -> None:
    assert CATALOG.get(key).key.endswith(".generic")


@pytest.mark.parametrize("key", sorted(CATALOG.profiles))
def test_sentences_of_every_profile_in_both_languages(key: str) -> None:
    profile = CATALOG.profiles[key]
    causes = {
        LOW: (DEVIATION, LIMIT, RATE, SEASON, SHIFT, MEAN, QUANTILE),
        HIGH: (DEVIATION, LIMIT, RATE, SEASON, SHIFT, MEAN, QUANTILE),
        DRIFT: (DRIFTS,),
        NOISE: (NOISIER, CALMER),
        RANGE: (OUTSIDE,),
        FLAT: (STUCK,),
        DROP: (SILENT,),
        CLOCK: (SKEWED,),
    }
    for slot, kind in profile.kinds.items():
        for cause in causes[slot]:
            facts = Facts(profile.quantity, profile.text_unit, profile.decimals, cause, 3.0, 4.0, 3.5, 2, 360.0)
            for text in (ongoing(facts, kind), over(facts, False), over(facts, True)):
                assert (profile.quantity.zh if cause != SKEWED else "设备时钟") in text.zh
                assert (profile.quantity.en if cause != SKEWED else "device clock") in text.en
                assert "6 分钟" in text.zh or cause in (RATE, SKEWED)
                assert "nan" not in text.en


def test_the_sentence_of_the_glossary() -> None:
    p = CATALOG.get("water.pressure")
    facts = Facts(p.quantity, p.text_unit, p.decimals, DEVIATION, 0.31, 0.39, float("nan"), 0, 360.0)
    text = ongoing(facts, p.kinds[LOW])
    assert text.zh == "压力比预期低 0.08 MPa（预期 0.39 MPa），持续 6 分钟，疑似漏损或爆管"
    assert text.en == "pressure 0.08 MPa below expected (0.39 MPa), for 6 min; leak or burst suspected"


def test_gas_levels_are_the_fields_own() -> None:
    p = CATALOG.get("gas.methane").params
    assert [p[f"limits.high_{k}"] for k in (1, 2, 3)] == [10, 25, 50]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("high_1 = 10", "high_1 = 60", "methane: limits.high_1, _2, _3 must"),
        ("high_1 = 10", 'high_1 = "ten"', "methane.limits.high_1: 'ten' is not a number"),
        ("high_1 = 10", "hihg_1 = 10", "methane.limits.hihg_1: there is no such parameter"),
        ("on_n = 3", "on_n = 0", "methane.delay.on_n: 0 is out of range, want 1 to 200"),
        ('high = "gas_concentration"', 'high = "boom"', "methane.high: 'boom' is no kind of gas"),
        ('high = "gas_concentration"', "", "methane.both: give either"),
        ("decimals = 1", 'decimals = "1"', "methane.decimals: is missing or not of type int"),
        ("[generic]", "[other]", "generic: is missing"),
        ("[methane]", "[methane", "is not TOML"),
        ("[methane]", "x = 1\n[methane]", "x: want a table"),
        ("min = -5, max = 200", "min = 5, max = 1", "range.min must be below"),
        ("decimals = 1", "decimals = 1\ncolour = 3", "methane.colour: there is no such key"),
        ("off_scale = 100", "off_scale = 40", "methane: limits.off_scale must be above"),
        ("also_factor = 0.05", "also_factor = 0", "methane.also_factor: 0 is not a number above 0"),
        ('also_unit = "%VOL"', "also_unit = 5", "methane.also_unit: 5 is not a text"),
    ],
)
def test_a_bad_profile_is_refused_with_file_key_and_reason(tmp_path: Path, old: str, new: str, says: str) -> None:
    shutil.copytree(FOLDER, tmp_path / "p")
    path = tmp_path / "p" / "gas.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProfileError) as error:
        Catalog.load(tmp_path / "p")
    assert str(path) in str(error.value)
    assert says in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"water\.toml: cannot be read"):
        Catalog.load(tmp_path)


def test_overrides_of_a_sensor_are_checked() -> None:
    p = CATALOG.get("gas.methane")
    assert override(p, {"limits.high_1": 8})["limits.high_1"] == 8
    with pytest.raises(ParamError, match=r"limits\.high_9: there is no such parameter"):
        override(p, {"limits.high_9": 1})
