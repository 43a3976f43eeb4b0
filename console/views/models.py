"""Models: by country and target who answers, who is asked beside it, and what may be done about it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from console.context import Console, Here
from console.page import shown
from console.problem import words
from console.routes.models import of_target
from scv.errors import CerebroError
from scv.events.country import Country

router = APIRouter()


@router.get("/models", name="models page")
def models(console: Here, country: Annotated[str, Query(max_length=100)] = "") -> HTMLResponse:
    """The models of a country."""
    targets = []
    if country:
        place = console.country(country)
        targets = [_of(console, place, name) for name in place.targets]
    return shown("models", codes=console.codes(), country=country, targets=targets)


def _of(console: Console, country: Country, target: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": target, "models": [], "champion": None, "beside": None, "why": ""}
    try:
        models = list(of_target(console, country, target))
        found |= {"models": models[::-1], "champion": next((one for one in models if one["answers"]), None)}
        if any(one["shadow"] for one in models):
            found["beside"] = console.rooms.shadows(country, target)
    except CerebroError as error:
        found["why"] = words(error)
    return found
