"""`cityops tokens`: machine tokens of devices. Each may send readings of one zone or unit, and nothing else."""

from __future__ import annotations

import json

import click

from streams.cli.users import data_option, opened
from streams.errors import CityopsError
from streams.folders import data_folder
from streams.settings import Settings


@click.group(help=__doc__)
def command() -> None:
    pass


@command.command()
@click.argument("name")
@click.option("--zone", metavar="ID", default="", help="zone whose sensors it may send, e.g. 522601-W-DMA03")
@click.option("--unit", metavar="CODE", default="", help="division code whose sensors it may send, e.g. 522601")
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@data_option
def create(name: str, zone: str, unit: str, as_json: bool, data: str | None) -> None:
    """Make a token and show it, once: only a hash of it is kept.

    NAME is what logs and messages call the sender, as in device:gateway-7.
    """
    from api import devices
    from geo.divisions import Divisions, UnitError

    if unit:
        try:
            unit = Divisions.load().get(unit).code
        except UnitError as error:
            raise CityopsError(str(error), exit_code=2) from None
    with opened(data) as store:
        token = devices.create(store, name, zone, unit)
    if as_json:
        click.echo(json.dumps({"name": name, "zone": zone, "unit": unit, "token": token}))
        return
    click.echo(token)
    scope = f"zone {zone}" if zone else f"unit {unit}"
    click.echo(f"{name}: may send readings of {scope}; keep the token now, it is not shown again", err=True)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="one JSON array")
@data_option
def list_(as_json: bool, data: str | None) -> None:
    """Show all tokens by name, revoked ones too; never the secrets."""
    from api import devices
    from geo.moments import rfc3339

    with opened(data) as store:
        found = devices.everyone(store)
    rows = [
        {
            "name": d.name, "zone": d.zone, "unit": d.unit, "created": rfc3339(d.created_ms),
            "revoked": rfc3339(d.revoked_ms) if d.revoked_ms else None,
        }
        for d in found
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps(rows))
        return
    if not found:
        click.echo("no tokens yet; make one with `cityops tokens create NAME --zone ZONE`", err=True)
    for device, row in zip(found, rows, strict=True):
        ended = f"  revoked {row['revoked']}" if row["revoked"] else ""
        click.echo(f"{device.name:24} {device.scope:28} {row['created']}{ended}")


@command.command()
@click.argument("name")
@data_option
def revoke(name: str, data: str | None) -> None:
    """End a token; the API refuses it within two seconds. It stays in the list."""
    from api import devices

    with opened(data) as store:
        if not devices.revoke(store, name):
            where = data_folder(Settings({"data": data}))
            raise CityopsError(f"no token named {name!r} is active in {where}; see `cityops tokens list`", exit_code=2)
    click.echo(f"{name}: revoked")
