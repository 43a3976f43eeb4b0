"""The published Tuesdays: the weeks, a list and its files, who must not be contacted any more, a week taken back."""

from __future__ import annotations

from datetime import date as Day
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from console.context import Console, Here, Place, problems
from console.problem import NotGranted, words
from console.routes.models import document
from scv.errors import CerebroError
from scv.events import calendar
from scv.events.country import Country

router = APIRouter(prefix="/api/v1", tags=["tuesdays"])
Date = Annotated[str, Path(max_length=100, examples=["2017-09-05"], description="The week's local date.")]
ContactStatus = Literal["LISTED", "HELD_OUT", "NOT_LISTED", "SUPPRESSED"]
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class WeekReply(BaseModel):
    """A published week. What its manifest says is missing where that cannot be read; then `why_not` says so."""

    country: str = Field(examples=["US"])
    date: str = Field(examples=["2017-09-05"])
    reference: datetime | None = Field(default=None, examples=["2017-09-05T04:00:00Z"])
    list_id: str | None = Field(default=None, examples=["US-lapse-2017-09-05"])
    target: str | None = Field(default=None, examples=["lapse"])
    models: dict[str, str] = Field(description="Target → model.", examples=[{"lapse": "2017-09-05-1a2b3c4d"}])
    counts: dict[str, int] = Field(description="Customers, scored, listed, …", examples=[{"listed": 100}])
    data_complete_to: datetime | None = Field(default=None, examples=["2017-09-05T04:00:00Z"])
    files: dict[str, int] = Field(description="File → bytes.", examples=[{"scores_US_2017-09-05.csv": 120_000}])
    why_not: str = Field(description="Why it may not be used today; empty: it may.", examples=[""])


class WeeksReply(BaseModel):
    """Weeks, the newest first; `trouble`: country → why its folder cannot be read."""

    weeks: list[WeekReply]
    trouble: dict[str, str] = Field(examples=[{}])


class RowReply(BaseModel):
    """A customer in a week, of the target that the list is by."""

    customer_id: str = Field(examples=["900"])
    target: str = Field(examples=["lapse"])
    status: str = Field(examples=["SCORED"])
    phase: str | None = Field(examples=["established"])
    probability: float | None = Field(examples=[0.23])
    times_average: float | None = Field(examples=[2.1])
    risk_band: str | None = Field(examples=["raised"])
    change_since_last_week: float | None = Field(examples=[0.05])
    reason_1: str | None = Field(examples=["The last order was 16 days ago."])
    reason_2: str | None = Field(examples=[None])
    contact_status: str | None = Field(examples=["LISTED"])
    contact_reason: str | None = Field(examples=[""])
    rank: int | None = Field(examples=[7])
    weeks_on_list: int | None = Field(examples=[1])
    channels_allowed: str | None = Field(examples=["email, phone"])
    last_contact: Day | None = Field(examples=["2017-08-01"])
    value_cents: int | None = Field(examples=[45_900])
    cut_off_local: str | None = Field(description="Until then the open box can be changed.", examples=[None])


class ListReply(BaseModel):
    """Rows of a week; `of` is how many there are in all by the filters."""

    country: str = Field(examples=["US"])
    date: str = Field(examples=["2017-09-05"])
    of: int = Field(examples=[100])
    rows: list[RowReply]


class MoverReply(BaseModel):
    """Somebody whose probability changed."""

    customer_id: str = Field(examples=["900"])
    phase: str | None = Field(examples=["established"])
    risk_band: str | None = Field(examples=["raised"])
    probability: float | None = Field(examples=[0.23])
    change_since_last_week: float = Field(examples=[0.05])
    contact_status: str | None = Field(examples=["LISTED"])


class MoversReply(BaseModel):
    """Who rose most, then who fell most."""

    movers: list[MoverReply]


class RecheckReply(BaseModel):
    """Who of a list must not be contacted any more, and why."""

    list_id: str = Field(examples=["US-lapse-2017-09-05"])
    drop: dict[str, str] = Field(description="Customer → why.", examples=[{"900": "open complaint"}])


