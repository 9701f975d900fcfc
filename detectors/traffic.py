"""Traffic loops: occupancy, speed and volume by station, and what neighbouring stations say together.

One station by itself is judged against its own recent past and a fixed congestion level (on freeways, occupancy above
about 20-25 % is usually congested flow; urban loops before signals need higher limits): a hint, not a proof. Stations
of one road direction are judged together in `traffic_groups`: incidents between neighbours (`incident`, and as
alternatives `california`, Payne & Tignor 1978, and `mcmaster`, Persaud, Hall & Hall 1990), queues and travel times that
are unusual for the hour (`congestion`, `travel_time`), and loops that contradict each other (`loop_check`).
"""

from __future__ import annotations

from detectors.texts import Both, Kind

KINDS: tuple[Kind, ...] = (
    Kind("congestion", "hazard", Both("交通拥堵", "Congestion"), Both("疑似事件或排队", "incident or queue suspected")),
    Kind("speed_drop", "hazard", Both("车速骤降", "Speed drop"), Both("疑似事件或排队", "incident or queue suspected")),
    Kind("flow_anomaly", "hazard", Both("车流量异常", "Unusual traffic flow")),
    Kind("traffic_anomaly", "hazard", Both("交通监测异常", "Unusual traffic reading")),
    Kind("traffic_incident", "hazard", Both("疑似交通事件", "Traffic incident suspected")),
    Kind("queue_unusual", "hazard", Both("异常排队", "Unusual queue")),
    Kind("travel_time_high", "hazard", Both("行程时间异常", "Unusual travel time")),
    Kind("loop_fault", "equipment", Both("线圈检测器异常", "Loop detector fault")),
)
