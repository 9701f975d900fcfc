"""Made-up duty of Kaili for drills: somebody on every level, and the water company. No addresses: nobody is called."""

from __future__ import annotations

from msgspec.structs import replace

from streams.alerts.policy import Policy
from streams.alerts.policy_file import default_policy
from streams.config import Config
from streams.duty.records import Contact, DutyRecord, Person, Roster, Rotation

PREFECTURE, COUNTY, TOWNSHIP, VILLAGE = "522600", "522601", "522601001", "522601001001"
WATER = "凯里市供水公司"
WAYS = tuple(Contact(channel) for channel in ("voice", "sms", "chat", "feed"))

_STAFF = (  # place, role, id, name
    (VILLAGE, "main", "wu", "吴春梅"),
    (TOWNSHIP, "main", "yang", "杨光亮"),
    (TOWNSHIP, "deputy", "long", "龙英"),
    (COUNTY, "main", "pan", "潘志华"),
    (COUNTY, "lead", "shi", "石建明"),
    (PREFECTURE, "main", "lu", "陆伟"),
    (PREFECTURE, "lead", "tian", "田春花"),
    (f"org:{WATER}", "main", "luo", "罗启祥"),
)


def duty() -> list[DutyRecord]:
    """People and rosters."""
    people: list[DutyRecord] = [Person(id=i, name=name, place=p, contacts=WAYS, demo=True) for p, _, i, name in _STAFF]
    places = dict.fromkeys(place for place, *_ in _STAFF)
    return people + [
        Roster(
            id=place,
            rotations=tuple(Rotation(role=r, teams=((i,),), starts_ms=0) for p, r, i, _ in _STAFF if p == place),
            room=(Contact("voice"),) if len(place) == 6 else (),
            unit=COUNTY if place.startswith("org:") else "",
            demo=True,
        )
        for place in places
    ]


def flood_season() -> Policy:
    """The policy that ships, but for III at night as by day: in the flood season villages and townships watch."""
    shipped = default_policy()
    kept = (c for c in shipped.chains if (c.severity, c.hours) != ("III", "night"))
    chains = tuple(replace(c, hours="all") if (c.severity, c.hours) == ("III", "day") else c for c in kept)
    return replace(shipped, id=COUNTY, version=1, chains=chains, by="drill")


def config() -> Config:
    return Config(policies=[flood_season()], duty=duty())
