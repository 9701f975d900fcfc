"""Water supply: what is watched, and what it may mean.

- Pressure in a zone falls and inflow rises when a main bursts: more flow, more head loss (standard practice in DMA
  management, e.g. IWA *District Metered Areas: Guidance Notes*, 2007). Either alone is told; the pair is stronger.
- Chlorine, turbidity, conductivity, redox, pH and temperature at a plant's outflow or in the network: joint deviation
  points to contamination (the GECCO 2018 challenge on drinking-water quality uses these channels). The first
  limits of the profile are those of GB 5749-2022 for turbidity (1 NTU), low pH (6.5) and free chlorine at the tap (0.05
  mg/L at least, 2 mg/L at most); all others are the project's choice.
- Fire hydrants and fire ponds: wooden villages are this prefecture's fire risk, so fixed limits and drop-out. Hydrants
  on public mains must keep 0.14 MPa in normal times and 0.10 MPa while used (GB 50974-2014, 7.2.8); 0.05 MPa and the
  levels of ponds are the project's choice.
- The zone as a whole (`water_groups`): burst by balance, minimum night flow and loss rate, boundary valves, transients.
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
    Kind(
        "burst_suspected",
        "hazard",
        Both("疑似爆管", "Burst suspected"),
        Both("请核实施工和用水后巡查", "check works and large users, then inspect"),
    ),
    Kind(
        "night_flow_high",
        "hazard",
        Both("夜间最小流量偏高", "High minimum night flow"),
        Both("疑似新增漏损", "new leakage suspected"),
    ),
    Kind(
        "loss_rate_high",
        "hazard",
        Both("漏损率上升", "Rising loss rate"),
        Both("请安排检漏", "plan a leak survey"),
    ),
    Kind(
        "boundary_valve",
        "hazard",
        Both("边界阀或流量计异常", "Boundary valve or meter in doubt"),
        Both("请检查边界阀是否关严", "check that boundary valves are shut"),
    ),
    Kind(
        "pressure_transient",
        "hazard",
        Both("压力骤变（水锤）", "Pressure transient"),
        Both("请检查水泵和阀门操作", "check pump and valve operations"),
    ),
    Kind(
        "tank_level",
        "hazard",
        Both("水池液位异常", "Unusual tank level"),
        Both("请检查水泵和进出水阀", "check pumps and valves"),
    ),
    Kind(
        "level_low",
        "hazard",
        Both("水位偏低", "Low water level"),
        Both("请补水并检查", "refill and check"),
    ),
    Kind(
        "level_high",
        "hazard",
        Both("水位偏高", "High water level"),
        Both("有溢流风险", "may overflow"),
    ),
    Kind(
        "hydrant_pressure_low",
        "hazard",
        Both("消火栓压力不足", "Low hydrant pressure"),
        Both("影响灭火，请立即检查", "fire fighting is impaired, check at once"),
    ),
    Kind(
        "hydrant_use",
        "hazard",
        Both("消火栓出水", "Hydrant in use"),
        Both("请核实是否取水或火情", "check whether water is taken or a fire is fought"),
    ),
    Kind(
        "pond_level_low",
        "hazard",
        Both("消防水池水位不足", "Low fire pond"),
        Both("影响灭火，请补水", "fire fighting is impaired, refill"),
    ),
)
