"""The drill `burst`: a water main at 02:40, and nobody answers on three levels."""

from __future__ import annotations

from geo.fences import Mark
from streams.drills import kaili
from streams.drills.scene import MARK, Order, Scene, Seen, exercise
from streams.events import Detection, Evidence, Text

START_MS = 1_752_259_200_000  # 2025-07-12 02:40 Beijing time
ABOUT = Text(
    "汛期，凯里市北京西路 DN600 供水主管 02:40 爆管。先只有一个压力测点异常（三级），通知供水公司、社区和街道，"
    "15 分钟无人签收，升到县；02:58 第二个测点相符（二级），重新计时，县仍无人签收，升到县带班领导和州；"
    "03:05 医院测点压力跌破硬限值，且在医院围栏内（一级），再次重新计时，县、县带班领导逾时，升到州；"
    "州值班员签收、研判，县随后签收并派遣（超时，被催办一次）、到场、处置，州核查，压力恢复后县结案。"
    "对结果没有影响的检测结果从略。",
    "Flood season. A DN600 water main in Beijing West Road, Kaili, bursts at 02:40. At first one pressure sensor alone "
    "is unusual (III): the water company, the village and the township are told; nobody acknowledges for 15 min and "
    "the county is told. At 02:58 a second sensor agrees (II): the chain begins anew, the county stays silent, "
    "its lead and the prefecture are told. At 03:05 the pressure at a hospital falls below its hard limit, inside the "
    "hospital's fence (I): the chain begins anew, the county and its lead miss their times, the prefecture is told. "
    "Its duty officer acknowledges and assesses; the county acknowledges after it, dispatches (late: urged once), is "
    "on site, disposes; the prefecture verifies; the pressure is back and the county closes. Detections that change "
    "nothing are left out.",
)
TITLE = exercise("北京西路 DN600 供水主管爆管", "DN600 water main burst, Beijing West Road")
NAME = Text("北京西路 DN600 主管", "DN600 main, Beijing West Road")
HOSPITAL = Mark(
    fence="drill-hospital", kind="hospital", name_zh="州人民医院", name_en="Prefecture hospital", severity=1
)


def _detection(at_s: int, sensor: int, state: str, zh: str, en: str, **more: object) -> Detection:
    value = more.pop("value", None)
    given: dict[str, object] = {
        "id": f"drill-{state}-{sensor}", "mode": "exercise", "state": state, "domain": "water",
        "kind": "burst_suspected", "sensor": f"522601-W-PRS-90000{sensor}", "asset": "522601-W-PIP-900001",
        "zone": "522601-W-DMA01", "county": kaili.COUNTY, "unit": kaili.VILLAGE, "lon": 107.9675, "lat": 26.5815,
        "ts_ms": START_MS + at_s * 1000, "onset_ms": START_MS, "owner_org": kaili.WATER, "operator_org": kaili.WATER,
        "title": TITLE, "reason": exercise(zh, en), "name": NAME,
        "evidence": Evidence(detector="water.pressure", threshold=0.05, expected=0.38, value=value, unit="MPa"),  # type: ignore[arg-type]
    }  # fmt: skip
    return Detection(**{**given, **more})  # type: ignore[arg-type]


def _at(clock: str) -> int:
    """Seconds from the start of a time of that night."""
    h, m, s = map(int, clock.split(":"))
    return (h * 60 + m - 160) * 60 + s


def _detections() -> tuple[Seen, ...]:
    two, three = _at("02:58:00"), _at("03:05:00")
    clear = _at("05:20:00")
    return (
        Seen(0, "raise", (_detection(
            0, 1, "raise", "1 号测点压力 0.38 降到 0.27 MPa", "pressure at sensor 1 fell from 0.38 to 0.27 MPa",
            magnitude=1.2, value=0.27),)),
        Seen(two, "severity", (_detection(
            two, 2, "raise", "1、2 号测点压力同时偏低，流量增加 210 m³/h",
            "pressure is low at sensors 1 and 2, inflow is up by 210 m³/h",
            magnitude=1.6, witnesses=2, value=0.21),)),
        Seen(three, "severity", (_detection(
            three, 3, "raise", "州人民医院测点压力 0.08 MPa，低于硬限值 0.10 MPa",
            "pressure at the prefecture hospital 0.08 MPa, below the hard limit of 0.10 MPa",
            magnitude=3.0, witnesses=3, hard=True, level=1, value=0.08, fences=(HOSPITAL,)),)),
        Seen(clear, "clear", tuple(
            _detection(clear, k, "clear", "各测点压力恢复到 0.37 MPa", "pressure is back to 0.37 MPa at all sensors",
                       value=0.37, fences=(HOSPITAL,) if k == 3 else ()) for k in (1, 2, 3))),
    )  # fmt: skip


def _orders() -> tuple[Order, ...]:
    officer, commander = "officer", "commander"
    return (
        Order(_at("03:09:20"), "lu", commander, "ack"),
        Order(_at("03:11:00"), "lu", commander, "assess", {"verdict": "real"}, MARK.zh + "电话核实，路面涌水"),
        Order(_at("03:12:30"), "pan", officer, "ack"),
        Order(_at("03:20:30"), "pan", officer, "dispatch", {"team": "供水公司抢修一队"}),
        Order(_at("03:28:00"), "pan", officer, "report", {"kind": "first", "form": "verbal", "to": "州应急指挥中心"}),
        Order(_at("03:46:00"), "pan", officer, "on_site", {}, MARK.zh + "抢修一队到场，开始关阀"),
        Order(_at("04:02:00"), "pan", officer, "report", {"kind": "first", "form": "written", "to": "州应急指挥中心"}),
        Order(_at("05:05:00"), "pan", officer, "dispose",
              {"cause": "DN600 铸铁管接口断裂", "action": "关闭 3 个阀门，更换 6 m 管段，医院由送水车供水"}),
        Order(_at("05:35:00"), "lu", commander, "verify", {}, MARK.zh + "压力、浊度正常"),
        Order(_at("05:45:00"), "pan", officer, "report", {"kind": "final", "form": "written", "to": "州应急指挥中心"}),
        Order(_at("05:50:00"), "shi", commander, "close"),
    )  # fmt: skip


def scene() -> Scene:
    """The drill. Its times are fixed, so that its timeline is the same each time."""
    steps: list[Seen | Order] = [*_detections(), *_orders()]
    steps.sort(key=lambda step: step.at_s)
    return Scene("burst", TITLE, ABOUT, START_MS, kaili.COUNTY, kaili.config(), tuple(steps))
