"""The AsyncAPI document agrees with the topics and with what is really sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import orjson

from api.alert_schema import ALERT, EVIDENCE, TRANSITION
from api.asyncapi import document
from api.cursor import Cursor
from api.hub import message, resync
from api.store import Event
from geo.divisions import Divisions
from streams import topics
from streams.alerts.engine import Engine
from streams.events import CommandResult
from streams.wire import encode_record, encode_result
from tests.unit.streams.test_lifecycle import T0, detection

_TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
          "null": type(None)}  # fmt: skip


def fits(value: Any, schema: dict[str, Any], where: str = "$") -> None:
    """Asserts that a value is as a schema says, and that the schema names every field it has."""
    if "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "oneOf" in schema:
        schema = next(s for s in schema["oneOf"] if (s.get("type") == "null") == (value is None))
        fits(value, schema, where)
        return
    if kind := schema.get("type"):
        kinds = [kind] if isinstance(kind, str) else kind
        assert any(isinstance(value, _TYPES[k]) for k in kinds), (where, value, kind)
    assert value in schema.get("enum", [value]), (where, value)
    assert value == schema.get("const", value), (where, value)
    assert set(schema.get("required", ())) <= set(value if isinstance(value, dict) else schema.get("required", ())), (
        where
    )
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"]), (where, set(value) - set(schema["properties"]))
        for name, part in value.items():
            fits(part, schema["properties"][name], f"{where}.{name}")


def refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def test_every_topic_is_a_channel_and_none_is_made_up() -> None:
    ledgers = {topics.ledger(app) for app in topics.LEDGERS}  # state of the workers, read by themselves alone
    addresses = {c["address"] for c in document()["channels"].values()}
    assert addresses == {s.name for s in topics.specs(4)} - ledgers | {"/api/v1/feed", "/api/v1/ws"}


def test_every_reference_leads_somewhere_and_every_message_is_used() -> None:
    whole = document()
    for ref in refs(whole):
        node: Any = whole
        for part in ref.removeprefix("#/").split("/"):
            assert part in node, ref
            node = node[part]
    used = {r.rpartition("/")[2] for r in refs(whole["channels"]) if "/messages/" in r}
    assert used == set(whole["components"]["messages"])


def test_what_is_sent_fits_its_schema() -> None:
    schemas = document()["components"]["schemas"]
    d = detection(lon=107.98, lat=26.58)
    fits(orjson.loads(msgspec.json.encode(d)), {**schemas["Detection"]})
    (record,) = Engine().on_detection(d, T0)
    plain = orjson.loads(encode_record(record, Divisions.load()))
    fits(plain, schemas["AlertRecord"])
    for alert in (None, record.alert):
        result = CommandResult(id="c", alert_id="a", accepted=alert is not None, alert=alert)
        fits(orjson.loads(encode_result(result, Divisions.load())), schemas["CommandResult"])
    event = Event(7, "a", 1, "I", "gas", "522601", "2025-11-23T08:00:00.000Z", orjson.dumps(plain).decode())
    fits(orjson.loads(message("e", event).text), schemas["AlertEvent"])
    fits(orjson.loads(resync(Cursor("e", 7)).text), schemas["Resync"])
    assert set(plain["alert"]) == set(ALERT["properties"])
    assert set(plain["transition"]) == set(TRANSITION["properties"])
    assert set(plain["alert"]["evidence"]) <= set(EVIDENCE["properties"])


async def test_it_is_served_to_all(client: httpx.AsyncClient) -> None:
    client.headers.pop("Authorization")
    answer = await client.get("/asyncapi.json")
    assert (answer.status_code, answer.json()["asyncapi"]) == (200, "3.0.0")
    assert answer.json() == orjson.loads(orjson.dumps(document()))
