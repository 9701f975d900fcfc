"""Traffic loops: occupancy, speed and volume of one station.

Occupancy rises and speed falls upstream of a blocked lane; this is what the California algorithms compare between
neighbours (Payne & Tignor 1978, *Freeway Incident-Detection Algorithms Based on Decision Trees*). Here each station is
judged by itself, against its own recent past and a fixed congestion level (on freeways, occupancy
above about 20-25 % is usually congested flow); urban loops before signals need higher limits. One station is a hint,
not a proof.
"""

from __future__ import annotations

from detectors.texts import Both, Kind

KINDS: tuple[Kind, ...] = (
    Kind("congestion", "hazard", Both("交通拥堵", "Congestion"), Both("疑似事件或排队", "incident or queue suspected")),
    Kind("speed_drop", "hazard", Both("车速骤降", "Speed drop"), Both("疑似事件或排队", "incident or queue suspected")),
    Kind("flow_anomaly", "hazard", Both("车流量异常", "Unusual traffic flow")),
    Kind("traffic_anomaly", "hazard", Both("交通监测异常", "Unusual traffic reading")),
)
