"""Fetchers: every variable in words, how it lies at the newest snapshot, which models read it; and a grid to fetch."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from console.context import Here
from console.page import plain, shown
from console.routes.catalogue import told
from pages import svg
from scv.events.country import Country
from scv.features import fetcher

router = APIRouter()


@router.get("/fetchers", name="fetchers page")
def fetchers(
    console: Here,
    country: Annotated[str, Query(max_length=100)] = "",
    fetcher_name: Annotated[str, Query(max_length=100, alias="fetcher")] = "",
) -> HTMLResponse:
    """All fetchers; of one that is named, its variables."""
    place = console.country(country) if country else None
    found = told(console, place)
    by_name = {name: list(some) for name, some in itertools.groupby(found["variables"], key=lambda one: one["fetcher"])}
    known = fetcher.collect()
    chosen = fetcher_name if fetcher_name in known else ""
    listed = [
        {"name": name, "doc": one.doc, "family": one.family, "count": len(one.features),
         "models": sorted({target for each in by_name[name] for target in each["models"]})}
        for name, one in known.items()
    ]  # fmt: skip
    variables = [one | {"picture": _picture(one, place)} for one in by_name.get(chosen, [])]
    return shown(
        "fetchers", codes=console.codes(), country=country, fetchers=listed, chosen=chosen, variables=variables,
        catalogue=found, dates=found["reference"] or "",
    )  # fmt: skip


def _picture(one: dict[str, Any], country: Country | None) -> Markup:
    if one["words"]:
        total = sum(one["words"].values())
        return svg.shares(one["doc"], {word: count / total for word, count in one["words"].items()}, "{:.0%}".format)
    if one["counts"]:
        return svg.histogram(
            one["doc"], one["edges"], one["counts"], lambda value: plain(round(value, 2), one["unit"], country)
        )
    return Markup("")
