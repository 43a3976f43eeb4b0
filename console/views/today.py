"""Today: how each country stands, and a sentence with a link for everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from console.context import Console, Here
from console.page import instant, link, shown
from console.problem import words
from scv.errors import CerebroError

router = APIRouter()
OLD_MODEL_DAYS = 14
"""A champion is made anew every Monday: of one that is older somebody should know."""


ALERTS = 20
"""On the page."""


class Wrong(NamedTuple):
    """What is wrong, in a sentence, and where to look."""

    sentence: str
    address: str = ""


@router.get("/", name="today page")
def today(console: Here) -> HTMLResponse:
    """How it stands."""
    told, trouble = _told(console)
    found = list(wrong(told)) if told else []
    return shown("today", stands=told, trouble=trouble, wrong=found, alerts=_alerts(console, told))


def _alerts(console: Console, told: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Those of the last day; of a broker that does not answer none are asked, for the page would wait for it."""
    if not told or not told.get("runs", False) or "broker" in told.get("unknown", {}):
        return []
    try:
        return console.alerts()[:ALERTS]
    except CerebroError:
        return []  # what ails the broker is said already


def _told(console: Console) -> tuple[dict[str, Any] | None, str]:
    try:
        return console.status(), ""
    except CerebroError as error:
        return None, words(error)


def wrong(told: Mapping[str, Any]) -> Iterator[Wrong]:
    """Everything that somebody should look at."""
    if not told.get("runs", True):
        yield Wrong("Nothing runs: neither store nor broker answers. `cerebro up` starts them.")
    for what, why in told.get("unknown", {}).items():
        if told.get("runs", True) or what not in ("store", "broker"):
            yield Wrong(f"{what}: {why}")
    for group, members in told.get("members", {}).items():
        yield from (Wrong(f"{group} {one['member']}: {one['ails']}") for one in members if one.get("ails"))
    for pile in told.get("refused", ()):
        if pile["waiting"]:
            address = link("/letters", family=pile["family"], reason=pile["reason"])
            yield Wrong(f"{pile['waiting']:,} dead letters of {pile['family']} wait: {pile['reason']}.", address)
    for country in told.get("countries", ()):
        yield from _of_country(country)


def _of_country(country: Mapping[str, Any]) -> Iterator[Wrong]:
    code = country["code"]
    for name, why in country.get("unbuilt", {}).items():
        yield Wrong(f"{code}: the rows of {name} are not whole: {why}.", link("/fetchers", country=code))
    for one in country.get("champions", ()):
        address = link("/models", country=code)
        if one["why_not"]:
            yield Wrong(f"{code} {one['target']}: no model may answer: {one['why_not']}.", address)
        elif (days := _days(one["frozen_at"], country["now"])) > OLD_MODEL_DAYS:
            yield Wrong(f"{code} {one['target']}: its model is {days} days old.", address)
    for slot in country.get("due", ()):
        at_work = " It is at work." if country.get("at_work") else ""
        line = " ".join(("cerebro", slot["work"], code, "-d", slot["date"]))
        yield Wrong(
            f"{code}: {slot['work']} of {slot['date']} is due ({line}).{at_work}", link("/tuesdays", country=code)
        )
    if country.get("rows_to") is None and country.get("clock"):
        yield Wrong(f"{code}: nobody knows how complete its rows are, at {instant(country['now'])}.")


def _days(then: str | None, now: str | None) -> int:
    if not then or not now:
        return 0
    return (datetime.fromisoformat(now) - datetime.fromisoformat(then)).days
