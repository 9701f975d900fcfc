"""Gas: methane in manholes, valve wells and tunnels by fixed levels of the lower explosive limit; regulator pressure.

- Levels 10 (watch), 25 (low alarm) and 50 %LEL (high alarm). GB/T 50493 sets the first alarm at or below 25 %LEL and
  the second at or below 50 %LEL for combustible gas; 10 %LEL is this project's watch level.
- A rise under 10 %LEL that is far from the sensor's own background is told as well: sewer gas or a young leak.
- Loss of outlet pressure at a district regulator: the regulator failed, or the network behind it is open.
"""

from __future__ import annotations

from detectors.texts import Both, Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "gas_concentration",
        "hazard",
        Both("可燃气体浓度高", "Combustible gas"),
        Both("可能泄漏，禁火并复测", "leak possible: no ignition sources, measure again"),
    ),
    Kind(
        "gas_pressure_low",
        "hazard",
        Both("燃气压力偏低", "Low gas pressure"),
        Both("疑似调压器故障或泄漏", "regulator failure or leak suspected"),
    ),
    Kind(
        "gas_pressure_high",
        "hazard",
        Both("燃气压力偏高", "High gas pressure"),
        Both("疑似调压器失效", "regulator failure suspected"),
    ),
    Kind(
        "gas_spread",
        "hazard",
        Both("燃气向邻井扩散", "Gas spreads to neighbouring wells"),
        Both("可能泄漏，沿扩散方向复测", "leak possible: measure along the way it spreads"),
    ),
    Kind("gas_anomaly", "hazard", Both("燃气监测异常", "Unusual gas reading")),
)
