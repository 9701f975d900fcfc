"""Which messages a notice makes, and which way comes next when one fails. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from streams.alert_parts import Notice, Text
from streams.events import Command, stable_id
from streams.notify import states
from streams.notify.records import Change, Seen

EXPIRE_MS = 30 * 60_000
Way = tuple[str, str]  # channel, address
Row = dict[str, Any]  # columns of `schema.messages`
_json = msgspec.json.Encoder()


class Recipient(Struct, frozen=True):
    """Somebody to tell. `person` "": the duty room of the place. `contacts`: the first ones first."""

    person: str
    user: str = ""
    contacts: tuple[Way, ...] = ()


def ways(channels: Sequence[str], contacts: Iterable[Way]) -> list[Way]:
    """Channels of the notice that the recipient has, in the notice's order, each with its first address.

    >>> ways(("voice", "sms", "feed"), [("sms", "138"), ("sms", "139")])
    [('sms', '138'), ('feed', '')]
    """
    known = {channel: address for channel, address in reversed(list(contacts)) if address}
    return [(c, known.get(c, "")) for c in dict.fromkeys(channels) if c == "feed" or c in known]


def destination(channel: str, address: str, mode: str) -> str:
    """Id of a queue: exercises have their own, so that real messages never wait for them."""
    return stable_id(channel, address, "real" if mode == "actual" else "drill")


def rows(
    change: Change,
    run: str,
    county: str,
    recipients: Callable[[Notice], list[Recipient]],
    enrolled: frozenset[str],
    fresh: bool,
    now_ms: int,
) -> list[Row]:
    """One message for each person of each notice, by the first way that this person has.

    `enrolled`: who is told by real channels in the exercise `run`; `fresh`: the record is older than the outbox.
    """
    out: list[Row] = []
    for notice in change.notices:
        for one in recipients(notice):
            found = ways(notice.channels, one.contacts)
            row = _row(change, notice, one, run, county, found, now_ms)
            _decide(row, notice, bool(found), enrolled, fresh and now_ms - change.at_ms > EXPIRE_MS)
            out.append(row)
    return out


def _row(change: Change, notice: Notice, one: Recipient, run: str, county: str, found: list[Way], now_ms: int) -> Row:
    alert: Seen = change.alert
    channel, address = found[0] if found else (notice.channels[0] if notice.channels else "feed", "")
    return {
        "id": stable_id(alert.id, notice.key, one.person, channel),
        "alert": alert.id, "run": run, "county": county, "mode": alert.mode, "unit": alert.unit.code,
        "severity": alert.severity, "notice": notice.key, "why": notice.why, "place": notice.place,
        "role": notice.role, "person": one.person, "user": one.user, "channel": channel, "address": address,
        "dest": destination(channel, address, alert.mode), "rest": _json.encode(found[1:]).decode(),
        "state": "queued", "reason": reason(states.FIRST), "attempts": 0, "due_ms": notice.due_ms,
        "at_ms": change.at_ms, "created_ms": now_ms, "next_ms": now_ms, "sent_ms": None, "batch": "", "text": "",
    }  # fmt: skip


def _decide(row: Row, notice: Notice, reachable: bool, enrolled: frozenset[str], old: bool) -> None:
    if row["mode"] != "actual" and not (row["mode"] == "exercise" and row["person"] in enrolled):
        why = states.STUB_NOT_ENROLLED if enrolled and row["mode"] == "exercise" else states.STUB
        row |= {"state": "stub", "reason": reason(why), "rest": "[]"}
    elif old:
        row |= {"state": "expired", "reason": reason(states.EXPIRED)}
    elif not reachable:
        row |= {"state": "dead", "reason": reason(states.no_way(notice.channels))}
    elif row["channel"] == "feed":
        row |= {"state": "delivered", "reason": reason(states.FEED), "sent_ms": row["created_ms"], "rest": "[]"}


def next_row(row: Row, now_ms: int) -> Row | None:
    """The message by the next way to the same person; None where none is left."""
    rest: list[Way] = msgspec.json.decode(row["rest"], type=list[Way])
    if not rest:
        return None
    channel, address = rest[0]
    made = {
        **row, "id": stable_id(row["alert"], row["notice"], row["person"], channel), "channel": channel,
        "address": address, "dest": destination(channel, address, row["mode"]), "attempts": 0, "batch": "",
        "rest": _json.encode(rest[1:]).decode(), "state": "queued", "reason": reason(states.FIRST),
        "created_ms": now_ms, "next_ms": now_ms, "sent_ms": None, "text": "",
    }  # fmt: skip
    if channel == "feed":
        made |= {"state": "delivered", "reason": reason(states.FEED), "sent_ms": now_ms, "rest": "[]"}
    return made


def reason(text: Text) -> str:
    return _json.encode(text).decode()


def reply(row: Row, command: str, now_ms: int) -> Row:
    """The result as a command to the alert's partition: `delivered` for a message, `failed` for a whole person."""
    params: dict[str, str] = {"key": row["notice"], "why": row["why"], "person": row["person"]}
    if command == "delivered":
        params["channel"] = row["channel"]
    id_ = stable_id(command, row["alert"], *params.values())
    made = Command(
        id=id_, alert=row["alert"], county=row["county"], command=command, version=None, by="notifier", role="system",
        unit=row["unit"], at_ms=now_ms, key=id_, params={k: msgspec.Raw(_json.encode(v)) for k, v in params.items()},
    )  # fmt: skip
    return {
        "id": id_, "run": row["run"], "county": row["county"], "json": _json.encode(made).decode(), "created_ms": now_ms
    }  # fmt: skip
