"""Where a probe's time went, from the times of the records it became."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace

import msgspec
import pytest

from geo.assets import Sensor
from geo.moments import rfc3339
from streams import codec
from streams.cli.benches import hops
from streams.columns import from_rows
from streams.kernel import Kernel
from streams.settings import Settings

WELL, AT = "522601-G-CH4-900000", 1_763_884_800_000


def test_each_hop_is_the_time_between_two_records(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel("gas")
    kernel.configure([Sensor(id=WELL, domain="gas", kind="methane", zone="522601-G-BEN99", unit_code="522601")])
    rows = from_rows([(WELL, AT + k * 1000, 99.0) for k in range(10)])
    raised = next(d for d in kernel.process(rows) if d.state == "raise")
    stamp = rfc3339(raised.ts_ms)
    key = (WELL, stamp)
    begin = AT / 1000 + 100.0  # seconds; records carry whole milliseconds
    alert = {"alert": {"sensors": [WELL], "last_seen": stamp}, "transition": {"trigger": "raise"}}
    records = {
        "readings.gas": (codec.pack(rows), 0.020),
        "detections": (msgspec.json.encode(raised), 0.050),
        "alerts": (json.dumps(alert).encode(), 0.090),
    }

    def committed(settings: Settings, topic: str) -> Iterator[SimpleNamespace]:
        value, after = records[topic]
        yield SimpleNamespace(key=b"522601", value=value, timestamp=round((begin + after) * 1000))

    monkeypatch.setattr(hops, "committed_records", committed)
    got = hops.hops(Settings({}, env={}), {key: begin, ("other", stamp): begin}, {key: begin + 0.1})
    assert got == pytest.approx({"packer": 20, "detect": 30, "alerts": 40, "feed": 10}, abs=0.2)
