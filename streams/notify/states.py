"""States of a message, and the reasons that are shown with them. Pure."""

from __future__ import annotations

from streams.alert_parts import Text
from streams.notify.facts import clock
from streams.notify.records import Seen, acked

WAITING = ("queued", "failed")  # failed: the last attempt; it is tried again
OPEN = (*WAITING, "sending")
DONE = ("sent", "delivered")  # sent: a gateway took it; delivered: it arrived, or somebody answered
STATES = (*OPEN, *DONE, "dead", "cancelled", "stub", "expired")
RESENDABLE = ("dead", "expired", "failed")
CALLS = ("raise", "reraise", "severity", "escalate", "remind", "delegate", "task")  # an ack answers them
ROLLCALL = "rollcall"  # asks for an answer as an alert does; no alert is behind it
WORK = (*CALLS, "urge", "supervise", "inform")  # without sense once the alert is closed
MILD = ("III", "IV")

FIRST = Text("等待发送", "waits to be sent")
COLLECTED = Text("三、四级合并发送", "severity III and IV: collected into one message")
SENDING = Text("正在发送", "is being sent")
RESTARTED = Text("发送中程序中断，重发", "the notifier ended while it was being sent: sent again")
FEED = Text("在控制台显示", "shown in the console")
STUB = Text("演练或测试：不对外发送", "exercise or test: nothing goes out")
STUB_NOT_ENROLLED = Text("演练：此人不在实发名单", "exercise: this person is not enrolled for real channels")
EXPIRED = Text("首次启动前的旧通知，不发送", "older than 30 min when this outbox began: not sent")
CLOSED = Text("报警已结案", "the alert is closed")
GONE = Text("报警已不在", "the alert is gone")
EMPTY = Text("无人可通知", "nobody to tell")
TAKEN = Text("网关已接收", "the gateway took it")
ARRIVED = Text("已送达", "delivered")
UNHEARD = {
    "no_answer": Text("无人接听", "nobody took the call"),
    "busy": Text("占线", "the line was busy"),
    "refused": Text("拒接", "the call was refused"),
    "unreachable": Text("无法接通", "the number could not be reached"),
}  # what a voice gateway says of a call that reached nobody
ANSWERED = Text("本人已回复签收", "the person answered: acknowledged")


def no_way(channels: tuple[str, ...]) -> Text:
    names = ", ".join(channels)
    return Text(f"没有可用的联系方式（{names}）", f"no contact for {names}")


def acked_by(level: str) -> Text:
    return Text(f"已由 {level} 签收", f"acknowledged by {level} meanwhile")


def again(why: str, until_ms: int) -> Text:
    return Text(f"发送失败（{why}），{clock(until_ms)} 后重试", f"failed: {why}; tried again after {clock(until_ms)}")


def dead(why: str, attempts: int) -> Text:
    return Text(f"{attempts} 次失败后放弃（{why}）", f"given up after {attempts} attempts: {why}")


def too_old(seconds: float) -> Text:
    minutes = int(seconds // 60)
    return Text(f"{minutes} 分钟内未能送出，放弃", f"given up: not taken within {minutes} min")


def broken(until_ms: int) -> Text:
    return Text(f"目的地熔断至 {clock(until_ms)}", f"the destination fails: closed off until {clock(until_ms)}")


def limited(channel: str, per_minute: int) -> Text:
    return Text(
        f"{channel} 限速每分钟 {per_minute} 条",
        f"rate limit of {channel}: {per_minute} a minute, severity I and II first",
    )


def resent(by: str) -> Text:
    return Text(f"{by} 要求重发", f"sent again by {by}")


def cancelled(why: str, place: str, alert: Seen | None, now_ms: int) -> Text | None:
    """Why a notice is not sent any more by the newest state of its alert; None: it is.

    >>> from streams.notify.records import Unit
    >>> cancelled("raise", "522601", Seen("a", 2, "I", Unit("522601"), handling="CLOSED"), 0).en
    'the alert is closed'
    >>> cancelled("close", "522601", Seen("a", 2, "I", Unit("522601"), handling="CLOSED"), 0)
    """
    if alert is None:
        return GONE
    if alert.closed and why in WORK:
        return CLOSED
    if why in CALLS and (level := acked(alert, place, now_ms)):
        return acked_by(level)
    return None
