"""`cityops tokens`: tokens of machines. A device's may send readings of one zone or unit and nothing else; another
system's has a role, a unit or organisations, scopes and an end."""

from __future__ import annotations

import json
from typing import Any

import click

from streams.cli.recorded import recorded
from streams.cli.users import ROLES, data_option, opened
from streams.errors import CityopsError, UsageError
from streams.folders import data_folder
from streams.settings import Settings

SCOPES = "alerts:read, alerts:write, registry:read, registry:write, ingest, audit:read, workorders"


@click.group(help=__doc__)
def command() -> None:
    pass


@command.command()
@click.argument("name")
@click.option("--zone", metavar="ID", default="", help="zone whose sensors it may send, e.g. 522601-W-DMA03")
@click.option("--unit", metavar="CODE", default="", help="division code whose sensors it may send, e.g. 522601")
@click.option(
    "--scope", "scopes", multiple=True, metavar="NAME", help="makes an API token; may be given again: " + SCOPES
)
@click.option("--role", type=click.Choice(ROLES), help="of an API token (default viewer)")
@click.option("--org", "orgs", multiple=True, metavar="NAME", help="of an API token: organisation as assets name it")
@click.option("--days", type=int, help="life of an API token (default 365)")
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@data_option
def create(
    name: str, zone: str, unit: str, scopes: tuple[str, ...], role: str | None, orgs: tuple[str, ...], days: int | None,
    as_json: bool, data: str | None,
) -> None:  # fmt: skip
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
    if scopes:
        if zone:
            raise UsageError(f"token {name}: --zone is for devices; an API token has --unit or --org")
        _create_api(name, unit, scopes, role or "viewer", orgs, 365 if days is None else days, as_json, data)
        return
    if role or orgs or days is not None:
        raise UsageError(f"token {name}: --role, --org and --days are of API tokens; give their --scope too: {SCOPES}")
    with opened(data) as store:
        token = devices.create(store, name, zone, unit)
        made = {"zone": zone, "unit": unit}
        recorded(store, "tokens create", target=f"tokens/{name}", after=made, place=unit or zone[:6])
    if as_json:
        click.echo(json.dumps({"name": name, "zone": zone, "unit": unit, "token": token}))
        return
    click.echo(token)
    scope = f"zone {zone}" if zone else f"unit {unit}"
    click.echo(f"{name}: may send readings of {scope}; keep the token now, it is not shown again", err=True)


def _create_api(
    name: str, unit: str, scopes: tuple[str, ...], role: str, orgs: tuple[str, ...], days: int, as_json: bool,
    data: str | None,
) -> None:  # fmt: skip
    from api import api_tokens
    from geo.divisions import PREFECTURE
    from geo.moments import rfc3339

    if not unit and not orgs:
        raise UsageError(f"token {name}: give --unit, --org or both: what may it see?")
    wanted = api_tokens.ApiToken(name=name, role=role, unit=unit or PREFECTURE, orgs=orgs, scopes=scopes)
    with opened(data) as store:
        token = api_tokens.create(store, wanted, days)
        kept = next(t for t in reversed(api_tokens.everyone(store)) if t.name == name)
        after = api_public(kept)
        recorded(store, "tokens create", target=f"tokens/{name}", after=after, place=wanted.unit)
    if as_json:
        click.echo(json.dumps({**after, "token": token}, ensure_ascii=False))
        return
    click.echo(token)
    whose = f"{' and '.join(orgs)} in {wanted.unit}" if orgs else wanted.unit
    click.echo(
        f"{name}: {role} of {whose}, {', '.join(scopes)}, until {rfc3339(kept.expires_ms)}; keep the token now, it is "
        "not shown again", err=True,
    )  # fmt: skip


def api_public(token: Any) -> dict[str, Any]:
    """An API token as lists show it."""
    from geo.moments import rfc3339

    return {
        "name": token.name, "role": token.role, "unit": token.unit, "orgs": list(token.orgs),
        "scopes": list(token.scopes), "created": rfc3339(token.created_ms), "expires": rfc3339(token.expires_ms),
        "revoked": rfc3339(token.revoked_ms) if token.revoked_ms else None,
    }  # fmt: skip


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="one JSON array")
@data_option
def list_(as_json: bool, data: str | None) -> None:
    """Show all tokens by name, revoked ones too; never the secrets."""
    from api import api_tokens, devices
    from geo.moments import rfc3339

    with opened(data) as store:
        found, machines = devices.everyone(store), [api_public(t) for t in api_tokens.everyone(store)]
    rows: list[dict[str, Any]] = [
        {
            "name": d.name, "zone": d.zone, "unit": d.unit, "created": rfc3339(d.created_ms),
            "revoked": rfc3339(d.revoked_ms) if d.revoked_ms else None,
        }
        for d in found
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps([*rows, *machines], ensure_ascii=False))
        return
    if not found and not machines:
        click.echo("no tokens yet; make one with `cityops tokens create NAME --zone ZONE`", err=True)
    for device, row in zip(found, rows, strict=True):
        ended = f"  revoked {row['revoked']}" if row["revoked"] else ""
        click.echo(f"{device.name:24} {device.scope:28} {row['created']}{ended}")
    for row in machines:
        whose = ", ".join(row["orgs"]) or row["unit"]
        ended = f"  revoked {row['revoked']}" if row["revoked"] else f"  until {row['expires']}"
        click.echo(f"{row['name']:24} {row['role']} of {whose}: {', '.join(row['scopes'])}{ended}")


@command.command()
@click.argument("name")
@data_option
def revoke(name: str, data: str | None) -> None:
    """End a token; the API refuses it within two seconds. It stays in the list."""
    from api import api_tokens, devices

    with opened(data) as store:
        done = devices.revoke(store, name)
        if not (api_tokens.revoke(store, name) or done):
            where = data_folder(Settings({"data": data}))
            raise CityopsError(f"no token named {name!r} is active in {where}; see `cityops tokens list`", exit_code=2)
        recorded(store, "tokens revoke", target=f"tokens/{name}")
    click.echo(f"{name}: revoked")
