"""Alerts for tests of what decides about several of them."""

from __future__ import annotations

from typing import Any

from streams.events import Alert, Evidence, Text

T0 = 1_763_884_800_000
MINUTE = 60_000
DOMAIN = {"gas_pressure_low": "gas", "regulator_loss": "gas", "gas_concentration": "gas", "pipeline_leak": "pipeline"}
EQUIPMENT = ("dropout", "flatline")


def alert(id_: str, kind: str = "pressure_low", minute: float = 0.0, **more: Any) -> Alert:
    """An open alert of Kaili, zone 522601-W-DMA01, severity III, on an asset of its own."""
    at = T0 + round(minute * MINUTE)
    given: dict[str, Any] = {
        "id": id_, "version": 1, "domain": DOMAIN.get(kind, "water"), "kind": kind, "severity": "III",
        "cls": "equipment" if kind in EQUIPMENT else "hazard", "severity_why": Text("", ""), "first_seen_ms": at,
        "last_seen_ms": at, "changed_ms": at, "county": "522601", "unit": "522601001", "zone": "522601-W-DMA01",
        "asset": f"asset-{id_}", "sensors": (f"s-{id_}",), "active": (f"s-{id_}",),
        "title": Text("压力偏低", "Low pressure"), "reason": Text("", ""), "evidence": Evidence(detector="x"),
    }  # fmt: skip
    return Alert(**{**given, **more})
