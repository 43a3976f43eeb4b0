"""Every variable in words, what it is made of, which models read it, and how it lies in a country's newest snapshot."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from console.context import Console, Here, problems
from console.problem import words
from scv.errors import CerebroError
from scv.events.country import Country
from scv.features import catalogue, derived, fetcher
from scv.fetchers import roles
from scv.model import champion, registry

router = APIRouter(prefix="/api/v1", tags=["catalogue"])


class VariableReply(BaseModel):
    """One variable. What is of a country is null where none is asked for, or it has no snapshot."""

    name: str = Field(description="Full name.", examples=[roles.SILENCE])
    fetcher: str = Field(examples=["orders"])
    doc: str = Field(description="What it means.", examples=["Days since the last order."])
    unit: str = Field(examples=["days"])
    type: str = Field(examples=["int"])
    window: str = Field(description="What it reaches, in words.", examples=["ever"])
    fold: str = Field(examples=["DaysSince"])
    events: str = Field(description="Family and kinds.", examples=["orders: placed"])
    sayable: bool = Field(description="Has it words that may be said aloud?", examples=[True])
    fingerprint: str = Field(description="Of what it computes.", examples=["1a2b3c4d"])
    models: list[str] = Field(description="Champions of the country that read it.", examples=[["lapse"]])
    missing: float | None = Field(description="Share of customers without a value.", examples=[0.02])
    edges: list[float] | None = Field(description="Of the histogram's bars.", examples=[[0, 7, 14]])
    counts: list[int] | None = Field(description="Customers in each bar.", examples=[[120, 80]])
    words: dict[str, int] | None = Field(description="The commonest words, of a text.", examples=[None])


class CatalogueReply(BaseModel):
    """All variables; `reference` and `customers` of the snapshot that was looked at."""

    country: str | None = Field(examples=["US"])
    reference: str | None = Field(examples=["2017-09-05"])
    customers: int | None = Field(examples=[2439])
    variables: list[VariableReply]
    trouble: str = Field(description="Why nothing is told of a snapshot.", examples=[""])


@router.get("/catalogue", name="catalogue", response_model=CatalogueReply, responses=problems(404))
def catalogue_of(
    console: Here,
    country: Annotated[
        str | None, Query(max_length=100, examples=["US"], description="Also how they lie there.")
    ] = None,
) -> dict[str, Any]:
    """Every variable: words, unit, window, events; of a country its histogram at the newest snapshot, the share that is
    missing, and the champions that read it.
    """
    return told(console, None if country is None else console.country(country))


def told(console: Console, country: Country | None) -> dict[str, Any]:
    """The same as a value."""
    spread, trouble = dict[str, Any](), ""
    if country is not None:
        try:
            spread = console.spreads.of(country)
        except CerebroError as error:
            trouble = words(error)
    readers = {} if country is None else readers_of(console, country)
    features, nothing = spread.get("features", {}), dict.fromkeys(("missing", "edges", "counts", "words"))
    return {
        "country": country.code if country else None,
        "reference": spread.get("reference"),
        "customers": spread.get("customers"),
        "variables": [
            one | {"models": readers.get(one["name"], [])} | nothing | features.get(one["name"], {})
            for one in catalogue.entries()
        ],
        "trouble": trouble,
    }


def readers_of(console: Console, country: Country) -> dict[str, list[str]]:
    """Feature → the targets whose champions read it, by itself or in a derived column."""
    found: dict[str, list[str]] = {}
    known, computed = fetcher.all_features(), derived.collect()
    for target in country.targets:
        try:
            pointer = champion.pointer(champion.folder(console.settings, country.code, target))
            info = registry.entry(console.settings, country, target, pointer.id).info if pointer else None
        except CerebroError:
            continue
        for column in info.columns if info else ():
            inputs = computed[column.name].inputs if column.name in computed else ()
            for name in (column.name, *inputs):
                if name in known.keys() | computed.keys() and target not in found.setdefault(name, []):
                    found[name].append(target)
    return found
