"""Known vulnerabilities of what requirements.lock pins, by pip-audit; a visible note where its service does not answer.

Ends with 1 where there are some. One package is asked about first, so that a place without the service is not asked for
all.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
PROBE = "pip==24.0\n"  # on PyPI for good, with published advisories
LONGEST_S = 300


def asked(requirements: Path, hashes: bool) -> list[dict]:
    """pip-audit's list of packages; [] where it gave none."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(requirements), "--disable-pip", "--format", "json"]
    command += ["--require-hashes"] if hashes else ["--no-deps"]
    try:
        done = subprocess.run(
            [*command, "--progress-spinner", "off"], capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
        return list(json.loads(done.stdout)["dependencies"])
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return []


def judged(packages: list[dict]) -> tuple[int, list[str]]:
    """(how many packages were looked up, a line for each vulnerability)."""
    known = [p for p in packages if "skip_reason" not in p]
    lines = [
        f"{p['name']} {p['version']}: {v['id']}, mended in {', '.join(v['fix_versions']) or 'no version yet'}"
        for p in known
        for v in p["vulns"]
    ]
    return len(known), lines


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.txt"
        probe.write_text(PROBE, "utf-8")
        if not judged(asked(probe, hashes=False))[0]:
            print("NOTE: dependencies were not audited: PyPI's advisory service does not answer here")
            return 0
    number, lines = judged(asked(LOCK, hashes=True))
    if not number:
        print("NOTE: dependencies were not audited: pip-audit gave no answer for requirements.lock")
        return 0
    for line in lines:
        print(f"vulnerable: {line}")
    print(f"dependency audit: {number} packages, {len(lines)} known vulnerabilities")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
