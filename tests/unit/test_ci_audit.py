"""What CI says of pip-audit's answer: vulnerabilities fail, a service that does not answer is a note."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[2] / ".ci" / "audit_lock.py"
GOOD = {"name": "a", "version": "1", "vulns": []}
BAD = {
    "name": "b",
    "version": "2",
    "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}, {"id": "CVE-2", "fix_versions": []}],
}
UNKNOWN = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.fixture
def audit() -> Any:
    spec = importlib.util.spec_from_file_location("audit_lock", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("probe", "lock", "code", "words"),
    [
        ([GOOD], [GOOD, GOOD], 0, "dependency audit: 2 packages, 0 known"),
        ([BAD], [GOOD, BAD], 1, "vulnerable: b 2: CVE-1, mended in 3"),
        ([BAD], [BAD], 1, "CVE-2, mended in no version yet"),
        ([UNKNOWN], [BAD], 0, "NOTE: dependencies were not audited"),
        ([], [BAD], 0, "NOTE: dependencies were not audited"),
        ([GOOD], [], 0, "NOTE: dependencies were not audited"),
    ],
)
def test_what_is_said(
    audit: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], probe: Any, lock: Any, code: int,
    words: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(audit, "asked", lambda path, hashes: lock if hashes else probe)
    assert audit.main() == code
    assert words in capsys.readouterr().out
