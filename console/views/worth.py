"""Worth: how right past lists were, what contact did, week by week."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from console.context import Here
from console.page import shown
from console.problem import words
from pages.page import Picture
from scv.errors import CerebroError

router = APIRouter()


@router.get("/worth", name="worth page")
def worth(console: Here, country: Annotated[str, Query(max_length=100)] = "") -> HTMLResponse:
    """The feedback of a country; its pictures are in the whole report, which it links to."""
    blocks, why = [], ""
    if country:
        try:
            blocks = [one for one in console.rooms.worth(console.country(country)) if not isinstance(one, Picture)]
        except CerebroError as error:
            why = words(error)
    return shown("worth", codes=console.codes(), country=country, blocks=blocks, why=why)
