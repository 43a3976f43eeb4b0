"""One customer: what is known now, what past Tuesdays said, and a stream that tells of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from console.context import Console, Here, Looking, Place, problems
from console.customer import CustomerFile, asked_ids
from console.problem import NotGranted, words
from console.routes.customer_replies import CustomerReply, HistoryReply
from scv.errors import CerebroError
from scv.events.country import Country
from scv.events.hashed_id import key_of

LOOK_S = 1.0
"""How often a followed customer's row is looked at."""
MOST_FOLLOWED = 48
"""Streams at once; the next one is told to come again."""
LONGEST_S = 3600
"""A stream ends after so long: a page asks for the next by itself."""

router = APIRouter(prefix="/api/v1", tags=["customers"])


def _customer(
    console: Here,
    customer_id: Annotated[str, Path(examples=["900"], description="The id, percent-encoded.")],
    id: Annotated[
        str | None, Query(description="Instead of the path's, for an id that no path can carry, such as `..`.")
    ] = None,
    hash_id: Annotated[
        bool, Query(description="Ask about the hash of this id, as `cerebro replay --hash-ids` sent.")
    ] = False,
) -> str:
    found = customer_id if id is None else id
    asked_ids([found])
    return key_of(console.settings).hashed(found) if hash_id else found


Asked = Annotated[str, Depends(_customer)]


def _room(console: Here) -> None:
    """Raises NotGranted where too many follow already: before the reply has begun."""
    if console.followed >= MOST_FOLLOWED:
        told = f"{MOST_FOLLOWED} customers are followed already. Come again later, or ask from time to time."
        raise NotGranted(429, told, headers={"Retry-After": "30"})


@router.get(
    "/customers/{country}/{customer_id:path}/history",
    name="customer history",
    response_model=HistoryReply,
    responses=problems(404, 422),
)
def history(
    country: Place,
    customer: Asked,
    console: Here,
    viewer: Looking,
    weeks: Annotated[int, Query(ge=1, le=260, description="At most so many of the newest Tuesdays.")] = 26,
) -> dict[str, Any]:
    """What past Tuesdays said of a customer, oldest first, and the main variables at the references of snapshots."""
    return CustomerFile(console, country, customer, viewer).history(weeks)


@router.get(
    "/customers/{country}/{customer_id:path}/events",
    name="follow customer",
    response_class=EventSourceResponse,
    responses=problems(404, 422, 429),
    dependencies=[Depends(_room)],
)
async def follow(country: Place, customer: Asked, console: Here) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: `row` now, and again whenever an event has changed what the customer's row holds.

    The data say when that was; ask for the customer again. `trouble` says once why nothing can be read.
    """
    console.followed += 1
    try:
        seen, told = "", ""
        for _ in range(int(LONGEST_S / LOOK_S)):
            marks, at, trouble = await run_in_threadpool(_looked, console, country, customer)
            if trouble and trouble != told:
                yield ServerSentEvent(data={"trouble": trouble}, event="trouble")
            elif not trouble and marks != seen:
                seen = marks
                yield ServerSentEvent(data={"country": country.code, "at": at}, event="row")
            told = trouble
            await asyncio.sleep(LOOK_S)
    finally:
        console.followed -= 1


@router.get(
    "/customers/{country}/{customer_id:path}",
    name="customer",
    response_model=CustomerReply,
    responses=problems(404, 422, 503),
)
def customer(
    country: Place,
    customer: Asked,
    console: Here,
    viewer: Looking,
    events: Annotated[int, Query(ge=0, le=1000, description="At most so many of the newest events.")] = 50,
) -> dict[str, Any]:
    """What is known of a customer now: the row, the scores with their reasons, the newest events that count.

    What could not be asked is named in `trouble`; where nothing could, the answer is 503.
    """
    found = CustomerFile(console, country, customer, viewer).told(events)
    if found["known"] is False:
        raise NotGranted(404, f"Unknown customer of {country.code}: nobody of this id in any family.")
    if found["known"] is None and found["trouble"]:
        raise NotGranted(503, "\n".join(dict.fromkeys(found["trouble"].values())))
    return found


def _looked(console: Console, country: Country, customer: str) -> tuple[str, Any, str]:
    try:
        row = console.live.row(country, customer)
        return row.marks, row.at, ""
    except CerebroError as error:
        return "", None, words(error)
