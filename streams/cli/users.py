"""`cityops users`: accounts of the console and the API. There is no default password: make the first one here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from streams.cli.recorded import recorded
from streams.errors import CityopsError
from streams.folders import data_folder
from streams.settings import Settings

if TYPE_CHECKING:
    from api.store import Store

ROLES = ("viewer", "officer", "commander", "engineer", "admin")


data_option = click.option("--data", metavar="FOLDER", help="Data folder (default: the user's data folder).")


@click.group(help=__doc__)
def command() -> None:
    pass


@command.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--unit", help="division code of the account's unit, e.g. 522600 or 522601001")
@click.option(
    "--org", "orgs", multiple=True, metavar="NAME",
    help="organisation as the assets name it (owner_org, operator_org, regulator); may be given again. The account "
    "then sees and acts on what these own, in its unit or, without --unit, in the whole prefecture",
)  # fmt: skip
@click.option("--password-stdin", is_flag=True, help="read the password from standard input")
@data_option
def create(
    name: str, role: str, unit: str | None, orgs: tuple[str, ...], password_stdin: bool, data: str | None
) -> None:
    """Make an account, or give one a new password, role, unit and organisations (all its tokens end).

    The password is asked for; it is never an option, since others on the machine can read those.
    """
    from api import users
    from geo.divisions import PREFECTURE, Divisions, UnitError

    if unit is None and not orgs:
        raise CityopsError("give --unit, --org or both: what may the account see?", exit_code=2)
    try:
        code = Divisions.load().get(unit or PREFECTURE).code
    except UnitError as error:
        raise CityopsError(str(error), exit_code=2) from None
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise CityopsError("no terminal to ask for the password; give it with --password-stdin", exit_code=2)
    with opened(data) as store:
        before = users.get(store, name)
        users.put(store, name, password, role, code, orgs=orgs)
        after = users.get(store, name)
        assert after is not None
        recorded(
            store, "users create", {"password": "set"}, target=f"users/{name}",
            before=before.public() if before else None, after=after.public(), place=code,
        )  # fmt: skip
    whose = f"{' and '.join(after.orgs)} in {code}" if after.orgs else code
    click.echo(f"{name}: {role} of {whose}")


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="one JSON array")
@data_option
def list_(as_json: bool, data: str | None) -> None:
    """Show all accounts."""
    from api import users

    with opened(data) as store:
        rows = [u.public() for u in users.everyone(store)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        whose = "  " + ", ".join(row["orgs"]) if row["orgs"] else ""
        click.echo(f"{row['user']:20} {row['role']:10} {row['unit']}{whose}{'  demo' if row['demo'] else ''}")


@command.command()
@click.argument("name")
@data_option
def remove(name: str, data: str | None) -> None:
    """Delete an account; it is signed out within seconds."""
    from api import users

    with opened(data) as store:
        before = users.get(store, name)
        if before is None or not users.remove(store, name):
            raise CityopsError(f"there is no user {name!r} in {data_folder(Settings({'data': data}))}", exit_code=2)
        recorded(store, "users remove", target=f"users/{name}", before=before.public(), place=before.unit)
    click.echo(f"{name}: removed")


@contextmanager
def opened(data: str | None) -> Iterator[Store]:
    """The store of the settings: `CITYOPS_DB`, else that of the data folder."""
    from api.store import Store

    settings = Settings({"data": data})
    store = Store.of(settings, data_folder(settings))
    try:
        yield store
    finally:
        store.close()
