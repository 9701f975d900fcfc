"""From the claims of an OpenID provider to an account: name, role, unit, organisations. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.roles import ROLES
from geo.divisions import PREFECTURE, Divisions, UnitError
from streams.errors import UsageError

_UNFIT = re.compile(r"[^A-Za-z0-9_.@-]")


class Unmapped(ValueError):
    """These claims are no account here; the text says which one is wrong."""


@dataclass(frozen=True)
class ClaimRules:
    """The settings: which claims say what, and which of their values is which role, the first that fits."""

    role_claim: str
    roles: tuple[tuple[str, str], ...]
    unit_claim: str
    org_claim: str

    @classmethod
    def parse(cls, role_claim: str, roles: str, unit_claim: str, org_claim: str) -> ClaimRules:
        """`roles` is a comma list of value=role; raises UsageError.

        >>> ClaimRules.parse("groups", "chiefs=commander, duty=officer", "unit", "").roles
        (('chiefs', 'commander'), ('duty', 'officer'))
        """
        pairs = []
        for part in filter(None, (p.strip() for p in roles.split(","))):
            value, _, role = part.rpartition("=")
            if not value or role not in ROLES:
                raise UsageError(f"CITYOPS_OIDC_ROLES: {part[:60]!r}: want value=role with one of {', '.join(ROLES)}")
            pairs.append((value, role))
        if not pairs:
            raise UsageError(
                "CITYOPS_OIDC_ROLES is empty: say which value of the claim is which role, e.g. duty=officer"
            )
        return cls(role_claim, tuple(pairs), unit_claim, org_claim)


@dataclass(frozen=True)
class Account:
    """What the claims make; `identity` is who it is at the provider, for good."""

    name: str
    identity: str
    role: str
    unit: str
    orgs: tuple[str, ...] = ()


def account(claims: Mapping[str, Any], how: ClaimRules, divisions: Divisions) -> Account:
    """The account of these claims; raises Unmapped.

    A unit has to be given where no organisation is: an account without both would see everything.
    """
    held = set(_texts(claims.get(how.role_claim)))
    role = next((role for value, role in how.roles if value in held), "")
    if not role:
        raise Unmapped(f"claim {how.role_claim!r} has no value that CITYOPS_OIDC_ROLES gives a role")
    orgs = tuple(_texts(claims.get(how.org_claim))) if how.org_claim else ()
    given = _texts(claims.get(how.unit_claim))
    if len(given) > 1 or not (given or orgs):
        raise Unmapped(f"claim {how.unit_claim!r}: want one division code, e.g. 522601")
    try:
        unit = divisions.get(given[0]).code if given else PREFECTURE
    except UnitError as error:
        raise Unmapped(f"claim {how.unit_claim!r}: {error}") from None
    name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
    return Account(_UNFIT.sub("_", name)[:64], f"oidc:{claims['iss']}|{claims['sub']}", role, unit, orgs)


def _texts(value: Any) -> list[str]:
    """One text or a list of texts."""
    values = value if isinstance(value, list) else [value]
    return [v.strip() for v in values if isinstance(v, str) and v.strip()]
