"""`cityops profiles`: which detectors a kind of sensor has, and whether a file of profiles can be used."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

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
