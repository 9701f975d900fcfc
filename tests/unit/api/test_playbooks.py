"""Playbooks: each kind of hazard has one in both languages, a unit's own file goes over it, a bad one is told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from api import playbooks
from streams.errors import UsageError
from streams.reported import kinds
from streams.topics import DOMAINS
from tests.unit.api.conftest import FakeProjection, record

OWN = """
[[playbook]]
id = "gas_space"
domain = "gas"
kinds = ["gas_concentration"]
title = { zh = "本县预案", en = "Our own" }
source = { zh = "县燃气应急预案", en = "county plan" }
steps = [{ id = "call", zh = "打电话", en = "call" }]
"""


def test_every_kind_of_hazard_has_a_playbook_and_names_in_it_exist() -> None:
    entries = playbooks.load()
    for domain in DOMAINS:
        known = kinds(domain)
        if len(known) > 1:  # domains that come later have `other` alone
            for kind in known:
                assert playbooks.chosen(entries, {"class": "hazard", "domain": domain, "kind": kind}), (domain, kind)
    for entry in entries:
        assert set(entry.kinds) <= set(kinds(entry.domain)) if entry.domain else not entry.kinds, entry.id
        assert 3 <= len(entry.steps) <= 10


async def test_the_api_tells_the_playbook_of_an_alert(client: httpx.AsyncClient, projection: FakeProjection) -> None:
    projection.feed(record(domain="gas", kind="gas_concentration"), record("h", domain="heat", kind="other"))
    told = (await client.get("/api/v1/alerts/a1/playbook")).json()["playbook"]
    assert told["id"] == "gas_space"
    assert [s["id"] for s in told["steps"]][:2] == ["cordon", "fire"]
    assert "CJJ 51" in told["source"]["zh"]
    assert (await client.get("/api/v1/alerts/h/playbook")).json() == {"playbook": None}


def test_a_file_of_ones_own_replaces_by_id(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN, "utf-8")
    found = {e.id: e for e in playbooks.load(str(file))}
    assert found["gas_space"].title.zh == "本县预案"
    assert "water_burst" in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (OWN.replace('id = "call", ', ""), "id"),
        (OWN.replace('domain = "gas"', ""), "want a domain"),
        (OWN.replace("steps = [{", "steps = [{ id = 'call', zh = '', en = '' }, {"), "ids of their own"),
        (OWN + "x", "own.toml"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=says):
        playbooks.load(str(file))
    with pytest.raises(UsageError, match="cannot be read"):
        playbooks.load(str(tmp_path / "none.toml"))
