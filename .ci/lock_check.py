"""Is requirements.lock current? Every dependency of pyproject.toml is pinned there, hashed and in range. Offline."""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def pinned(text: str) -> dict[str, tuple[str, int]]:
    """Name -> (version, number of hashes) of each entry."""
    out: dict[str, tuple[str, int]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", block)
        if match:
            out[canonicalize_name(match[1])] = (match[2], block.count("--hash="))
    return out


def troubles() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lock = pinned((ROOT / "requirements.lock").read_text("utf-8"))
    groups = project["project"].get("optional-dependencies", {})
    wanted = [*project["project"]["dependencies"], *groups.get("dev", []), *project["build-system"]["requires"]]
    out = [f"{name} {version}: no hash" for name, (version, hashes) in lock.items() if not hashes]
    for requirement in map(Requirement, wanted):
        version, _ = lock.get(canonicalize_name(requirement.name), ("", 0))
        if not version:
            out.append(f"{requirement}: not in requirements.lock")
        elif not requirement.specifier.contains(version, prereleases=True):
            out.append(f"{requirement}: requirements.lock has {version}")
    return out


if __name__ == "__main__":
    found = troubles()
    for trouble in found:
        print(f"requirements.lock is stale: {trouble}; make it anew (see CONTRIBUTING.md)", file=sys.stderr)
    print("lock file: current" if not found else f"lock file: {len(found)} troubles")
    sys.exit(bool(found))
