"""Trouble with the instrument, in every domain: class equipment, apart from hazards.

The split follows data-quality practice of SCADA and loop detectors: no data, stuck value, impossible value (e.g. the
validity checks of Jacobson, Nihan & Bender 1990, *Detecting Erroneous Loop Detector Data*).
"""

from __future__ import annotations

from detectors.layout import CLOCK, DRIFT, DROP, FLAT, NOISE, RANGE
from detectors.texts import Both, Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "out_of_range",
        "equipment",
        Both("读数超出可能范围", "Impossible reading"),
        Both("请检查传感器", "check the sensor"),
    ),
    Kind("flatline", "equipment", Both("读数停滞", "Stuck reading"), Both("请检查传感器", "check the sensor")),
    Kind(
        "dropout", "equipment", Both("数据中断", "No data"), Both("请检查供电和通信", "check power and communication")
    ),
    Kind(
        "clock_skew",
        "equipment",
        Both("设备时钟偏差", "Device clock is off"),
        Both("请校时；若时钟正确，请检查上传延迟", "set the clock; where it is right, look for a slow upload"),
    ),
    Kind(
        "drift",
        "equipment",
        Both("读数缓慢漂移", "Reading drifts"),
        Both("请校准传感器", "calibrate the sensor"),
    ),
    Kind(
        "noisy",
        "equipment",
        Both("读数波动异常", "Reading swings unusually"),
        Both("请检查传感器和接线", "check the sensor and its wiring"),
    ),
)
BY_PROFILE: tuple[Kind, ...] = (  # hazards' slots of a profile may raise these
    Kind(
        "battery_low",
        "equipment",
        Both("电池电量低", "Low battery"),
        Both("请更换或充电", "replace or charge it"),
    ),
)
KINDS += BY_PROFILE
BATTERY_LOW, BATTERY_EMPTY = 0.90, 0.85  # of the nominal voltage
BY_SLOT: dict[int, str] = {RANGE: "out_of_range", FLAT: "flatline", DROP: "dropout", CLOCK: "clock_skew"}
BLOCK_SLOTS: dict[int, str] = {DRIFT: "drift", NOISE: "noisy"}  # unless a profile names a hazard


def battery_limits(nominal_v: float) -> dict[str, float]:
    """Parameters for a battery that is told in volts, from its nominal voltage (the sensor's fact `battery_v`).

    Shares of the nominal voltage are this project's choice: a lithium thionyl chloride cell (3.6 V) is flat until
    shortly before its end, a lead battery (12 V) is nearly empty at 10.8 V.

    >>> {k: round(v, 2) for k, v in battery_limits(12.0).items()}
    {'limits.low_1': 10.8, 'limits.low_2': 10.2}
    """
    return {"limits.low_1": BATTERY_LOW * nominal_v, "limits.low_2": BATTERY_EMPTY * nominal_v}
