"""Tuesday: the weeks, a week's list with its filters and movers, and the sheet that came back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from console.context import Here
from console.page import shown
from console.problem import words
from console.routes.tuesdays import Wanted, chosen, told
from scv.errors import CerebroError
from scv.events import calendar

router = APIRouter()
ROWS = 100
"""On a page."""


@router.get("/tuesdays", name="tuesday page")
def weeks(
    console: Here,
    country: Annotated[str, Query(max_length=100)] = "",
    date: Annotated[str, Query(max_length=100)] = "",
    contact: Literal["", "LISTED", "HELD_OUT", "NOT_LISTED", "SUPPRESSED"] = "LISTED",
    band: Literal["", "low", "usual", "raised", "high"] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """The weeks of a country, and one of them."""
    codes = console.codes()
    given: dict[str, Any] = {"codes": codes, "country": country, "date": date, "contact": contact, "band": band}
    given |= {"weeks": [], "week": None, "rows": [], "of": 0, "movers": [], "why": "", "page": page, "pages": 1}
    if not country:
        return shown("tuesdays", **given)
    place = console.country(country)
    try:
        found = [told(one) for one in console.rooms.board.weeks(place)]
        week = next((one for one in found if one["date"] == date), found[0] if found and not date else None)
        given |= {"weeks": found, "week": week}
        if week is not None:
            wanted = Wanted.model_validate({"contact": contact or None, "band": band or None})
            rows = chosen(console, place, week["date"], wanted)
            movers = console.rooms.board.movers(place, calendar.reference(week["date"], place))
            some = rows[(page - 1) * ROWS : page * ROWS]
            given |= {"rows": some, "of": len(rows), "pages": max(1, -(-len(rows) // ROWS)), "movers": movers}
            given |= {"date": week["date"]}
        elif date:
            given["why"] = f"No week {date[:40]} of {place.code} is published."
    except CerebroError as error:
        given["why"] = words(error)
    return shown("tuesdays", **given, place=place)
