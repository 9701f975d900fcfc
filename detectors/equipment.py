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
BY_SLOT: dict[int, str] = {RANGE: "out_of_range", FLAT: "flatline", DROP: "dropout", CLOCK: "clock_skew"}
BLOCK_SLOTS: dict[int, str] = {DRIFT: "drift", NOISE: "noisy"}  # unless a profile names a hazard
