"""deploy/ names only what the project has: commands, options, settings, ports, volumes, files, locked versions.

No container runs in the tests, so these read the files and hold them against the code.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from streams.broker_config import server_properties
from streams.broker_jars import KAFKA
from streams.cli.config import problems
from streams.settings import SETTINGS, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OURS = {name: s for name, s in SERVICES.items() if s["image"].startswith("cityops:")}
KNOWN = {s.env: s for s in SETTINGS}
EXAMPLE = (DEPLOY / ".env.example").read_text(encoding="utf-8")
PINNED = re.compile(r"[a-z0-9./_-]+:\d+\.\d+\.\d+(-[a-z0-9.-]+)?")


def stages(text: str) -> list[list[tuple[str, str]]]:
    """The Dockerfile's stages, each a list of (instruction, arguments); the first is FROM."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found: list[list[tuple[str, str]]] = []
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest.strip()))
    return found


DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
CONSOLE, BUILD, IMAGE = stages(DOCKERFILE)


def of(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [arguments for w, arguments in stage if w == word]


def image_env() -> dict[str, str]:
    return dict(part.split("=", 1) for text in of(IMAGE, "ENV") for part in shlex.split(text))


def copies(stage: list[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """(sources, destination) of each COPY from the repository."""
    parts = [text.split() for text in of(stage, "COPY") if "--from=" not in text]
    return [([p for p in row[:-1] if not p.startswith("--")], row[-1]) for row in parts]


def resolve(words: list[str]) -> None:
    """Fail unless `cityops WORDS` names a command with options and arguments that it takes."""
    from streams.cli import cli

    command: click.Command = cli
    context = click.Context(command, info_name="cityops")
    rest = list(words)
    while isinstance(command, click.Group):
        while rest and rest[0].startswith("-"):
            flag = rest.pop(0).split("=")[0]
            option = next((p for p in command.params if flag in p.opts + p.secondary_opts), None)
            assert option is not None, f"cityops {' '.join(words)}: no option {flag}"
            if "=" not in flag and not getattr(option, "is_flag", False):
                rest.pop(0)
        assert rest, f"cityops {' '.join(words)}: names no command"
        name = rest.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"cityops {' '.join(words)}: there is no command {name}"
        command = found
        context = click.Context(command, parent=context, info_name=name)
    try:
        command.parse_args(context, rest)
    except click.UsageError as error:
        pytest.fail(f"cityops {' '.join(words)}: {error.format_message()}")


@pytest.mark.parametrize("name", sorted(OURS))
def test_commands_exist(name: str):
    resolve(OURS[name]["command"])


def test_the_images_own_command_exists():
    assert json.loads(of(IMAGE, "ENTRYPOINT")[0]) == ["cityops"]
    resolve(json.loads(of(IMAGE, "CMD")[0]))


def test_commands_in_comments_exist():
    lines = re.findall(r"exec (?:-T )?\w+ cityops ([^<\n]+)", TEXT)
    assert len(lines) == 2
    for line in lines:
        resolve(shlex.split(line))


def test_a_wrong_command_or_option_is_found():
    for words in (["worker", "nobody"], ["nothing"], ["api", "--no-such-option"], []):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            resolve(words)


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml", ".env.example"])
def test_variables_are_settings(file: str):
    used = set(re.findall(r"CITYOPS_[A-Z0-9_]+", (DEPLOY / file).read_text(encoding="utf-8")))
    assert used <= set(KNOWN), f"{file}: no setting is called {sorted(used - set(KNOWN))}"


@pytest.mark.parametrize("name", sorted(OURS))
def test_values_of_settings_are_usable(name: str, tmp_path: Path):
    env = image_env() | {k: interpolated(str(v)) for k, v in OURS[name]["environment"].items()}
    ours = {k: v for k, v in env.items() if k.startswith("CITYOPS_")}
    assert list(problems(ours | {"CITYOPS_DATA": str(tmp_path), "CITYOPS_CACHE": str(tmp_path)})) == []


def interpolated(value: str) -> str:
    """The value compose gives when only required variables are set."""
    value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
    return re.sub(r"\$\{\w+:\?[^}]*\}", "x" * 40, value)


def test_variables_to_fill_in_are_in_the_example():
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    assert asked == set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", EXAMPLE, re.M))


def test_no_secret_has_a_value():
    words = ("SECRET", "PASSWORD", "TOKEN", "USERNAME")
    for line in EXAMPLE.splitlines():
        name, equals, value = line.partition("=")
        if equals and any(word in name for word in words) and not line.startswith("# "):
            assert value == "", line
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if any(word in variable for word in words):
                assert re.fullmatch(r"\$\{\w+:(-|\?[^}]*)\}", str(value)), f"{name}: {variable}={value}"
    assert not re.search(r"(SECRET|PASSWORD|TOKEN)=\S", DOCKERFILE)


def test_images_are_pinned():
    images = [s["image"] for s in SERVICES.values()] + [of(stage, "FROM")[0].split()[0] for stage in (BUILD, IMAGE)]
    for image in images:
        assert PINNED.fullmatch(image), f"{image} names no version"
    assert of(BUILD, "FROM")[0].split()[0] == of(IMAGE, "FROM")[0].split()[0]
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA}"
    assert {s["image"] for s in OURS.values()} == {f"cityops:{PROJECT['project']['version']}"}


def test_every_service_has_limits_and_health():
    for name, service in SERVICES.items():
        assert "mem_limit" in service, name
        one_shot = service["restart"] == "no"
        assert one_shot == bool(service["healthcheck"].get("disable")), name


def test_depends_on_what_is_there():
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, f"{name} depends on {other}"
            if how["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"]
            else:
                assert how["condition"] == "service_completed_successfully"
                assert SERVICES[other]["restart"] == "no"


def test_networks_and_volumes_are_declared_and_used():
    used = {v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])
    assert {n for s in SERVICES.values() for n in s["networks"]} == set(COMPOSE["networks"])


def test_our_volumes_are_the_images():
    declared = set(json.loads(of(IMAGE, "VOLUME")[0]))
    mounted = {v.split(":")[1] for s in OURS.values() for v in s.get("volumes", [])}
    env = image_env()
    assert declared == mounted == {env["CITYOPS_DATA"], env["CITYOPS_CACHE"]}
    assert Path(env["NUMBA_CACHE_DIR"]).is_relative_to(env["CITYOPS_CACHE"])
    prepared = next(text for text in of(IMAGE, "RUN") if "install --directory --owner=cityops" in text)
    for folder in (*declared, env["NUMBA_CACHE_DIR"]):
        assert folder in prepared.split(), f"{folder} is not made writable for the user"
    shared = {"api", "notify"}  # both open the outbox
    for name in shared:
        assert any(v.startswith("data:") for v in OURS[name]["volumes"]), name
    for name in OURS.keys() - shared:
        assert not any(v.startswith("data:") for v in OURS[name].get("volumes", [])), f"{name} has no data of its own"


def test_ports():
    published = {p: name for name, s in SERVICES.items() for p in s.get("ports", [])}
    for port, name in published.items():
        host, outside, _ = port.split(":")
        assert host == "127.0.0.1", f"{name} is open to other machines: {port}"
        assert sum(p.split(":")[1] == outside for p in published) == 1
    env = image_env()
    assert of(IMAGE, "EXPOSE") == [env["CITYOPS_PORT"]] == [str(Settings(env={}).port)]
    assert [p.split(":")[2] for p in OURS["api"]["ports"]] == [env["CITYOPS_PORT"]]
    kafka = SERVICES["kafka"]["environment"]
    listening = dict(part.split("://:") for part in kafka["KAFKA_LISTENERS"].split(","))
    advertised = dict(part.split("://") for part in kafka["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert advertised == {"INSIDE": f"kafka:{listening['INSIDE']}", "HOST": f"localhost:{listening['HOST']}"}
    assert [p.split(":")[2] for p in SERVICES["kafka"]["ports"]] == [listening["HOST"]]
    assert kafka["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"1@kafka:{listening['CONTROLLER']}"
    mapped = {part.split(":")[0] for part in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")}
    assert mapped == set(listening)
    for service in OURS.values():
        assert service["environment"]["CITYOPS_BROKER"] == advertised["INSIDE"]


def test_kafka_is_set_up_like_the_embedded_one():
    """Names both set have the same value, bar addresses, folders and what is sized for a small machine."""
    lines = server_properties(1, "h", 1, 2, Path("/d"), ["h:2"]).splitlines()
    embedded = dict(line.split("=", 1) for line in lines)
    ours = {
        k.removeprefix("KAFKA_").lower().replace("_", "."): str(v)
        for k, v in SERVICES["kafka"]["environment"].items()
        if k.startswith("KAFKA_")
    }
    both = {k for k in embedded.keys() & ours.keys() if "listener" not in k and "voters" not in k} - {"log.dirs"}
    assert len(both) >= 12
    assert {k: ours[k] for k in both} == {k: embedded[k] for k in both}


def test_copied_files_exist_and_reach_the_build():
    rules = [r for r in (ROOT / ".dockerignore").read_text().splitlines() if r and not r.startswith("#")]

    def sent(path: str) -> bool:
        kept = True
        for rule in rules:
            pattern = rule.removeprefix("!").replace("**/", "*")
            top = path.split("/")[0]
            if fnmatch.fnmatch(path, pattern) or pattern == top or fnmatch.fnmatch("/" + path, pattern):
                kept = rule.startswith("!")
        return kept

    for sources, _ in copies(CONSOLE) + copies(BUILD) + copies(IMAGE):
        for source in sources:
            assert (ROOT / source).exists(), f"COPY {source}: no such file"
            assert sent(source), f".dockerignore holds back {source}"
    assert not sent("deploy/.env")
    assert not sent("api/console/dist")
    assert not sent(".git")
    assert not sent("streams/__pycache__")


def test_the_wheel_is_built_from_all_packages():
    wanted = {p for p in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"] if "." not in p}
    copied = {source for sources, _ in copies(BUILD) for source in sources}
    assert wanted <= copied
    assert {"pyproject.toml", PROJECT["project"]["readme"], "LICENSE"} <= copied


def test_the_console_is_built_in_the_image_from_its_lock():
    assert any("npm ci" in run for run in of(CONSOLE, "RUN"))
    made = [text.split() for text in of(BUILD, "COPY") if "--from=console" in text]
    assert [words[-1] for words in made] == ["api/console/dist"]


def test_the_image_runs_as_a_user_without_installers():
    (user,) = of(IMAGE, "USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user), "a number, so that runAsNonRoot can be checked"
    run = " ".join(of(IMAGE, "RUN"))
    assert f"--uid {user.split(':')[0]}" in run
    assert "pip uninstall" in run
    assert not re.search(r"apt-get|gcc|pip install", run)
    words = [word for word, _ in IMAGE]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert "RUN" not in words[words.index("USER") :]


def test_installs_are_by_hash():
    installs = [
        part
        for text in of(BUILD, "RUN")
        for part in text.split("&&")
        if re.search(r"\bpip\b.* (install|wheel)\b", part)
    ]
    assert len(installs) == 4
    for part in installs:
        assert "--require-hashes" in part or "--no-index" in part, part


def test_health_commands_fit_the_script():
    ((_, destination),) = [c for c in copies(IMAGE) if c[0] == ["deploy/healthcheck.py"]]
    dockerfile = json.loads(of(IMAGE, "HEALTHCHECK")[0].split("CMD", 1)[1])
    assert dockerfile == ["python", destination, "api"]
    for name, service in OURS.items():
        if service["healthcheck"].get("disable"):
            continue
        cmd, *words = service["healthcheck"]["test"]
        assert (cmd, words) == ("CMD", ["python", destination, service["command"][-1]]), name
