"""Numbers for the operations centre: alerts by severity, condition, domain and unit; alarm figures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from api import alarm_table, asking, management_table, queries
from api.context import Caller, Context, Ctx
from api.docs import ALARM_FIGURES, MANAGEMENT_FIGURES, problems
from api.errors import Problem
from geo.divisions import PREFECTURE
from streams.kpi.figures import DEEPER, Question
from streams.kpi.management import Period
from streams.kpi.response import limits_of

router = APIRouter(tags=["stats"])
MODES = ("actual", "exercise", "test")
CLASSES = ("hazard", "equipment", "all")
DAY_MS = 86_400_000
LONGEST_MS = 400 * DAY_MS
Unit = Annotated[str | None, Query(description="division code; its subtree")]
From = Annotated[str | None, Query(alias="from", description="RFC 3339; not given: 24 h before `to`")]
To = Annotated[str | None, Query(alias="to", description="RFC 3339; not given: now")]
Mode = Annotated[str, Query(description="actual, exercise or test; never mixed")]
Form = Annotated[str, Query(alias="format", description="json or csv")]


@router.get("/stats", responses=problems(401, 403, 422))
async def stats(
    ctx: Ctx,
    caller: Caller,
    unit: Unit = None,
    domain: Annotated[str | None, Query(description="comma list of domains")] = None,
    state: Annotated[str, Query(description="open, closed or all")] = "open",
    mode: Annotated[str, Query(description="actual, exercise, test or all")] = "all",
    since: Annotated[str | None, Query(description="last transition at or after this time (RFC 3339)")] = None,
    until: Annotated[str | None, Query(description="last transition at or before this time (RFC 3339)")] = None,
) -> dict[str, Any]:
    """Counts of alerts; `unit` counts by the level below the asked unit."""
    prefix = asking.unit_prefix(unit)
    fields: dict[str, Any] = {
        "domain": asking.domains(domain),
        "state": asking.one_of("state", state, asking.STATES),
        "mode": asking.one_of("mode", mode, asking.MODES),
        "since_ms": asking.moment("since", since),
        "until_ms": asking.moment("until", until),
    }
    scope = asking.scope(caller, prefix)
    wanted = queries.AlertFilter(prefix=scope.prefix, orgs=scope.orgs, **fields)
    return await asyncio.to_thread(queries.counts, ctx.store, wanted)


@router.get("/stats/alarms", responses={200: ALARM_FIGURES, **problems(401, 403, 422, 503)})
async def alarms(
    ctx: Ctx,
    caller: Caller,
    unit: Unit = None,
    since: From = None,
    until: To = None,
    mode: Mode = "actual",
    cls: Annotated[str, Query(alias="class", description="hazard, equipment or all")] = "hazard",
    operators: Annotated[str | None, Query(description="operator positions that share these alarms, 1 to 100")] = None,
    form: Form = "json",
) -> Response:
    """Alarm figures after EEMUA 191, ISA-18.2 and IEC 62682, each with its benchmark; docs/alarm-figures.md."""
    prefix = asking.unit_prefix(unit)
    from_ms, to_ms = _period(since, until)
    fields: dict[str, Any] = {
        "mode": asking.one_of("mode", mode, MODES),
        "cls": asking.one_of("class", cls, CLASSES),
        "operators": asking.whole("operators", operators, 1, 1, 100),
    }
    asking.one_of("format", form, ("json", "csv"))
    question = Question(asking.scoped(caller, prefix), from_ms, to_ms, **fields)
    _ready(ctx)
    found = await asyncio.to_thread(ctx.alarms.ask, question)
    answer = alarm_table.public(found, question, unit or caller.unit, ctx.divisions)
    return _answer(answer, form, "alarm-figures", alarm_table.as_csv)


@router.get("/stats/management", responses={200: MANAGEMENT_FIGURES, **problems(401, 403, 422, 503)})
async def leaders(
    ctx: Ctx,
    caller: Caller,
    unit: Unit = None,
    since: From = None,
    until: To = None,
    mode: Mode = "actual",
    form: Form = "json",
) -> Response:
    """Shares in time, closed, false and on line of each unit below and each organisation, with the period before and a
    year before; hours, days and places of the alerts; docs/alarm-figures.md."""
    prefix = asking.unit_prefix(unit)
    from_ms, to_ms = _period(since, until)
    mode = asking.one_of("mode", mode, MODES)
    asking.one_of("format", form, ("json", "csv"))
    question = Question(asking.scoped(caller, prefix), from_ms, to_ms, mode)
    _ready(ctx)
    depth = DEEPER.get(len(question.prefix), 12)

    def count() -> dict[str, Any]:
        sensors = management_table.sensors_by_group(ctx.registry.sensors(), question.prefix, depth)
        return ctx.alarms.management(question, depth, sensors if mode == "actual" else {})

    found, period = await asyncio.to_thread(count), Period(from_ms, to_ms)
    answer = management_table.public(found, period, unit or caller.unit, mode, ctx.divisions)
    return _answer(answer, form, "management", management_table.as_csv)


def _period(since: str | None, until: str | None) -> tuple[int, int]:
    """Epoch ms of `from` and `to`; the last day where they are not given."""
    to_ms = asking.moment("to", until)
    to_ms = int(time.time() * 1000) if to_ms is None else to_ms
    from_ms = asking.moment("from", since)
    from_ms = max(0, to_ms - DAY_MS) if from_ms is None else from_ms
    if not from_ms < to_ms <= from_ms + LONGEST_MS:
        raise asking.bad("from", "want a time before `to`, at most 400 days before it")
    return from_ms, to_ms


def _ready(ctx: Context) -> None:
    if not ctx.alarms.ready:
        raise Problem(503, "the alarm figures are being read from the database; ask again", {"Retry-After": "2"})
    ctx.alarms.limits = limits_of(ctx.policy(PREFECTURE))


def _answer(answer: dict[str, Any], form: str, name: str, as_csv: Callable[[dict[str, Any]], str]) -> Response:
    if form == "csv":
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(as_csv(answer), media_type="text/csv; charset=utf-8", headers=headers)
    return Response(orjson.dumps(answer), media_type="application/json")
