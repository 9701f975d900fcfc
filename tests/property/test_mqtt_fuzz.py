"""Whatever devices send, each message becomes readings or a reject with a reason, and stops nothing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings, strategies as st

from streams import codec
from streams.intake.mqtt_rows import Mapper, Message
from tests.unit.streams.test_mqtt_rows import DEVICE, GATEWAY, OWN, RAW, mapped

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["OK", "open", "1e5"])
keys = st.sampled_from(["t", "d", "p", "q", "door", "rx", "id", "at", "v", "sensor", "ts", "value"])
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=20
)
payloads = (
    st.binary(max_size=80)
    | documents.map(lambda d: json.dumps(d).encode())
    | scalars.map(lambda s: str(s).encode("utf-8", "replace"))
)
topics = st.sampled_from(
    ["city/522601/ws/17/telemetry", "plc/gas/a", "own/gas", "one/522601/7", "packed/water", "lora/up/x", "none"]
) | st.text(max_size=30)
users = st.lists(st.tuples(st.sampled_from(["county", "site"]), st.text(max_size=5)), max_size=2)
messages = st.builds(Message, topics, payloads, st.just(1_763_884_800_000), users, st.booleans())
ALL = mapped(DEVICE + RAW + OWN + GATEWAY)


@settings(max_examples=400, deadline=None)
@given(st.lists(messages, max_size=8))
def test_anything(batch: list[Any]):
    mapper = Mapper(ALL)
    found = mapper.convert(batch)
    for cols in found.columns.values():
        assert len(codec.unpack(codec.pack(cols, "me")).cols) == len(cols) > 0
    assert all(r.reason and r.reason.encode() for r in found.rejects)
    refused = {r.message for r in found.rejects if not r.rows}
    alone = [mapper.convert([m]) for m in batch]
    for k, one in enumerate(alone):  # what becomes of a message does not depend on its neighbours
        taken = sum(len(c) for c in one.columns.values())
        assert (k in refused) == any(not r.rows for r in one.rejects)
        assert taken or one.rejects or one.stale, batch[k]
    assert sum(len(c) for one in alone for c in one.columns.values()) == sum(map(len, found.columns.values()))
