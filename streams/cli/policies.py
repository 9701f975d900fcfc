"""`cityops policies`: who is told of which alert when, and by when somebody must have acknowledged; from files, through
the topic `policies`, to the alerts' partitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.common import connection_options, json_option
from streams.cli.reference import by_option, now_ms, prefix_option, registry_now, who, write

if TYPE_CHECKING:
    from streams.alerts.policy import Policy
    from streams.settings import Settings

UNIT = "522600"


@click.group()
def command() -> None:
    """Escalation policies of the prefecture and of counties that have one of their own."""


@command.command()
@click.argument("unit", default=UNIT)
@click.option("--version", type=click.IntRange(0), help="This version, not the one in force.")
@click.option("--default", "shipped", is_flag=True, help="The policy that ships with the project; asks no Kafka.")
@click.option("--toml", is_flag=True, help="As a file that can be edited and given to `put`.")
@click.option("--markdown", is_flag=True, help="As tables.")
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Words in one language (default: both).")
@prefix_option
@json_option
@connection_options
def show(
    unit: str, version: int | None, shipped: bool, toml: bool, markdown: bool, lang: str | None, as_json: bool,
    **connection: Any,
) -> None:  # fmt: skip
    """Show in words which policy is in force in UNIT (522600): who is told when, and what if nobody acknowledges."""
    from streams.alerts.policy_file import default_policy
    from streams.alerts.policy_tables import markdown as tables
    from streams.alerts.policy_text import public, to_toml

    policy = default_policy() if shipped else _chosen(unit, version, connection)
    if as_json:
        click.echo(json.dumps(public(policy), ensure_ascii=False))
    elif toml or markdown:
        click.echo(to_toml(policy) if toml else tables(policy), nl=False)
    else:
        click.echo("\n".join(_words(policy, (lang,) if lang else ("zh", "en"))))


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def check(file: Path, as_json: bool) -> None:
    """Say whether FILE (TOML) can be used; exit 2 with table, key, reason and fix if not."""
    policy = _read(file)
    answer = {"ok": True, "id": policy.id, "chains": len(policy.chains), "response": len(policy.response)}
    text = f"{policy.id}: {len(policy.chains)} chains, {len(policy.response)} response times"
    click.echo(json.dumps(answer) if as_json else text)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite whatever version is there.")
@by_option
@prefix_option
@connection_options
def put(file: Path, force: bool, by: str | None, **connection: Any) -> None:
    """Put FILE in force for the unit that it names; alerts that are open keep the version they began with.

    It is refused as a whole where it cannot be used, or where somebody else has changed the policy since.
    """
    from streams.alerts.policy_plan import StaleError, made
    from streams.errors import UsageError

    written = _read(file)
    settings, registry = registry_now(connection)
    old = registry.policies.get(written.id)
    try:
        new = made(written, old, who(by), now_ms(), force)
    except StaleError as error:
        raise UsageError(f"{file}: {error}, or use --force; the policy in force stays") from None
    if new is not old:
        _write(settings, new)
    click.echo(f"{new.id}: in force as version {new.version}" + ("" if new is not old else ", unchanged"))


@command.command()
@click.argument("unit")
@by_option
@prefix_option
@connection_options
def reset(unit: str, by: str | None, **connection: Any) -> None:
    """End the own policy of UNIT: that of the prefecture is in force, or the one that ships."""
    from streams.alerts.policy_plan import ended
    from streams.errors import UsageError

    settings, registry = registry_now(connection)
    old = registry.policies.get(unit)
    if old is None or old.removed:
        raise UsageError(f"{unit} has no policy of its own; `cityops policies history {unit}` shows what was")
    new = ended(old, who(by), now_ms())
    _write(settings, new)
    click.echo(f"{unit}: its own policy ended with version {new.version}")


@command.command()
@click.argument("unit", default=UNIT)
@prefix_option
@json_option
@connection_options
def history(unit: str, as_json: bool, **connection: Any) -> None:
    """List the versions of UNIT (522600): who put which in force when. `show UNIT --version N` shows one."""
    from streams.alerts.policy_text import public

    for policy in _versions(registry_now(connection)[0], unit):
        row = {key: public(policy)[key] for key in ("id", "version", "by", "at", "removed")}
        text = f"{policy.id}  v{policy.version:<3} {row['at']}  {policy.by}" + ("  ended" if policy.removed else "")
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else text)


def _read(file: Path) -> Policy:
    from geo.divisions import Divisions
    from streams.alerts.policy_file import PolicyError, parse_toml
    from streams.errors import UsageError

    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{file}: is not UTF-8 text; save it as UTF-8") from None
    try:
        return parse_toml(text, str(file), Divisions.load())
    except PolicyError as error:
        raise UsageError(str(error)) from None


def _chosen(unit: str, version: int | None, connection: dict[str, Any]) -> Policy:
    """The version that was asked for, or what is in force in a unit."""
    from geo.divisions import Divisions
    from streams.alerts.policy_book import PolicyBook
    from streams.errors import UsageError

    if unit not in Divisions.load():
        raise UsageError(f"there is no unit {unit}; name a county by its 6-digit code, or {UNIT}")
    settings, registry = registry_now(connection)
    if version is None:
        book = PolicyBook()
        for policy in registry.policies.values():
            book.put(policy)
        return book.current(unit)
    kept = {p.version: p for p in _versions(settings, unit)}
    if version not in kept:
        have = ", ".join(map(str, kept)) or "none"
        raise UsageError(f"policy {unit} has no version {version}; there are {have}")
    return kept[version]


def _versions(settings: Settings, unit: str) -> list[Policy]:
    """Oldest first; that of the prefecture begins with the one that ships."""
    from streams import versions
    from streams.alerts.policy_file import DEFAULT_ID, decode_any, default_policy
    from streams.topics import POLICIES

    first = [default_policy()] if unit == DEFAULT_ID else []
    return first + [decode_any(value) for value in versions.history(settings, POLICIES, unit)]


def _write(settings: Settings, policy: Policy) -> None:
    from streams.alerts.policy_file import encode
    from streams.topics import POLICIES

    write(settings, POLICIES, [(policy.id, policy.version, encode(policy))])


def _words(policy: Policy, languages: tuple[str, ...]) -> list[str]:
    from streams.alerts.policy_words import sections

    out = [f"{policy.id} v{policy.version}"]
    for heading, lines in sections(policy):
        out += ["", " | ".join(getattr(heading, lang) for lang in languages)]
        out += [f"  {getattr(line, lang)}" for lang in languages for line in lines]
    return out
