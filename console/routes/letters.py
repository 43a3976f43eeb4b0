"""Dead letters: how many wait and why, what they hold, and sent again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from console.context import Here, problems

router = APIRouter(prefix="/api/v1", tags=["dead letters"])
Word = Annotated[str, Field(max_length=100)]


class PileReply(BaseModel):
    """The letters of one family and reason."""

    family: str = Field(examples=["orders"])
    reason: str = Field(examples=["wrong type"])
    waiting: int = Field(examples=[3])
    sent: int = Field(description="Sent again.", examples=[0])
    oldest: str | None = Field(description="Of those that wait.", examples=["2026-11-26T10:00:00+00:00"])
    newest: str | None = Field(examples=["2026-11-26T10:00:00+00:00"])
    words: str = Field(description="What was wrong with the last one.", examples=["Expected `int`, got `str`"])


class PilesReply(BaseModel):
    """By family and reason, the most letters first."""

    dead_letters: list[PileReply]


class LettersReply(BaseModel):
    """Letters that wait, the newest first, with all that they hold."""

    letters: list[dict[str, Any]] = Field(
        description="Each with family, reason, message, kept_at, where it lay (`from`), key, value, headers; what is "
        "no text is in base64, and `value_in` says so.",
        examples=[[{"family": "orders", "reason": "not JSON", "key": "US:900", "value": "{"}]],
    )


class SendOrder(BaseModel):
    """Which letters are to be sent again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reasons": ["wrong partition"]}]})

    families: list[Word] = Field(
        default=[], max_length=20, description="Of these; none: of all.", examples=[["orders"]]
    )
    reasons: list[Word] = Field(
        default=[], max_length=50, description="Of these; none: of all.", examples=[["wrong partition"]]
    )
    anyway: bool = Field(default=False, description="Also those that would be refused again.")


class SentReply(BaseModel):
    """What became of them, by reason."""

    sent: dict[str, int] = Field(examples=[{"wrong partition": 3}])
    left: dict[str, int] = Field(description="They would be refused again.", examples=[{}])
    why: dict[str, str] = Field(description="What is wrong with the last of those.", examples=[{}])


@router.get("/dead-letters", name="count dead letters", response_model=PilesReply, responses=problems(503))
def piles(console: Here) -> dict[str, Any]:
    """How many wait and how many were sent again, by family and reason. No customer stands in it."""
    return {"dead_letters": console.rooms.letters.piles()}


@router.get(
    "/dead-letters/letters", name="show dead letters", response_model=LettersReply, responses=problems(422, 503)
)
def letters(
    console: Here,
    family: Annotated[list[Word], Query(max_length=20, examples=[["orders"]], description="Only of these.")] = [],  # noqa: B006
    reason: Annotated[list[Word], Query(max_length=50, examples=[["not JSON"]], description="Only of these.")] = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many of the newest.")] = 20,
) -> dict[str, Any]:
    """The newest that wait, with all that they hold. Customers stand in them."""
    return {"letters": console.rooms.letters.letters(family, reason, limit)}


@router.post("/dead-letters/send", name="send dead letters", response_model=SentReply, responses=problems(422, 503))
def send(order: SendOrder, console: Here) -> dict[str, Any]:
    """Send those again that would be taken now: their own bytes, under the key that their body says."""
    return console.rooms.letters.send(order.families, order.reasons, order.anyway)
