"""docs/simulators.md: its mapping works, and it names every option of the two commands that matters to a reader."""

from __future__ import annotations

import re
from pathlib import Path

from geo.assets import check
from simulators.incidents import KINDS
from simulators.mapping import check_place, read_mapping, records
from streams.cli.replay import command

DOC = Path(__file__).resolve().parents[3] / "docs" / "simulators.md"


def test_the_documented_mapping_is_one(tmp_path: Path) -> None:
    block = re.search(r"```toml\n(.*?)```", DOC.read_text("utf-8"), re.S)
    assert block
    file = tmp_path / "plant.toml"
    file.write_text(block[1], "utf-8")
    mapping = check_place(read_mapping(file))
    made, ids = records(mapping, list(mapping.value), {}, "x.csv")
    check(made)
    assert ids["P_J280"] == "522601-W-PRS-000280"


def test_every_incident_and_every_option_in_the_examples_exists() -> None:
    text = DOC.read_text("utf-8")
    for kinds in KINDS.values():
        for kind in kinds:
            assert f"`{kind}`" in text
    known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    used = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", text))
    assert used - known <= {"--seed", "--rate", "--duration", "--no-incidents", "--demo-size"}
