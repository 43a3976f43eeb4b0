"""What somebody asks to be fetched, and what it comes to: the same questions as the command line asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from scv.errors import CerebroError
from scv.events import calendar, clock
from scv.events import country as countries
from scv.events.country import Country
from scv.features import fetcher
from scv.settings import Settings
from store.clocks import known_clock

MOST_CELLS = 20_000
"""Of one job."""
Word = Annotated[str, Field(max_length=100)]


class FetchOrder(BaseModel):
    """Which countries are to be fetched at which dates."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"countries": ["US", "ZZ"], "dates": ["2017-09-05", "2017-09-12"]}]},
    )

    countries: list[Word] = Field(min_length=1, max_length=200, description="Codes of countries.", examples=[["US"]])
    dates: list[Word] = Field(
        min_length=1,
        max_length=2000,
        description="Local dates (their midnight in each country), or instants with an offset.",
        examples=[["2017-09-05", "2017-09-12T10:00:00+02:00"]],
    )
    fetchers: list[Word] | None = Field(
        default=None,
        min_length=1,
        description="Only these: they are tried and counted, but some fetchers alone make no snapshot. Default: all.",
        examples=[["orders"]],
    )
    workers: int = Field(default=1, ge=1, le=256, description="Parallel fetchers.")


class FetchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """An order that was understood. `references` by country; `fetchers` empty: all, and whole snapshots are written."""

    references: dict[str, list[datetime]]
    fetchers: list[str]
    workers: int

    def cells(self) -> list[tuple[str, datetime, str]]:
        """(country, reference, fetcher) of each."""
        names = self.fetchers or list(fetcher.collect())
        return [(code, at, name) for code, ats in self.references.items() for at in ats for name in names]


Wrong = Callable[[str, CerebroError], None]
"""Hears what is wrong with a field, by its JSON pointer."""


def understood(order: FetchOrder, settings: Settings, wrong: Wrong) -> FetchPlan:
    """The plan of an order, as far as it can be understood; `wrong` hears of the rest."""
    chosen = _each("fetchers", order.fetchers or [], fetcher.get, wrong)
    where = _each("countries", order.countries, lambda code: countries.load(code, settings.countries_path), wrong)
    references = {one.code: _references(order.dates, one, settings, wrong) for one in where.values()}
    return FetchPlan(references=references, fetchers=list(chosen), workers=order.workers)


def _each(name: str, words: Sequence[str], look_up: Callable[[str], object], wrong: Wrong) -> Mapping[str, Any]:
    known = {}
    for place, word in enumerate(words):
        try:
            known[word] = look_up(word)
        except CerebroError as error:
            wrong(f"/{name}/{place}", error)
    return known


def _references(dates: Sequence[str], country: Country, settings: Settings, wrong: Wrong) -> list[datetime]:
    now, references = known_clock(country, settings), set[datetime]()
    for place, text in enumerate(dates):
        try:
            at = calendar.reference(text, country)
            clock.check_reference(at, now, country)
            references.add(at)
        except CerebroError as error:
            wrong(f"/dates/{place}", error)
    return sorted(references)
