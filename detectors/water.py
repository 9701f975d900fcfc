"""Water supply: what is watched, and what it may mean.

- Pressure in a zone falls and inflow rises when a main bursts: more flow, more head loss (standard practice in DMA
  management, e.g. IWA *District Metered Areas: Guidance Notes*, 2007). Either alone is told; the pair is stronger.
- Chlorine, turbidity, conductivity, redox, pH and temperature at a plant's outflow or in the network: joint deviation
  points to contamination (the GECCO 2018 challenge on drinking-water quality uses these channels). Limits in the
  profile are the ones of GB 5749-2022: turbidity 1 NTU, pH 6.5-8.5, free chlorine at the tap at least 0.05 mg/L.
Pressures are stored in m of head and said in MPa.
"""

from __future__ import annotations

from detectors.texts import Both, Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "pressure_low",
        "hazard",
        Both("供水压力偏低", "Low water pressure"),
        Both("疑似漏损或爆管", "leak or burst suspected"),
    ),
    Kind(
        "pressure_high",
        "hazard",
        Both("供水压力偏高", "High water pressure"),
        Both("请检查减压阀和泵站", "check valves and pumps"),
    ),
    Kind("flow_high", "hazard", Both("供水流量偏高", "High water flow"), Both("疑似爆管", "burst suspected")),
    Kind(
        "flow_low",
        "hazard",
        Both("供水流量偏低", "Low water flow"),
        Both("请检查阀门和停水计划", "check valves and planned works"),
    ),
    Kind(
        "balance_high",
        "hazard",
        Both("分区净流量偏高", "High net inflow of a zone"),
        Both("疑似爆管或漏损", "burst or leak suspected"),
    ),
    Kind(
        "balance_low",
        "hazard",
        Both("分区净流量偏低", "Low net inflow of a zone"),
        Both("请检查边界阀和流量计", "check boundary valves and meters"),
    ),
    Kind(
        "chlorine_low",
        "hazard",
        Both("余氯偏低", "Low chlorine"),
        Both("消毒不足或受污染", "poor disinfection or contamination"),
    ),
    Kind("chlorine_high", "hazard", Both("余氯偏高", "High chlorine"), Both("请检查加药", "check dosing")),
    Kind(
        "turbidity_high",
        "hazard",
        Both("浊度偏高", "High turbidity"),
        Both("请检查滤池和管网冲刷", "check filters and flushing"),
    ),
    Kind("quality_anomaly", "hazard", Both("水质异常", "Unusual water quality"), Both("请取样复核", "take a sample")),
    Kind("water_anomaly", "hazard", Both("供水监测异常", "Unusual water reading")),
)
