"""CONTRIBUTING.md names only files, make targets and markers that are there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_files_exist():
    named = set(re.findall(r"`([a-zA-Z_.]+/[\w./-]*)`", TEXT)) | {"CHANGELOG.md", "pyproject.toml"}
    assert len(named) > 20
    missing = {name for name in named if not (ROOT / name).exists() and "<" not in name}
    assert not missing


def test_make_targets_exist():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"(?:^|`)make (\w+)", TEXT, re.M)) <= targets


def test_markers_exist():
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    markers = {line.split(":")[0] for line in table["markers"]}
    assert set(re.findall(r"marker `(\w+)`", TEXT)) == markers


def test_names_in_the_detector_steps_exist():
    for name, file in (
        ("ALGORITHMS", "detectors/catalog.py"),
        ("VERSION", "detectors/catalog.py"),
        ("PARAMS", "detectors/params.py"),
        ("def compile_params", "detectors/params.py"),
        ("def one", "detectors/fused.py"),
        ("def condition", "detectors/fused.py"),
        ("class Kind", "detectors/texts.py"),
        ("ENTRIES", "detectors/library.py"),
    ):
        assert name.removeprefix("def ").removeprefix("class ") in TEXT
        assert re.search(rf"^{name}\b", (ROOT / file).read_text(encoding="utf-8"), re.M), f"{name} in {file}"
