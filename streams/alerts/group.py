"""The live alert of a group: many alerts of one kind and place that are told, acked and escalated as one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from streams.alerts.inhibition import Cause, explained
from streams.alerts.severity import worse
from streams.events import Alert, Evidence, Text, stable_id

LISTED = 500  # ids of members that the alert names; `count` counts all
DETECTOR = "group"
WHY = Text("同类报警已并入一组", "told as part of a group of its kind")
SEVERITY_WHY = Text("按组内最高等级", "the worst severity of its members")


class GroupKey(NamedTuple):
    """`place`: a unit code, or the id of a zone; `started_ms`: when the storm, or the silence of the zone, began."""

    run: str
    mode: str
    county: str
    place: str
    domain: str
    kind: str
    started_ms: int

    @property
    def id(self) -> str:
        return stable_id("group", self.run, self.mode, self.place, self.domain, self.kind, self.started_ms)

    @property
    def asset(self) -> str:
        return f"group:{self.place}:{self.domain}:{self.kind}"

    @property
    def of_zone(self) -> bool:
        """A zone's silent sensors; else a unit's part of a storm.

        >>> GroupKey("", "actual", "522601", "522601-W-DMA03", "water", "dropout", 0).of_zone
        True
        """
        return not self.place.isdigit()


def is_group(alert: Alert) -> bool:
    return alert.evidence.detector == DETECTOR


def key_of(group: Alert) -> GroupKey:
    """The key that a group's alert was made with."""
    place = group.asset.split(":")[1]
    return GroupKey(group.run, group.mode, group.county, place, group.domain, group.kind, group.first_seen_ms)


def group_alert(key: GroupKey, before: Alert | None, joined: Sequence[Alert], now_ms: int) -> Alert:
    """The group with the alerts that joined it, each given once; `before` None: it is new.

    `version` is left to the caller: a worse severity than before is a transition, a larger number only a touch.

    Raises:
        ValueError: nobody joins.
    """
    if not joined:
        raise ValueError(f"group {key.asset}: name the alerts that join it")
    before = before or _empty(key, joined[0], now_ms)
    severity = before.severity
    for alert in joined:
        severity = alert.severity if worse(alert.severity, severity) else severity
    count = before.count + len(joined)
    members = before.members
    if room := max(0, LISTED - len(members)):
        members = tuple(sorted((*members, *(a.id for a in joined[:room]))))
    title = joined[0].title
    return replace(
        before,
        severity=severity,
        count=count,
        members=members,
        title=Text(f"{title.zh} 等 {count} 处", f"{title.en}: {count} places"),
        reason=_reason(key, count),
        last_seen_ms=max((before.last_seen_ms, *(a.last_seen_ms for a in joined))),
        interval_s=max((before.interval_s, *(a.interval_s for a in joined))),
        owner_org=_same(before.owner_org, [a.owner_org for a in joined]),
        operator_org=_same(before.operator_org, [a.operator_org for a in joined]),
        regulator=_same(before.regulator, [a.regulator for a in joined]),
    )


def grouped(alert: Alert, key: GroupKey) -> Alert:
    """A member: its parent is the group, and only the group is told."""
    return explained(alert, Cause(alert.id, key.id, WHY, True, 0.0))


def may_join(alert: Alert) -> bool:
    """III and IV without a hard limit; one that becomes graver leaves its group (`inhibition.released`) and is told."""
    return alert.severity in ("III", "IV") and not alert.hard


def group_cleared(group: Alert, now_ms: int) -> Alert:
    """All its members are over, and no new one joins."""
    return replace(
        group,
        condition="CLEARED",
        cleared_ms=now_ms,
        reason=Text(f"组内 {group.count} 处均已恢复", f"all {group.count} of the group are over"),
    )


def _empty(key: GroupKey, first: Alert, now_ms: int) -> Alert:
    return Alert(
        id=key.id, version=1, run=key.run, mode=key.mode, domain=key.domain, kind=key.kind, cls=first.cls,
        severity=first.severity, severity_why=SEVERITY_WHY, count=0, first_seen_ms=key.started_ms,
        last_seen_ms=first.last_seen_ms, changed_ms=now_ms, county=key.county,
        unit=_unit(first) if key.of_zone else key.place, zone=first.zone if key.of_zone else "", asset=key.asset,
        title=first.title, reason=WHY, evidence=Evidence(detector=DETECTOR), owner_org=first.owner_org,
        operator_org=first.operator_org, regulator=first.regulator, interval_s=first.interval_s,
    )  # fmt: skip


def _unit(alert: Alert) -> str:
    """The township of an alert, or its county."""
    return alert.unit[:9] if len(alert.unit) >= 9 else alert.county


def _reason(key: GroupKey, count: int) -> Text:
    if key.of_zone:
        return Text(
            f"同一分区 {count} 处同时中断，疑似网关、通信或供电故障",
            f"{count} of one zone went silent together: gateway, network or power suspected",
        )
    return Text(f"报警风暴期间同类报警 {count} 处", f"{count} alerts of this kind while the storm lasts")


def _same(held: str, others: Sequence[str]) -> str:
    """What all agree on, "" otherwise."""
    return held if all(o == held for o in others) else ""
