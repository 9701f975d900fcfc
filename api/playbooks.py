"""Playbooks: the first steps by domain and kind of alert, from the file that ships and one of the unit's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from streams.errors import UsageError

SHIPPED = Path(__file__).with_name("playbooks.toml")
EQUIPMENT = "equipment"
MOST = 64 * 1024  # bytes of a file


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zh: str
    en: str


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to do. `id` is what a tick names: it stays when the wording changes."""

    id: str
    zh: str
    en: str


class Playbook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"cls": "class"}):
    """`kinds` () is every kind of the domain that no other entry names; `cls` equipment stands for all domains."""

    id: str
    title: Words
    source: Words
    steps: tuple[Step, ...]
    domain: str = ""
    kinds: tuple[str, ...] = ()
    cls: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    playbook: tuple[Playbook, ...]


def read(path: Path) -> tuple[Playbook, ...]:
    """The entries of a file; raises UsageError with file, place and reason."""
    try:
        text = path.read_text("utf-8")
        found = msgspec.convert(tomllib.loads(text), _File).playbook
    except OSError as error:
        raise UsageError(f"CITYOPS_PLAYBOOKS: {path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"{path}: {error}; docs/console.md shows a playbook") from None
    for entry in found:
        ids = [step.id for step in entry.steps]
        if not ids or len(set(ids)) < len(ids) or not all(i.isidentifier() for i in (entry.id, *ids)):
            raise UsageError(f"{path}: playbook {entry.id!r}: want steps with ids of their own, letters and _")
        if bool(entry.domain) == (entry.cls == EQUIPMENT):
            raise UsageError(f'{path}: playbook {entry.id!r}: want a domain, or class = "equipment"')
    return found


def load(own: str = "") -> tuple[Playbook, ...]:
    """Those that ship, with those of the file `own` over them. Raises UsageError."""
    entries = {entry.id: entry for entry in read(SHIPPED)}
    if own:
        entries |= {entry.id: entry for entry in read(Path(own).expanduser())}
    return tuple(entries.values())


def chosen(entries: tuple[Playbook, ...], alert: Mapping[str, Any]) -> Playbook | None:
    """The playbook of an alert; None where there is none.

    >>> chosen(load(), {"class": "hazard", "domain": "gas", "kind": "gas_spread"}).id
    'gas_space'
    >>> chosen(load(), {"class": "equipment", "domain": "gas", "kind": "dropout"}).id
    'equipment'
    """
    if alert.get("class") == EQUIPMENT:
        return next((e for e in entries if e.cls == EQUIPMENT), None)
    mine = [e for e in entries if e.domain and e.domain == alert.get("domain")]
    return next((e for e in mine if alert.get("kind") in e.kinds), next((e for e in mine if not e.kinds), None))


def public(entry: Playbook) -> dict[str, Any]:
    """As the API tells it."""
    found: dict[str, Any] = msgspec.to_builtins(entry)
    return {name: found[name] for name in ("id", "title", "source", "steps")}
