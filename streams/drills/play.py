"""A scene as messages, one act after the other: what is written, and what has to be seen before the next. Pure.

An act waits for what the one before it made, because detections and commands are two topics: nothing else keeps the
drill's order between them.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from streams import config, topics
from streams.drills.scene import Order, Scene, Seen
from streams.events import Command
from streams.timers import TICK

_json = msgspec.json.Encoder().encode
STALE = "ANY-2"
TRIES = 5  # of a command whose version was overtaken: a deadline passed just before it


class Act(NamedTuple):
    """Messages to write in this order to one topic; then wait for the result `result`, or for a record of `trigger`."""

    at_ms: int
    topic: str
    messages: tuple[tuple[bytes | None, bytes], ...]
    result: str = ""  # id of a command
    trigger: str = ""


class Answer(NamedTuple):
    """What came of an act: its new records of `alerts`, and the command's result (both public JSON)."""

    records: list[dict[str, Any]]
    result: dict[str, Any] | None


Refused = list[tuple[Order, dict[str, Any]]]


def acts(scene: Scene, run: str) -> Generator[Act, Answer, Refused]:
    """Acts of a scene; send each one's answer. Returns the orders that were refused, with their results."""
    refused: Refused = []
    alert: dict[str, Any] = {}
    for number, step in enumerate(scene.steps):
        at_ms = scene.start_ms + step.at_s * 1000
        if isinstance(step, Seen):
            messages = [(scene.county.encode(), _json(replace(d, run=run))) for d in step.detections]
            if not number:
                messages.insert(0, (config.KEY, config.encode(scene.config)))
            answer = yield Act(at_ms, topics.DETECTIONS, tuple(messages), trigger=step.makes)
            alert = next(r["alert"] for r in answer.records if r["transition"]["trigger"] == step.makes)
            continue
        for attempt in range(TRIES):
            command = order(scene, step, f"{run}-{number}-{attempt}", alert, at_ms)
            sent = tuple((scene.county.encode(), _json(c)) for c in (tick(scene.county, at_ms), command))
            answer = yield Act(at_ms, topics.COMMANDS, sent, result=command.id)
            result = answer.result or {}
            alert = result["alert"] or alert
            if result["row"] != STALE:
                break
        if not result["accepted"]:
            refused.append((step, result))
    return refused


def order(scene: Scene, step: Order, id_: str, alert: dict[str, Any], at_ms: int) -> Command:
    """The command of a person who sees this alert."""
    return Command(
        id=id_, alert=alert["id"], county=scene.county, command=step.command, version=alert["version"], by=step.by,
        role=step.role, unit=scene.person(step.by).place, at_ms=at_ms, comment=step.comment,
        params={name: msgspec.Raw(_json(value)) for name, value in step.params.items()},
    )  # fmt: skip


def tick(county: str, at_ms: int) -> Command:
    """The drill's clock: in a run with the event clock a tick says what time it is."""
    return Command(
        id=f"tick-{at_ms}", alert="", county=county, command=TICK, version=None, by="drill", role="system", unit="",
        at_ms=at_ms,
    )  # fmt: skip
