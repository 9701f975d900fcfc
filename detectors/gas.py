"""Gas: methane in manholes, valve wells and tunnels by fixed levels of the lower explosive limit; regulator pressure.

- Levels 10 (watch), 25 (low alarm) and 50 %LEL (high alarm). GB/T 50493 sets the first alarm at or below 25 %LEL and
  the second at or below 50 %LEL for combustible gas; 10 %LEL is this project's watch level. 100 %LEL is full scale and
  latches (`limits.py`).
- Readings in %LEL, ppm or %VOL. One LEL is taken as 5.0 %VOL of methane (`LEL_VOL`), %VOL is always told too.
- Utility tunnels (sensors with a chainage): GB 50838 wants the alarm, which starts the ventilation of this and the
  neighbouring sections, at no more than 20 %LEL; 10 (watch) and 25 (shut off) are this project's.
- A rise under 10 %LEL that is far from the sensor's own background is told as well: sewer gas or a young leak.
- Loss of outlet pressure at a district regulator: the regulator failed, or the network behind it is open.
"""

from __future__ import annotations

from detectors.texts import Both, Kind

LEL_VOL = (
    5.0  # %VOL: instruments here are spanned with 2.5 %VOL as 50 %LEL; IEC 60079-20-1 has 4.4 %VOL for pure methane
)
LEL_PER_UNIT = {"": 1.0, "%LEL": 1.0, "ppm": 100.0 / (LEL_VOL * 1e4), "%VOL": 100.0 / LEL_VOL}
METHANE = {"methane": "%LEL", "methane_ppm": "ppm", "methane_vol": "%VOL"}  # kinds of sensors and their usual unit

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
    Kind(
        "tunnel_gas",
        "hazard",
        Both("管廊可燃气体浓度高", "Combustible gas in a utility tunnel"),
        Both(
            "启动本区段及相邻区段事故通风，人员撤离",
            "ventilate this and the neighbouring sections, nobody stays inside",
        ),
    ),
    Kind(
        "tunnel_ventilation",
        "hazard",
        Both("管廊事故通风未启动", "Utility tunnel is not ventilated"),
        Both("请立即启动风机", "start the fans at once"),
    ),
    Kind(
        "regulator_loss",
        "hazard",
        Both("调压器出口压力下降", "Regulator loses outlet pressure"),
        Both("疑似调压器故障或下游断管", "regulator failure or a break behind it suspected"),
    ),
    Kind(
        "gas_supply_low",
        "hazard",
        Both("燃气供气压力下降", "Gas supply pressure falls"),
        Both("疑似上游供气不足", "a lack of supply upstream is suspected"),
    ),
    Kind(
        "gas_imbalance",
        "hazard",
        Both("燃气分区流量不平衡", "Gas flow of a zone is out of balance"),
        Both("疑似泄漏或未计量用气", "a leak or unmetered use is suspected"),
    ),
    Kind("gas_anomaly", "hazard", Both("燃气监测异常", "Unusual gas reading")),
)
