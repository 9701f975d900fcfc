"""Lists of duty, newest first, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import orjson
from fastapi import Path, Query
from starlette.responses import Response

from api import asking
from api.context import Context
from api.duty_scope import require
from api.roles import Principal
from api.store import Store

LIMIT, MAX_LIMIT = 100, 500
Text = str | None
Unit = Annotated[Text, Query(description="unit code; its subtree")]
Limit = Annotated[Text, Query(description="1 to 500")]
Page = Annotated[Text, Query(description="`next` of the page before")]
RowId = Annotated[int, Path(ge=1, le=2**31 - 1)]  # what the table's column can hold
Row = dict[str, Any]


def asked(limit: Text, page: Text) -> tuple[int, int]:
    """(how many rows, those before which id)."""
    return asking.whole("limit", limit, LIMIT, 1, MAX_LIMIT), asking.whole("page", page, 10**9, 1, 10**9)


async def of_subtree(
    ctx: Context,
    caller: Principal,
    unit: Text,
    limit: Text,
    page: Text,
    read: Callable[[Store, str, int, int], Sequence[Row]],
    public: Callable[[Row], Row],
) -> Response:
    """A page of what `read` finds below a unit that the caller sees."""
    wanted = asking.unit_prefix(unit)
    number, before = asked(limit, page)
    require(caller, "see who is on duty")
    rows = await asyncio.to_thread(read, ctx.store, asking.scoped(caller, wanted), number + 1, before)
    return paged([public(r) for r in rows], number)


def paged(items: list[Row], limit: int) -> Response:
    """One page of rows by id; one more than `limit` was asked for, to know whether there is another."""
    token = str(items[limit - 1]["id"]) if len(items) > limit else None
    return Response(orjson.dumps({"items": items[:limit], "next": token}), media_type="application/json")
