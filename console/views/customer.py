"""Customer: found by id; the single customer view in words, the scores, their past, and what happened."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from console.context import Console, Here, Looking
from console.customer import CustomerFile
from console.page import fragment, link, percent, plain, shown
from console.viewer import Viewer, is_sayable
from pages import svg
from scv.events import calendar, customer_id
from scv.events.country import Country
from scv.events.hashed_id import key_of
from scv.features import fetcher
from scv.features.catalogue import window_text

router = APIRouter()
Code = Annotated[str, Query(max_length=100)]
Id = Annotated[str, Query(max_length=1000)]


@router.get("/customers", name="customer page")
def customer(console: Here, viewer: Looking, country: Code = "", id: Id = "", hash_id: bool = False) -> HTMLResponse:
    """The search, and the customer who was asked about."""
    asked: dict[str, Any] = {"country": country, "id": id, "hash_id": hash_id}
    given: dict[str, Any] = {"codes": console.codes(), "asked": asked, "customer": None, "why": ""}
    given["has_key"] = bool(console.settings.id_key_file)
    if not country or not id:
        return shown("customers", **given)
    if why := customer_id.why_not(id):
        return shown("customers", **given | {"why": f"That is no customer id: {why}."})
    known = key_of(console.settings).hashed(id) if hash_id else id
    found = _told(console, console.country(country), known, viewer)
    return shown("customers", **given | {"customer": found} | _followed(country, known))


@router.get("/customers/live", name="customer part")
def live(console: Here, viewer: Looking, country: Code, id: Id) -> HTMLResponse:
    """The part of the page that changes while events come in."""
    return fragment("customer", customer=_told(console, console.country(country), id, viewer))


def _followed(country: str, id: str) -> dict[str, Any]:
    """Where the page asks for what changes, and where it hears that something did."""
    return {
        "part": link("/customers/live", country=country, id=id),
        "events": link(f"/api/v1/customers/{country}/one/events", id=id),
    }


def _told(console: Console, country: Country, id: str, viewer: Viewer) -> dict[str, Any]:
    file = CustomerFile(console, country, id, viewer)
    told, past = file.told(), file.history()
    themes = [
        one | {"features": [_feature(each, country) for each in one["features"]]}
        for one in file.portrait(told["values"])
    ]
    contacts = [one for one in told["timeline"] if one["family"] == "contacts"]
    charts = [] if told["known"] is False else list(_charts(told, past, country, viewer))
    return told | {
        "themes": themes,
        "contacts": contacts,
        "charts": charts,
        "aloud_only": viewer.aloud_only,
        "money": country.money,
        "place": country,
    }


def _feature(one: dict[str, Any], country: Country) -> dict[str, Any]:
    """A value with its habit, in the words of a page."""
    value, usual, unit = (one[name] for name in ("value", "usual", "unit"))
    aloud = is_sayable(fetcher.all_features()[one["name"]])
    shown_usual = None if usual is None else plain(round(usual, 1), unit, country)
    return one | {"shown": plain(value, unit, country), "shown_usual": shown_usual, "sayable": aloud}


def _charts(told: Mapping[str, Any], past: Mapping[str, Any], country: Country, viewer: Viewer) -> Iterator[Markup]:
    """The scores over past Tuesdays and now; each main variable over the snapshots and now."""
    now = told["at"]
    if not viewer.aloud_only:
        yield _scores(told, past)
    features = fetcher.all_features()
    for name in dict.fromkeys(name for one in past["variables"] for name in one["values"]):
        labels = [calendar.label(one["at"], country)[:10] for one in past["variables"]]
        values = [_number(one["values"][name]) for one in past["variables"]]
        if now is not None:
            labels, values = [*labels, "now"], [*values, _number(told["values"].get(name))]
        fold, window = features[name].fold, features[name].window
        said = f"{fold.doc.rstrip('.')} ({window_text(window, fold)})"
        yield svg.lines(said, labels, {said: values}, functools.partial(plain, unit=fold.unit, country=country))


def _scores(told: Mapping[str, Any], past: Mapping[str, Any]) -> Markup:
    dates = list(dict.fromkeys(one["date"] for one in past["tuesdays"]))
    by_target: dict[str, dict[str, float | None]] = {}
    for one in past["tuesdays"]:
        by_target.setdefault(one["target"], {})[one["date"]] = one["probability"]
    for one in told["scores"]:
        by_target.setdefault(one["target"], {})["now"] = one["probability"]
    labels = [*dates, "now"] if told["scores"] else dates
    series = {target: [of.get(label) for label in labels] for target, of in by_target.items()}
    known = {target: values for target, values in series.items() if any(value is not None for value in values)}
    return svg.lines("Probability by target, as the lists had it and now", [one[:10] for one in labels], known, percent)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
