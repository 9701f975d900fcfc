"""Work orders for the operation and management service platform 城市运行管理服务平台: out on dispatch, status in.

The steps follow those of digital city management (GB/T 30428.8, 立案、处置和结案); the names of fields and the mapping
are the project's own (docs/workorders.md). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SOURCE = "监测预警"
URGENCY = {"I": "特急", "II": "紧急", "III": "较急", "IV": "一般"}
DOMAIN = {"water": "供水", "gas": "燃气", "pipeline": "管线", "traffic": "道路交通"}
DISPATCH = "dispatch"


@dataclass(frozen=True)
class Status:
    """What a status of the platform does: the command it becomes, and which fields that command needs."""

    command: str
    zh: str
    needs: tuple[str, ...] = ()


STATUSES: Mapping[str, Status] = {
    "accepted": Status("comment", "受理"),
    "on_site": Status("on_site", "到场"),
    "disposed": Status("dispose", "处置完成", ("cause", "action")),
    "verified": Status("verify", "核查通过"),
    "closed": Status("close", "结案"),
    "returned": Status("comment", "退单", ("text",)),
    "note": Status("comment", "办理情况", ("text",)),
}


def is_dispatch(transition: Mapping[str, Any]) -> bool:
    return transition.get("trigger") == DISPATCH


def order_id(alert: str, version: int) -> str:
    """Names one dispatch: an alert that is reopened and dispatched again is another order."""
    return f"{alert}-{version}"


def order(alert: Mapping[str, Any], transition: Mapping[str, Any]) -> dict[str, Any]:
    """The order of a dispatch, from the public alert and that transition."""
    unit, path, due = alert["unit"], alert["path"], alert.get("deadlines") or {}
    return {
        "order": order_id(alert["id"], transition["seq"]), "alert": alert["id"], "source": SOURCE,
        "category": DOMAIN.get(alert["domain"], alert["domain"]), "kind": alert["kind"], "title": alert["title"],
        "description": alert["reason"], "severity": alert["severity"], "urgency": URGENCY[alert["severity"]],
        "mode": alert["mode"], "unit": {"code": unit["code"], "name": unit.get("name", "")},
        "county": path.get("county"), "township": path.get("township"), "village": path.get("village"),
        "lon": alert.get("lon"), "lat": alert.get("lat"), "approximate": bool(alert.get("approximate")),
        "assets": alert.get("assets") or [], "codes": alert.get("codes") or [],
        "owner_org": alert.get("owner_org") or "", "operator_org": alert.get("operator_org") or "",
        "regulator": alert.get("regulator") or "", "team": alert.get("assignee") or "",
        "dispatched_by": transition["by"], "dispatched_at": transition["at"],
        "due": {step: due[step]["due"] for step in ("on_site", "dispose", "verify") if step in due},
        "status_to": f"/api/v1/workorders/{alert['id']}/status",
    }  # fmt: skip


def cloud_event(alert: Mapping[str, Any], transition: Mapping[str, Any]) -> dict[str, Any]:
    """The CloudEvent of a dispatch."""
    data = order(alert, transition)
    return {
        "specversion": "1.0", "id": data["order"], "source": "/cityops/workorders",
        "type": "cityops.workorder.dispatched", "subject": alert["id"], "time": transition["at"],
        "datacontenttype": "application/json", "data": data,
    }  # fmt: skip


def newest(alert: Mapping[str, Any], timeline: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The order in force: of the last dispatch, None where there was none."""
    found = [step for step in timeline if is_dispatch(step)]
    return order(alert, found[-1]) if found else None


def comment(status: Status, by: str, text: str) -> str:
    """What the alert's timeline says of a status: who on the platform's side, and their words."""
    return f"运管服平台{status.zh}（{by}）" + (f"：{text}" if text else "")
