"""Pages from templates: everything is escaped, and what a template lacks is an error. They ask `visit()` who looks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment

from console.visit import visit
from pages.page import environment
from scv.events.country import Country

FOLDER = Path(__file__).with_name("templates")
ROOMS = (
    ("today", "/", "Today"),
    ("customers", "/customers", "Customers"),
    ("tuesdays", "/tuesdays", "Tuesday"),
    ("worth", "/worth", "Worth"),
    ("models", "/models", "Models"),
    ("fetchers", "/fetchers", "Fetchers"),
    ("jobs", "/jobs", "Jobs"),
    ("letters", "/letters", "Dead letters"),
)
"""The pages: name, address, what is said."""


def shown(template: str, status: int = 200, **given: Any) -> HTMLResponse:
    """A page; `template` is also the name of the page that the menu marks."""
    rooms = [one for one in ROOMS if visit().may_open(one[1])]
    body = _environment().get_template(f"{template}.html").render(rooms=rooms, here=template, **given)
    return HTMLResponse(body, status)


def fragment(template: str, **given: Any) -> HTMLResponse:
    """A part of a page."""
    return HTMLResponse(_environment().get_template(f"{template}.html").render(**given))


@cache
def _environment() -> Environment:
    found = environment(FOLDER)
    found.globals["visit"] = visit
    found.filters |= {"instant": instant, "percent": percent, "link": link, "plain": plain}
    return found


def instant(value: Any) -> str:
    """An instant to the minute, in UTC.

    >>> instant("2017-09-05T04:00:00.123456+00:00"), instant(None)
    ('2017-09-05 04:00Z', '–')
    """
    if value is None or value == "":
        return "–"
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def percent(value: float | None) -> str:
    """
    >>> percent(0.1234), percent(None)
    ('12.3 %', '–')
    """
    return "–" if value is None else f"{value:.1%}".replace("%", " %")


def link(path: str, **query: Any) -> str:
    """An address of ours; whatever stands in the query is a value there and no more.

    >>> link("/customers", id="a/b?c", country="US")
    '/customers?id=a%2Fb%3Fc&country=US'
    """
    return f"{quote(path)}?{urlencode(query)}" if query else quote(path)


def plain(value: Any, unit: str = "", country: Country | None = None) -> str:
    """A value as people read it: money in the country's currency, other numbers with at most two digits.

    >>> plain(1234.5678, "orders"), plain(None), plain(True), plain(date(2017, 9, 5))
    ('1,234.57', '–', 'yes', '2017-09-05')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        if unit == "cents" and country is not None:
            return country.money(value)
        return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
    return str(value)
