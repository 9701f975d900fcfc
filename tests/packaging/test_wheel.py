"""The wheel holds exactly the five packages with all their data, and works from an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"streams", "detectors", "geo", "api", "simulators"}
MUST_HAVE = (
    "geo/data/divisions_522600.csv",
    "streams/alerts/severity.toml",
    "streams/jars.sha256",
)
CONSOLE = ROOT / "api" / "console" / "dist"


def run(*command: str | Path, cwd: Path) -> str:
    """stdout of a command that must end with 0; nothing of this checkout is on its path."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "CITYOPS_", "PIP_"))}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Paths of all files under version control that are there."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout: what belongs into the wheel cannot be told")
    names = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def console() -> list[str]:
    """Paths of the console's built files, which are not under version control."""
    return sorted(str(path.relative_to(ROOT)) for path in CONSOLE.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def wheel(tracked: list[str], console: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tracked files and the built console: stray files cannot get in or help."""
    source = tmp_path_factory.mktemp("source")
    for name in [*tracked, *console]:
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=source)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a new environment: the wheel is installed, the dependencies are this environment's."""
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", home, cwd=home)
    interpreter = home / "bin" / "python"
    run(interpreter, "-m", "pip", "install", "--no-deps", "--no-index", "--disable-pip-version-check", wheel, cwd=home)
    site = Path(run(interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    # folders named in a .pth file are searched last, and their own .pth files (an editable cityops) are not read
    theirs = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    (site / "dependencies.pth").write_text("".join(f"{folder}\n" for folder in theirs))
    return interpreter


def test_top_level_is_exactly_the_packages(names: set[str]):
    tops = {name.split("/")[0] for name in names}
    (information,) = {top for top in tops if top.endswith(".dist-info")}
    assert tops - {information} == PACKAGES
    assert f"{information}/licenses/LICENSE" in names


def test_every_tracked_file_of_the_packages_is_there_and_no_other(
    names: set[str], tracked: list[str], console: list[str]
):
    wanted = {name for name in tracked if name.split("/")[0] in PACKAGES and not name.startswith("api/console/")}
    wanted |= set(console)
    inside = {name for name in names if name.split("/")[0] in PACKAGES}
    assert inside - wanted == set(), "the wheel has files that are not under version control"
    assert wanted - inside == set(), "a kind of file is missing in [tool.setuptools.package-data]"
    assert set(MUST_HAVE) <= inside


def test_the_console_is_there_as_it_was_built(names: set[str], console: list[str]):
    if not console:
        pytest.skip("the console is not built: make console")
    assert "api/console/dist/index.html" in names
    kinds = {Path(name).suffix for name in names if name.startswith("api/console/")}
    assert {".js", ".css", ".svg", ".webmanifest"} <= kinds
    assert not kinds & {".ts", ".vue", ".json"}, "what the console is built from belongs not into the wheel"


def test_one_command_is_installed(wheel: Path, names: set[str]):
    (entry_points,) = [name for name in names if name.endswith("entry_points.txt")]
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read(entry_points).decode().split("\n")
    assert [line for line in lines if "=" in line] == ["cityops = streams.cli:main"]


def test_the_command_answers_from_an_empty_folder(python: Path, tmp_path: Path):
    assert "Usage: cityops" in run(python.with_name("cityops"), "--help", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_packages_come_from_the_wheel(python: Path, tmp_path: Path):
    code = "import streams, detectors, geo, api, simulators"
    code = f"{code}; print(*(m.__file__ for m in (streams, detectors, geo, api, simulators)))"
    for file in run(python, "-c", code, cwd=tmp_path).split():
        assert Path(file).is_relative_to(python.parents[1]), file


def test_data_files_are_found_by_the_installed_code(python: Path, tmp_path: Path):
    code = "from geo.divisions import Divisions; print(Divisions.load().get('522601').name)"
    assert run(python, "-c", code, cwd=tmp_path).strip() == "凯里市"
    code = "from streams.broker_jars import pins; print(len(pins()))"
    assert int(run(python, "-c", code, cwd=tmp_path)) > 20
