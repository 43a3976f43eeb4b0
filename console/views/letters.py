"""Dead letters: counted, looked at, sent again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from console.context import Here
from console.page import shown
from console.problem import words
from scv.errors import CerebroError

router = APIRouter()
SHOWN = 20


@router.get("/letters", name="dead letters page")
def letters(
    console: Here,
    family: Annotated[str, Query(max_length=100)] = "",
    reason: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """How many wait; of a family and reason that are named, the newest."""
    found: dict[str, Any] = {"piles": [], "letters": [], "why": ""}
    try:
        found["piles"] = console.rooms.letters.piles()
        if family or reason:
            chosen = [family] if family else [], [reason] if reason else []
            found["letters"] = console.rooms.letters.letters(*chosen, SHOWN)
    except CerebroError as error:
        found["why"] = words(error)
    return shown("letters", family=family, reason=reason, **found)
