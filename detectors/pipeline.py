"""Long-distance pipelines: pressure and flow deviation at single stations.

These are the pressure/flow monitoring methods of API RP 1130 (computational pipeline monitoring for liquids): a leak
lowers the pressure near it, raises the flow above it and lowers the flow below it. Volume balance of a
line is the balance of its zone (inlet and outlet with `flow_sign`, see zone_sum.py), judged like a single sensor.
"""

from __future__ import annotations

from detectors.texts import Both, Kind

KINDS: tuple[Kind, ...] = (
    Kind("pressure_drop", "hazard", Both("管道压力下降", "Pipeline pressure drop"), Both("疑似泄漏", "leak suspected")),
    Kind(
        "pressure_surge",
        "hazard",
        Both("管道压力升高", "Pipeline pressure surge"),
        Both("请检查阀门和泵", "check valves and pumps"),
    ),
    Kind(
        "flow_deviation",
        "hazard",
        Both("管道流量偏离", "Pipeline flow deviation"),
        Both("疑似泄漏或工况变化", "leak or change of operation suspected"),
    ),
    Kind(
        "line_imbalance",
        "hazard",
        Both("管段进出流量不平衡", "Line imbalance"),
        Both("疑似泄漏", "leak suspected"),
    ),
    Kind("pipeline_leak", "hazard", Both("管道疑似泄漏", "Pipeline leak suspected")),
    Kind("pipeline_anomaly", "hazard", Both("管道监测异常", "Unusual pipeline reading")),
)
