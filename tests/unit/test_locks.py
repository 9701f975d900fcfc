"""The lock files agree: what is installed in the image is what the tests ran with."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK_LINE = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(?: ; (.+?))? \\$", re.M)


def locked(path: Path) -> dict[tuple[str, str], set[str]]:
    """(name, version) → hashes."""
    text = path.read_text(encoding="utf-8")
    starts = list(LOCK_LINE.finditer(text))
    ends = [m.start() for m in starts[1:]] + [len(text)]
    return {
        (m[1], m[2]): set(re.findall(r"--hash=(sha256:[0-9a-f]{64})", text[m.end() : end]))
        for m, end in zip(starts, ends, strict=True)
    }


@pytest.mark.parametrize("file", ["requirements.lock", "build.lock"])
def test_locks_agree(file: str):
    """If this fails, make deploy's locks again: CONTRIBUTING.md says how."""
    everything, some = locked(ROOT / "requirements.lock"), locked(DEPLOY / file)
    assert some
    for package, hashes in some.items():
        assert package in everything, f"deploy/{file} has {package}, requirements.lock hasn't"
        assert hashes == everything[package], package
        assert hashes


def test_the_runtime_lock_has_what_is_declared_and_no_tools():
    names = {name for name, _ in locked(DEPLOY / "requirements.lock")}

    def plain(requirement: str) -> str:
        return re.split(r"[<>=\[ ;]", requirement)[0].lower()

    assert {plain(r) for r in PROJECT["project"]["dependencies"]} <= names
    tools = {plain(r) for r in PROJECT["project"]["optional-dependencies"]["dev"]}
    assert not tools & names
