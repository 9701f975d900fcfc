"""Delivery to real HTTP servers: order, slow destinations, failures, restarts, cancellations, exercises."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from geo.moments import rfc3339
from streams.notify import claims, exercises, signing
from streams.notify.claims import Limits
from tests.unit.notify.conftest import SECRET, Box, delivering, notice, now_ms, record, server, until


async def test_a_webhook_gets_a_signed_event_and_the_alert_is_told(box: Box, tmp_path: Path) -> None:
    async with server() as hook:
        box.contacts["li"] = (("webhook", hook.url),)
        box.feed(record("a1", notice(due=rfc3339(now_ms() + 60_000))))
        async with delivering(box, tmp_path):
            await until(lambda: box.states() == ["delivered"])
    headers, body = hook.got[0]
    event = json.loads(body)
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "cityops.notice.raise", "a1")
    assert event["id"] == headers["idempotency-key"] == box.rows()[0]["id"]
    stamp, signature = headers[signing.TIMESTAMP.lower()], headers[signing.SIGNATURE.lower()]
    assert signing.fault(SECRET, stamp, signature, body, float(stamp)) == ""
    assert "红色一级" in event["data"]["text"]
    assert "52%LEL" in event["data"]["text"]
    assert box.replies() == [("delivered", {"key": "1.0", "why": "raise", "person": "li", "channel": "webhook"})]


async def test_one_stuck_for_ever_delays_nobody_else(box: Box, tmp_path: Path) -> None:
    async with server(lambda n: 0) as stuck, server() as good:
        box.contacts |= {"stuck": (("webhook", stuck.url),), "li": (("webhook", good.url),)}
        for k in range(30):
            box.feed(record(f"a{k}", notice(people=["stuck", "li"])))
        async with delivering(box, tmp_path):
            await until(lambda: len(box.rows(person="li", state="delivered")) == 30, 20)
            assert len(stuck.got) == 1
            assert sorted(set(box.states(person="stuck"))) == ["queued", "sending"]
    assert len({headers["idempotency-key"] for headers, _ in good.got}) == 30


async def test_a_failure_is_tried_again_with_the_same_key(box: Box, tmp_path: Path) -> None:
    async with server(lambda n: 503 if n < 3 else 200) as hook:
        box.contacts["li"] = (("webhook", hook.url),)
        box.feed(record("a1", notice()))
        async with delivering(box, tmp_path):
            await until(lambda: box.states() == ["delivered"], 15)
    assert len({headers["idempotency-key"] for headers, _ in hook.got}) == 1
    assert len(hook.got) == 3


async def test_killed_between_commit_and_send_it_is_sent_after_the_restart(box: Box, tmp_path: Path) -> None:
    async with server() as hook:
        box.contacts["li"] = (("webhook", hook.url),)
        box.feed(record("a1", notice()), record("a2", notice(), severity="III"), record("a3", notice(), severity="IV"))
        dest = box.rows()[0]["dest"]
        async with delivering(box, tmp_path) as first:
            compose = first._compose
        for alert in ("a1", "a2"):  # taken in hand, and then the process is gone
            while not box.rows(alert=alert, state="sending"):
                with box.outbox.write() as tx:
                    assert claims.claim(tx, dest, compose, Limits(), now_ms()) is not None
        keys = {r["batch"] for r in box.rows()}
        assert len(keys) == 2
        async with delivering(box, tmp_path):
            await until(lambda: set(box.states()) == {"delivered"})
    assert {headers["idempotency-key"] for headers, _ in hook.got} >= keys


async def test_given_up_the_next_way_begins_and_when_all_fail_the_alert_is_told(box: Box, tmp_path: Path) -> None:
    async with server(lambda n: 422) as first, server(lambda n: 410) as second:
        box.contacts["li"] = (("sms", "13812345678"), ("webhook", first.url), ("voice", "13812345678"))
        box.feed(record("a1", notice(channels=["webhook", "sms"])))
        gateways = {"sms_url": second.url}
        async with delivering(box, tmp_path, gateways=gateways):
            await until(lambda: box.states() == ["dead", "dead"])
    assert [r["channel"] for r in box.rows()] == ["webhook", "sms"]
    assert "HTTP 422" in box.rows()[0]["reason"]
    assert box.replies() == [("failed", {"key": "1.0", "why": "raise", "person": "li"})]


async def test_the_breaker_opens_and_the_next_way_is_taken_meanwhile(box: Box, tmp_path: Path) -> None:
    async with server(lambda n: 500) as bad, server() as sms:
        box.contacts["li"] = (("webhook", bad.url), ("sms", "13812345678"))
        for k in range(8):
            box.feed(record(f"a{k}", notice(channels=["webhook", "sms"])))
        async with delivering(box, tmp_path, Limits(attempts=9), gateways={"sms_url": sms.url}):
            await until(lambda: len(box.rows(channel="sms", state="sent")) == 8, 20)
            await until(lambda: all("closed off until" in r["reason"] for r in box.rows(channel="webhook")))
            assert all(r["next_ms"] > now_ms() for r in box.rows(channel="webhook"))
    assert len(bad.got) == 5


async def test_acked_or_closed_meanwhile_it_is_not_sent_and_says_why(box: Box, tmp_path: Path) -> None:
    async with server() as hook:
        box.contacts["li"] = (("webhook", hook.url),)
        ack = [{"level": "county", "by": "wu", "at": rfc3339(now_ms()), "expires": rfc3339(now_ms() + 60_000)}]
        box.feed(record("a1", notice()), record("a1", version=2, acks=ack))
        box.feed(record("a2", notice()), record("a2", notice("2.0", "close"), version=2, handling="CLOSED"))
        async with delivering(box, tmp_path):
            await until(lambda: not box.rows(state="queued") and not box.rows(state="sending"))
    assert sorted((r["alert"], r["notice"], r["state"]) for r in box.rows()) == [
        ("a1", "1.0", "cancelled"), ("a2", "1.0", "cancelled"), ("a2", "2.0", "delivered"),
    ]  # fmt: skip
    assert "acknowledged by county" in box.rows(alert="a1")[0]["reason"]
    assert "closed" in box.rows(alert="a2", why="raise")[0]["reason"]
    assert len(hook.got) == 1


async def test_mild_ones_of_a_person_become_one_and_urgent_ones_stay_single(box: Box, tmp_path: Path) -> None:
    box.hold_ms = 300
    async with server() as hook:
        box.contacts["li"] = (("webhook", hook.url),)
        for k in range(4):
            box.feed(record(f"m{k}", notice(), severity="III" if k else "IV"))
        box.feed(record("r1", notice()), record("r2", notice(), severity="II"))
        assert len({r["next_ms"] for r in box.rows() if r["severity"] in ("III", "IV")}) == 1
        async with delivering(box, tmp_path):
            await until(lambda: set(box.states()) == {"delivered"})
    events = [json.loads(body) for _, body in hook.got]
    assert [e["data"]["severity"] for e in events] == ["I", "II", "III"]
    assert events[2]["type"] == "cityops.notice.digest"
    assert sorted(events[2]["data"]["alerts"]) == ["m0", "m1", "m2", "m3"]
    assert "共 4 条" in events[2]["data"]["text"]
    assert len(box.replies()) == 6


async def test_a_rate_limit_holds_mild_ones_and_says_so(box: Box, tmp_path: Path) -> None:
    async with server() as hook:
        box.contacts |= dict.fromkeys(("li", "wu", "yang"), (("webhook", hook.url),))
        box.feed(*(record(f"a{p}", notice(people=[p]), severity="III") for p in box.contacts))
        async with delivering(box, tmp_path, rates={"webhook": 2}):
            await until(lambda: len(box.rows(state="delivered")) == 2)
            await until(lambda: "rate limit of webhook: 2" in box.rows(state="queued")[0]["reason"])
            box.feed(record("red", notice(people=["yang"])))
            await until(lambda: box.states(alert="red") == ["delivered"])
            assert box.rows(state="queued")[0]["next_ms"] > now_ms() + 50_000


async def test_nothing_of_an_exercise_goes_out_but_to_those_enrolled(box: Box, tmp_path: Path) -> None:
    async with server() as hook:
        box.contacts |= dict.fromkeys(("li", "wu"), (("webhook", hook.url),))
        box.feed(record("t", notice(), mode="test", run="x"), topic="run.x.alerts")
        box.feed(record("e", notice(people=["li", "wu"]), mode="exercise", run="d1"), topic="run.d1.alerts")
        async with delivering(box, tmp_path) as made:
            box.text_of = made.text_of
            box.feed(record("stub", notice(), mode="test", run="x"), topic="run.x.alerts")
            box.feed(record("real", notice()))
            await until(lambda: box.states(alert="real") == ["delivered"])
    assert set(box.states(mode="exercise") + box.states(mode="test")) == {"stub"}
    assert box.rows(alert="stub")[0]["text"].startswith("【测试】红色一级")
    assert len(hook.got) == 1
    assert [p["person"] for c, p in box.replies() if c == "delivered"].count("wu") == 1  # a drill goes on


async def test_a_late_one_says_so(box: Box, tmp_path: Path) -> None:
    async with server() as hook:
        box.contacts["li"] = (("webhook", hook.url),)
        box.feed(record("a1", notice(), at_ms=now_ms() - 600_000))
        async with delivering(box, tmp_path):
            await until(lambda: box.states() == ["delivered"])
    assert json.loads(hook.got[0][1])["data"]["text"].startswith("迟发：")


async def test_a_hanging_attempt_ends_at_its_time_limit(box: Box, tmp_path: Path) -> None:
    async with server(lambda n: 0 if n == 1 else 200) as hook:
        box.contacts["li"] = (("webhook", hook.url),)
        box.feed(record("a1", notice()))
        async with delivering(box, tmp_path, timeout_s=0.3):
            await asyncio.wait_for(hook.came.wait(), 5)
            await until(lambda: box.states() == ["delivered"])
    assert box.rows()[0]["attempts"] == 1


async def test_an_approved_exercise_tells_those_enrolled_and_real_ones_do_not_wait_for_it(
    box: Box, tmp_path: Path
) -> None:
    exercises.propose(box.outbox, "d1", ["li"], "zhao", now_ms())
    box.feed(record("e0", notice(), mode="exercise", run="d1"), topic="run.d1.alerts")
    assert box.states(alert="e0") == ["stub"]  # one person is not enough
    exercises.approve(box.outbox, "d1", "qian", now_ms())
    async with server(lambda n: 0 if n == 1 else 200) as hook:
        box.contacts |= dict.fromkeys(("li", "wu"), (("webhook", hook.url),))
        box.feed(record("e1", notice(people=["li", "wu"]), mode="exercise", run="d1"), topic="run.d1.alerts")
        async with delivering(box, tmp_path):
            await until(lambda: box.states(alert="e1", person="li") == ["sending"])
            await asyncio.wait_for(hook.came.wait(), 5)  # it hangs, at the same address
            box.feed(record("real", notice()))
            await until(lambda: box.states(alert="real") == ["delivered"])
            assert box.states(alert="e1", person="li") == ["sending"]
    assert box.states(alert="e1", person="wu") == ["stub"]
    assert json.loads(hook.got[0][1])["data"]["text"].startswith("【演练】")


async def test_a_fresh_outbox_sends_nothing_old_and_lists_it(box: Box, tmp_path: Path) -> None:
    async with server() as hook:
        box.contacts["li"] = (("webhook", hook.url),)
        box.outbox.begin({("alerts", 0): (0, 2)})
        old = now_ms() - 31 * 60_000
        box.feed(record("old", notice(), at_ms=old), record("young", notice()), record("later", notice(), at_ms=old))
        async with delivering(box, tmp_path):
            await until(lambda: box.states(alert="later") == ["delivered"])
            await until(lambda: box.states(alert="young") == ["delivered"])
    assert box.states(alert="old") == ["expired"]


async def test_the_same_records_again_make_no_second_row(box: Box) -> None:
    box.contacts["li"] = (("webhook", "http://x/"), ("sms", "1"))
    values = [record(f"a{k}", notice(channels=["webhook", "sms", "feed"], people=["li", "wu"])) for k in range(5)]
    first = box.feed(*values)
    assert len(first) == 10
    assert box.feed(*values) == []
    assert len(box.rows()) == 10


async def test_somebody_without_a_way_is_told_to_the_alert_at_once(box: Box) -> None:
    box.feed(record("a1", notice(people=["nobody"], channels=["voice", "sms"])))
    assert box.states() == ["dead"]
    assert "no contact for voice, sms" in box.rows()[0]["reason"]
    assert box.replies() == [("failed", {"key": "1.0", "why": "raise", "person": "nobody"})]


async def test_the_feed_needs_no_sending(box: Box) -> None:
    box.feed(record("a1", notice(people=[], channels=["feed"])))
    assert box.states() == ["delivered"]
    assert box.replies() == [("delivered", {"key": "1.0", "why": "raise", "person": "", "channel": "feed"})]


async def test_after_two_failures_the_next_way_begins_beside_the_first(box: Box, tmp_path: Path) -> None:
    async with server(lambda n: 500) as bad, server() as sms:
        box.contacts["li"] = (("webhook", bad.url), ("sms", "13812345678"))
        box.feed(record("a1", notice(channels=["webhook", "sms"])))
        async with delivering(box, tmp_path, gateways={"sms_url": sms.url}):
            await until(lambda: box.states(channel="sms") == ["sent"])
            assert len(bad.got) in (2, 3)
            assert box.rows(channel="webhook")[0]["state"] in ("failed", "sending")
