"""The one registry of detectors: algorithms, kinds of alert, and the profiles read from `profiles/*.toml`.

A profile says for one kind of sensor (key `domain.kind`) which parameters its detectors have and which kinds of alert
they raise. A bad profile file is refused as a whole with file, key and reason.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detectors import (
    adaptive,
    clock,
    cusum,
    debounce,
    drift,
    dropout,
    equipment,
    ewma,
    flatline,
    limits,
    page_hinkley,
    quantile,
    rate,
    seasonal,
    stuck,
    variance,
)
from detectors.kinds import DOMAIN_KINDS
from detectors.layout import DRIFT, HIGH, LOW, NOISE
from detectors.override import shape
from detectors.params import DEFAULTS, ParamError, check, check_together
from detectors.sides import one_sided
from detectors.texts import Both, Kind

FOLDER = Path(__file__).parent / "profiles"
SHARED = "equipment.toml"
VERSION = 2  # of the detectors: told in evidence; raise when the same input gives other answers
ALGORITHMS: Mapping[str, Callable[..., Any]] = {
    "adaptive": adaptive.run,
    "ewma": ewma.run,
    "limits": limits.run,
    "rate": rate.run,
    "flatline": flatline.run,
    "dropout": dropout.run,
    "clock": clock.run,
    "debounce": debounce.run,
    "quantile": quantile.run,
    "seasonal": seasonal.run,
    "cusum": cusum.run,
    "page_hinkley": page_hinkley.run,
    "drift": drift.run,
    "variance": variance.run,
    "stuck": stuck.run,
}
_TEXT = {"quantity_zh", "quantity_en", "unit", "text_unit", "text_factor", "decimals", "low", "high", "both"}
_TEXT |= {"drift_kind", "variance_kind", "also_unit", "also_factor"}


class ProfileError(ValueError):
    """A profile file cannot be used; the text names file, key and reason."""


@dataclass(frozen=True)
class Profile:
    """One kind of sensor. Values are said times `text_factor` in `text_unit` with `decimals` digits.

    With `also_unit` the reading times `also_factor` is told beside it.
    """

    key: str
    quantity: Both
    unit: str
    text_unit: str
    text_factor: float
    decimals: int
    kinds: Mapping[int, Kind]  # slot -> kind of alert
    low_slot: int  # HIGH where both directions are one kind
    params: Mapping[str, float] = field(repr=False)
    also_unit: str = ""
    also_factor: float = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        """What its state is made of: another shape learns anew what differs."""
        return shape(self.params)


class Catalog:
    """All profiles by key.

    >>> Catalog.default().get("gas.methane").kinds[HIGH].kind
    'gas_concentration'
    """

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self.profiles = dict(profiles)

    @classmethod
    def default(cls) -> Catalog:
        return cls.load(FOLDER)

    @classmethod
    def load(cls, folder: Path) -> Catalog:
        """Every `<domain>.toml` of a folder and what they share.

        Raises:
            ProfileError: a file is missing, is no TOML, or has a key or value that cannot be used.
        """
        profiles: dict[str, Profile] = {}
        for domain in DOMAIN_KINDS:
            path = folder / f"{domain}.toml"
            profiles.update(read(path))
            if f"{domain}.generic" not in profiles:
                raise ProfileError(f"{path}: generic: is missing; unknown kinds of sensor use it")
        return cls({**read(folder / SHARED), **profiles})

    def over(self, folder: Path) -> Catalog:
        """These profiles with those of a folder over them: `<domain>.toml`, each profile whole, none has to be there.

        Raises:
            ProfileError: anything in the folder cannot be used; nothing of it is taken then.
        """
        if not folder.is_dir():
            raise ProfileError(f"{folder}: is no folder; name one with <domain>.toml files")
        profiles = dict(self.profiles)
        for path in sorted(folder.glob("*.toml")):
            profiles.update(read(path))
        return Catalog(profiles)

    def with_text(self, domain: str, text: str, source: str) -> Catalog:
        """These profiles with those of a TOML text over them; `source` is named in errors.

        Raises:
            ProfileError: anything in the text cannot be used; nothing of it is taken then.
        """
        return Catalog({**self.profiles, **parse(domain, text, Path(source))})

    def get(self, key: str) -> Profile:
        """The profile of a key, else the generic one of its domain (of water for an unknown domain).

        A kind that has no profile of its own for stations along a line (`traffic.station_speed`) or in a utility tunnel
        (`gas.tunnel_pressure`) has the plain one.
        """
        domain, _, kind = key.partition(".")
        for name in (key, f"{domain}.{_plain(kind)}", f"{domain}.generic"):
            if name in self.profiles:
                return self.profiles[name]
        return self.profiles["water.generic"]


def _plain(kind: str) -> str:
    return kind.removeprefix("station_").removeprefix("tunnel_")


def read(path: Path) -> dict[str, Profile]:
    """The profiles of one file by key; its name is the domain's, or the shared one, whose profiles every domain has.

    Raises:
        ProfileError: the file is no domain's, cannot be read, or has a key or value that cannot be used.
    """
    try:
        return parse(path.stem, path.read_text(encoding="utf-8"), path)
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path}: is not TOML: {error}") from None


def parse(domain: str, text: str, source: Path) -> dict[str, Profile]:
    """The profiles of a domain's TOML text by key; `source` is named in errors.

    Raises:
        ProfileError: there is no such domain, or the text has a key or value that cannot be used.
    """
    domains = tuple(DOMAIN_KINDS) if f"{domain}.toml" == SHARED else (domain,)
    if domains[0] not in DOMAIN_KINDS:
        raise ProfileError(f"{source}: {domain} is no domain; want {', '.join(f'{d}.toml' for d in DOMAIN_KINDS)}")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{source}: is not TOML: {error}") from None
    except RecursionError:
        raise ProfileError(f"{source}: its values lie too deep in one another") from None
    for name, body in table.items():
        if not isinstance(body, dict):
            raise ProfileError(f"{source}: {name}: want a table [{name}] with the parts of a profile")
    return {f"{d}.{name}": _profile(source, d, name, body) for d in domains for name, body in table.items()}


def _profile(path: Path, domain: str, name: str, body: dict[str, Any]) -> Profile:
    def wrong(key: str, why: str) -> ProfileError:
        return ProfileError(f"{path}: {name}.{key}: {why}")

    params = dict(DEFAULTS)
    for part, values in body.items():
        if part in _TEXT:
            continue
        if not isinstance(values, dict):
            raise wrong(part, f"there is no such key; want one of {', '.join(sorted(_TEXT))} or a table of parameters")
        for param, value in values.items():
            try:
                params[f"{part}.{param}"] = check(f"{part}.{param}", value)
            except ParamError as error:
                raise wrong(f"{part}.{param}", str(error)) from None
    try:
        check_together(params)
    except ParamError as error:
        raise ProfileError(f"{path}: {name}: {error}") from None
    for key, want in (("quantity_zh", str), ("quantity_en", str), ("unit", str), ("decimals", int)):
        if not isinstance(body.get(key), want):
            raise wrong(key, f"is missing or not of type {want.__name__}")
    factor = body.get("text_factor", 1.0)
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not factor > 0:
        raise wrong("text_factor", f"{factor!r} is not a number above 0")
    text_unit = body.get("text_unit", body["unit"])
    if not isinstance(text_unit, str):
        raise wrong("text_unit", f"{text_unit!r} is not a text")
    also_unit, also_factor = body.get("also_unit", ""), body.get("also_factor", 1.0)
    if not isinstance(also_unit, str):
        raise wrong("also_unit", f"{also_unit!r} is not a text")
    if isinstance(also_factor, bool) or not isinstance(also_factor, int | float) or not also_factor > 0:
        raise wrong("also_factor", f"{also_factor!r} is not a number above 0")
    known = {k.kind: k for k in (*DOMAIN_KINDS[domain], *equipment.BY_PROFILE)}
    kinds = {slot: _EQUIPMENT[kind] for slot, kind in equipment.BY_SLOT.items()}
    for key, slots in (("low", (LOW,)), ("high", (HIGH,)), ("both", (HIGH,))):
        if key in body:
            if body[key] not in known:
                raise wrong(key, f"{body[key]!r} is no kind of {domain}; want one of {', '.join(known)}")
            kinds.update(dict.fromkeys(slots, known[body[key]]))
    if ("both" in body) == ("low" in body or "high" in body):
        raise wrong("both", "give either `both` (one kind for both directions) or `low` and/or `high`")
    for key, slot in (("drift_kind", DRIFT), ("variance_kind", NOISE)):
        kinds[slot] = _EQUIPMENT[equipment.BLOCK_SLOTS[slot]]
        if key in body:
            if body[key] not in known:
                raise wrong(key, f"{body[key]!r} is no kind of {domain}; want one of {', '.join(known)}")
            if body[key] in (body.get("low"), body.get("high"), body.get("both")):
                raise wrong(key, f"{body[key]!r} is the kind of a side already: one kind of a sensor has one episode")
            kinds[slot] = known[body[key]]
    if "both" not in body:
        one_sided(params, "low" in body, "high" in body)
    return Profile(
        key=f"{domain}.{name}",
        quantity=Both(body["quantity_zh"], body["quantity_en"]),
        unit=body["unit"],
        text_unit=text_unit,
        text_factor=float(factor),
        decimals=body["decimals"],
        kinds=kinds,
        low_slot=HIGH if "both" in body else LOW,
        params=params,
        also_unit=also_unit,
        also_factor=float(also_factor),
    )


_EQUIPMENT = {k.kind: k for k in equipment.KINDS}
