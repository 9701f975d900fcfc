"""`cityops profiles`: which detectors a kind of sensor has, whether a file of profiles can be used, and putting it in
force in a running system: it reaches every worker through the topic `profiles`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import connection_options
from streams.cli.reference import by_option, now_ms, prefix_option, registry_now, who, write

if TYPE_CHECKING:
    from detectors.catalog import Profile


@click.group()
def command() -> None:
    """Profiles of the detectors: what each kind of sensor is watched for."""


@command.command("list")
@click.argument("key", required=False, default="")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON a profile, with every parameter.")
def list_(key: str, as_json: bool) -> None:
    """Show the profiles in force (those of CITYOPS_PROFILES over those that ship); KEY: of a domain, or one profile.

    A line has key, unit, kinds of alert, and the parameters that differ from their defaults.
    """
    from streams.errors import UsageError
    from streams.profiles import catalog
    from streams.settings import Settings

    profiles = catalog(Settings()).profiles
    chosen = [p for k, p in sorted(profiles.items()) if not key or k == key or k.startswith(f"{key}.")]
    if not chosen:
        raise UsageError(f"no profile is named {key!r}; there are {', '.join(sorted(profiles))}")
    for profile in chosen:
        click.echo(json.dumps(_row(profile), ensure_ascii=False) if as_json else _line(profile))


@command.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def check(file: Path, as_json: bool) -> None:
    """Say whether FILE, `<domain>.toml` or a folder of them, can be used; exit 2 with file, key and reason if not."""
    from detectors.catalog import Catalog, ProfileError, read
    from streams.errors import UsageError

    try:
        found = read(file) if file.is_file() else Catalog.default().over(file).profiles
    except ProfileError as error:
        raise UsageError(str(error)) from None
    keys = sorted(found)
    click.echo(json.dumps({"ok": True, "profiles": keys}) if as_json else f"{len(keys)} profiles: {', '.join(keys)}")


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@by_option
@prefix_option
@connection_options
def put(file: Path, by: str | None, **connection: Any) -> None:
    """Put FILE, `<domain>.toml`, in force over the profiles that ship, in every worker and without a restart.

    It is refused as a whole where it cannot be used, and the profiles before it stay. What sensors learned stays too.
    """
    from detectors.catalog import ProfileError, read
    from streams.errors import UsageError
    from streams.topics import DOMAINS

    try:
        found = read(file)
    except ProfileError as error:
        raise UsageError(f"{error}; the profiles in force stay") from None
    if file.stem not in DOMAINS:
        raise UsageError(f"{file}: is of no single domain; put {', '.join(f'{d}.toml' for d in DOMAINS)} one by one")
    version = _write(connection, file.stem, file.read_text("utf-8"), by)
    click.echo(f"{file.stem}: {len(found)} profiles in force as version {version}: {', '.join(sorted(found))}")


@command.command()
@click.argument("domain")
@by_option
@prefix_option
@connection_options
def reset(domain: str, by: str | None, **connection: Any) -> None:
    """Take what was put in force for DOMAIN back; the profiles that ship are used again."""
    from streams.errors import UsageError
    from streams.topics import DOMAINS

    if domain not in DOMAINS:
        raise UsageError(f"{domain!r} is no domain; want one of {', '.join(DOMAINS)}")
    click.echo(f"{domain}: the profiles that ship, as version {_write(connection, domain, '', by)}")


def _write(connection: dict[str, Any], domain: str, text: str, by: str | None) -> int:
    """Returns the version it has."""
    from detectors.profile_file import ProfileFile, encode
    from streams.topics import PROFILES

    settings, registry = registry_now(connection)
    old = registry.profiles.get(domain)
    version = old.version + 1 if old else 1
    made = ProfileFile(domain=domain, toml=text, version=version, by=who(by), at_ms=now_ms())
    write(settings, PROFILES, [(domain, made.version, encode(made))])
    return made.version


def _changed(profile: Profile) -> dict[str, float]:
    """Parameters that differ from their defaults."""
    from detectors.params import DEFAULTS

    return {
        name: value
        for name, value in profile.params.items()
        if value != DEFAULTS[name] and not (math.isnan(value) and math.isnan(DEFAULTS[name]))
    }


def _row(profile: Profile) -> dict[str, object]:
    params = {name: value if math.isfinite(value) else None for name, value in profile.params.items()}
    kinds = sorted({kind.kind for kind in profile.kinds.values()})
    return {"key": profile.key, "unit": profile.unit, "kinds": kinds, "params": params}


def _line(profile: Profile) -> str:
    kinds = sorted({kind.kind for kind in profile.kinds.values() if kind.cls == "hazard"})
    params = " ".join(f"{name}={value:g}" for name, value in _changed(profile).items())
    return f"{profile.key:22} {profile.unit:6} {','.join(kinds)}  {params}"
