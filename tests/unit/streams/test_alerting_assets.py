"""Assets in the alerts' own log: whom an alert touches, its codes, and that both outlive a restart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from geo.assets import Asset, Code
from streams import config, topics
from streams.alerting import AlertsLogic
from streams.metrics import REJECTS
from streams.outbox import Outbox
from streams.settings import Settings
from tests.unit.streams.test_lifecycle import T0, detection

WELL = Asset(
    id="522601-G-WEL-000001", domain="gas", kind="well", unit_code="522601001", lon=107.98, lat=26.58,
    codes=(Code("省平台", "GZ-42"),),
)  # fmt: skip
SCHOOL = Asset(
    id="522601-U-SCH-000001", domain="city", kind="school", unit_code="522601002", lon=107.9805, lat=26.58, people=900,
    name_zh="一中",
)  # fmt: skip


def record(value: bytes, key: bytes = b"522601") -> Any:
    return SimpleNamespace(
        topic=topics.DETECTIONS, partition=0, offset=0, key=key, value=value, headers=(), timestamp=T0
    )


def told(logic: AlertsLogic, *assets: Asset) -> Outbox:
    out = Outbox("alerts-0", {})
    logic.apply(record(config.encode(config.Config(list(assets))), config.KEY), out)
    logic.flush(out)
    return out


def raised(logic: AlertsLogic, **more: Any) -> dict[str, Any]:
    out = Outbox("alerts-0", {})
    logic.apply(record(msgspec.json.encode(detection(asset=WELL.id, lon=107.98, lat=26.58, **more))), out)
    logic.flush(out)
    ((_, _, _, value, _),) = out.records
    alert: dict[str, Any] = msgspec.json.decode(value or b"")["alert"]
    return alert


def test_an_alert_tells_whom_it_touches_and_its_codes() -> None:
    logic = AlertsLogic(Settings(env={}))
    assert raised(logic)["impact"] == {}
    logic = AlertsLogic(Settings(env={}))
    told(logic, WELL, SCHOOL)
    alert = raised(logic)
    assert [(f["id"], f["people"]) for f in alert["impact"]["facilities"]] == [(SCHOOL.id, 900)]
    assert alert["impact"]["units"] == ["522601001", "522601002"]
    assert alert["codes"] == [{"system": "省平台", "value": "GZ-42"}]


def test_what_it_touches_stays_as_it_was_when_it_was_raised() -> None:
    logic = AlertsLogic(Settings(env={}))
    told(logic, WELL, SCHOOL)
    before = raised(logic)
    told(logic, msgspec.structs.replace(SCHOOL, people=1, version=2))
    after = raised(logic, state="update", at_s=60)
    assert (after["id"], after["impact"]) == (before["id"], before["impact"])


def test_equipment_touches_nobody() -> None:
    logic = AlertsLogic(Settings(env={}))
    told(logic, WELL, SCHOOL)
    assert raised(logic, cls="equipment", kind="dropout", hard=False, level=0)["impact"] == {}


def test_assets_are_state_and_only_changes_are_stored() -> None:
    logic = AlertsLogic(Settings(env={}))
    state = told(logic, WELL, SCHOOL).state
    assert sorted(state) == [b"asset/" + WELL.id.encode(), b"asset/" + SCHOOL.id.encode()]
    assert told(logic, WELL, SCHOOL).state == {}
    again = AlertsLogic(Settings(env={}))
    again.restore({k: v for k, v in state.items() if v is not None})
    assert raised(again)["impact"] == raised(logic)["impact"] != {}
    gone = told(logic, msgspec.structs.replace(SCHOOL, retired=True, version=2)).state
    assert gone == {b"asset/" + SCHOOL.id.encode(): None}


def test_bytes_that_are_no_config_are_rejected() -> None:
    logic, out = AlertsLogic(Settings(env={})), Outbox("alerts-0", {})
    before = REJECTS.labels("unreadable")._value.get()
    logic.apply(record(b"{", config.KEY), out)
    assert REJECTS.labels("unreadable")._value.get() == before + 1
    assert out.records[0][0] == topics.REJECTED