class WithdrawOrder(BaseModel):
    """Why a week is taken back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"why": "made of a broken feed"}]})

    why: str = Field(min_length=3, max_length=300, examples=["made of a broken feed"])


class WithdrawnReply(BaseModel):
    """A week that was taken back."""

    date: str = Field(examples=["2017-09-05"])
    new: bool = Field(description="Did it stand until now?", examples=[True])
    newest: str | None = Field(description="The newest that remains.", examples=["2017-08-29"])


class Wanted(BaseModel):
    """Which rows."""

    model_config = ConfigDict(extra="forbid")

    contact: ContactStatus | None = Field(default=None, description="Only these.")
    band: Literal["low", "usual", "raised", "high"] | None = Field(default=None, description="Only of this band.")
    limit: int = Field(default=200, ge=1, le=10_000, description="At most so many.")
    offset: int = Field(default=0, ge=0, le=10_000_000, description="After so many.")


@router.get("/tuesdays", name="list tuesdays", response_model=WeeksReply, responses=problems(404, 503))
def listed(
    console: Here,
    country: Annotated[str | None, Query(max_length=100, examples=["US"], description="Only this one's.")] = None,
) -> dict[str, Any]:
    """The published weeks, the newest first."""
    places = [console.country(country)] if country else [console.country(code) for code in console.codes()]
    found, trouble = list[dict[str, Any]](), dict[str, str]()
    for place in places:
        try:
            found += [told(one) for one in console.rooms.board.weeks(place)]
        except CerebroError as error:
            trouble[place.code] = words(error)
    return {"weeks": sorted(found, key=lambda one: one["date"], reverse=True), "trouble": trouble}


def told(week: dict[str, Any]) -> dict[str, Any]:
    """Without a path of this machine."""
    return week | {"why_not": words(week["why_not"])}


@router.get("/tuesdays/{country}/{date}", name="tuesday list", response_model=ListReply, responses=problems(404, 422))
def rows(country: Place, date: Date, console: Here, wanted: Annotated[Wanted, Query()]) -> dict[str, Any]:
    """The list of a week: the listed by rank, the held out, then everybody else by probability."""
    found = chosen(console, country, date, wanted)
    some = found[wanted.offset : wanted.offset + wanted.limit]
    return {"country": country.code, "date": date, "of": len(found), "rows": some}


def chosen(console: Console, country: Country, date: str, wanted: Wanted) -> list[dict[str, Any]]:
    """The rows of a week that fit."""
    every = console.rooms.board.rows(country, calendar.reference(date, country))
    return [
        row
        for row in every
        if (wanted.contact is None or row["contact_status"] == wanted.contact)
        and (wanted.band is None or row["risk_band"] == wanted.band)
    ]


@router.get(
    "/tuesdays/{country}/{date}/movers", name="tuesday movers", response_model=MoversReply,
    responses=problems(404, 422),
)  # fmt: skip
def movers(country: Place, date: Date, console: Here) -> dict[str, Any]:
    """Whose probability rose most, then fell most, since the file of a week before."""
    return {"movers": console.rooms.board.movers(country, calendar.reference(date, country))}


@router.get(
    "/tuesdays/{country}/{date}/files/{name}", name="tuesday file", response_class=Response,
    responses=problems(404, 422) | {200: {"content": {kind.partition(";")[0]: {} for kind in MEDIA.values()}}},
)  # fmt: skip
def file(
    country: Place,
    date: Date,
    name: Annotated[
        str, Path(max_length=200, examples=["scores_US_2017-09-05.csv"], description="As the week lists it.")
    ],
    console: Here,
) -> Response:
    """A file of a week, byte by byte as it was published."""
    body = console.rooms.board.file(country, calendar.reference(date, country), name)
    media = MEDIA.get(name.rpartition(".")[2], "application/octet-stream")
    return Response(body, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.post(
    "/tuesdays/{country}/{date}/recheck", name="recheck tuesday", response_model=RecheckReply,
    responses=problems(404, 422, 503),
)  # fmt: skip
def recheck(country: Place, date: Date, console: Here) -> dict[str, Any]:
    """Look at everybody of a list once more, just before contacting them, by what is known live."""
    at = calendar.reference(date, country)
    week = next((one for one in console.rooms.board.weeks(country) if one.get("reference") == at), None)
    if week is None:
        raise NotGranted(404, f"No week {date} of {country.code} is published.")
    return {"list_id": week["list_id"], "drop": console.rooms.board.recheck(country, at)}


@router.post(
    "/tuesdays/{country}/{date}/withdraw", name="withdraw tuesday", response_model=WithdrawnReply,
    responses=problems(404, 422),
)  # fmt: skip
def withdraw(country: Place, date: Date, order: WithdrawOrder, console: Here) -> dict[str, Any]:
    """Take a wrong week back: nothing of it is lost, and another one may be published under that date."""
    return console.rooms.board.withdraw(country, calendar.reference(date, country))


@router.get(
    "/worth/{country}", name="worth report", response_class=HTMLResponse, responses=problems(404, 503),
    tags=["tuesdays"],
)  # fmt: skip
def worth(country: Place, console: Here) -> HTMLResponse:
    """How right past lists were, with pictures: a page of its own that loads nothing."""
    return document(console.rooms.report(country))
