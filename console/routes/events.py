"""Events over HTTP, for a shop without a Kafka client: all are taken, or none."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from console.context import Here, problems
from console.problem import NotGranted

MOST = 1_000
"""Events in one request."""
LINES = ("application/x-ndjson", "application/jsonl", "application/jsonlines", "application/x-jsonlines")
AT = "2026-11-26T10:00:00Z"
ORDER = {"kind": "placed", "id": "o-10024", "country": "NL", "customer_id": "900", "occurred_at": AT,
         "amount_cents": 4590, "items": 3}  # fmt: skip

router = APIRouter(prefix="/api/v1", tags=["events"])


class PlaceReply(BaseModel):
    """Where an event lies."""

    family: str = Field(examples=["orders"])
    topic: str = Field(examples=["cerebro.orders"])
    partition: int = Field(examples=[1])
    offset: int | None = Field(
        description="null: the broker had it already from an earlier try of the same request.", examples=[10_024]
    )


class IgnoredReply(BaseModel):
    """A field that nobody reads."""

    pointer: str = Field(examples=["/0/colour"])
    detail: str = Field(examples=["Nobody reads this field."])


class TakenReply(BaseModel):
    """Every event is safe. `events` in the order given."""

    taken: int = Field(examples=[1])
    events: list[PlaceReply]
    ignored: list[IgnoredReply] = Field(description="Fields that nobody reads; their events count all the same.")


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"One event, an array of up to {MOST:,}, or as many lines, as `cerebro schemas` prints them.",
        "content": {
            "application/json": {
                "schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
                "example": ORDER,
            },
            LINES[0]: {"schema": {"type": "string"}, "example": msgspec.json.encode(ORDER).decode()},
        },
    }
}


async def _records(request: Request) -> list[bytes]:
    """The events of a body, each as its own bytes. Raises NotGranted."""
    body, kind = await request.body(), request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in LINES:
        found = [line for line in body.splitlines() if line.strip()]
    elif kind == "application/json":
        found = _of_json(body)
    else:
        raise NotGranted(415, f"Send application/json, or {LINES[0]} with an event a line; this is {kind[:60]!r}.")
    if not found:
        raise NotGranted(422, "There is no event in it.")
    if len(found) > MOST:
        raise NotGranted(413, f"{len(found):,} events are more than one request may bring ({MOST:,}). Send them apart.")
    return found


def _of_json(body: bytes) -> list[bytes]:
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        if body.lstrip()[:1] == b"[":
            return [bytes(one) for one in msgspec.json.decode(body, type=list[msgspec.Raw])]
        return [bytes(msgspec.json.decode(body, type=msgspec.Raw))]
    raise NotGranted(422, "The body is no JSON.", [("", "The body is no JSON.")])


@router.post(
    "/events", name="send events", status_code=202, response_model=TakenReply, openapi_extra=_BODY,
    responses=problems(413, 415, 422, 429, 503),
)  # fmt: skip
async def take(records: Annotated[list[bytes], Depends(_records)], console: Here) -> dict[str, Any]:
    """Send events: looked at as the consumers will, put under their key in the partition of their key, and safe when
    this answers.

    Where any field of any event is wrong none is sent, and every bad field is named by its pointer (`/3/amount_cents`
    is of the fourth event). The same request again is harmless: an event counts once by its id and instant. While too
    many are on their way the answer is 429: come again after Retry-After.
    """
    places, ignored = await run_in_threadpool(console.rooms.door.take, records)
    told = [{"pointer": pointer, "detail": why} for pointer, why in ignored[:100]]
    return {"taken": len(places), "events": places, "ignored": told}
