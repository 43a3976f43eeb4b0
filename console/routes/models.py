"""Models: which there are, which answers and why, its report, and another one promoted or the last one brought back."""

from __future__ import annotations

import math
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from console.context import Console, Here, Place, problems
from console.problem import NotGranted, words
from scv.errors import CerebroError, UnknownName
from scv.events.country import Country
from scv.model import bundle, champion, registry
from scv.model.registry import Entry
from scv.stamp import sha256_of

router = APIRouter(prefix="/api/v1", tags=["models"])
TargetName = Annotated[str, Path(max_length=100, examples=["lapse"], description="A target of the country.")]
ModelId = Annotated[str, Path(max_length=200, examples=["2017-09-05-1a2b3c4d"], description="Of a model.")]


class ModelReply(BaseModel):
    """A model on disk."""

    country: str = Field(examples=["US"])
    target: str = Field(examples=["lapse"])
    id: str = Field(examples=["2017-09-05-1a2b3c4d"])
    answers: bool = Field(description="Is it the champion?", examples=[True])
    shadow: bool = Field(description="Is it asked beside the champion, and never heard?", examples=[False])
    trouble: str = Field(description="Why it may not answer; empty: it may.", examples=[""])
    since: datetime | None = Field(description="Last promoted.", examples=["2017-09-05T06:00:00Z"])
    why: str = Field(description="The reason that was given.", examples=["better on past weeks"])
    frozen_at: datetime | None = Field(description="Its reference.", examples=["2017-09-05T04:00:00Z"])
    figures: dict[str, float] = Field(description="On customers that a fit had not seen.", examples=[{"auc": 0.81}])


class ModelsReply(BaseModel):
    """Models, oldest first within a country and target; `trouble`: country and target → why some cannot be read."""

    models: list[ModelReply]
    trouble: dict[str, str] = Field(examples=[{}])


class PromoteOrder(BaseModel):
    """Which model is to answer, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"id": "2017-09-05-1a2b3c4d", "why": "the newest drifted"}]}
    )

    id: str = Field(min_length=1, max_length=200, examples=["2017-09-05-1a2b3c4d"])
    why: str = Field(min_length=3, max_length=300, description="Kept with it.", examples=["the newest drifted"])


class RollbackOrder(BaseModel):
    """Why the model before is to answer again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"why": "complaints since Monday"}]})

    why: str = Field(min_length=3, max_length=300, description="Kept with it.", examples=["complaints since Monday"])


@router.get("/models", name="list models", response_model=ModelsReply, responses=problems(404, 422))
def listed(
    console: Here,
    country: Annotated[str | None, Query(max_length=100, examples=["US"], description="Only this one's.")] = None,
    target: Annotated[str | None, Query(max_length=100, examples=["lapse"], description="Only this target's.")] = None,
) -> dict[str, Any]:
    """Models with their figures: which answers, since when, and why."""
    places = [console.country(country)] if country else [console.country(code) for code in console.codes()]
    found, trouble = list[dict[str, Any]](), dict[str, str]()
    for place in places:
        for name in place.targets if target is None else [_target(place, target)]:
            try:
                found += of_target(console, place, name)
            except CerebroError as error:
                trouble[f"{place.code} {name}"] = words(error)
    return {"models": found, "trouble": trouble}


@router.get(
    "/models/{country}/{target}/{id}", name="show model", responses=problems(404) | {200: {"content": {
        "application/json": {"example": {"id": "2017-09-05-1a2b3c4d", "target": "lapse", "columns": []}}}}}
)  # fmt: skip
def shown(country: Place, target: TargetName, id: ModelId, console: Here) -> dict[str, Any]:
    """All that a model says of itself, as `cerebro models show --json`."""
    one = entry(console, country, _target(country, target), id)
    return fields(one, False) | {"bundle": one.info and msgspec.to_builtins(one.info, str_keys=True)}


@router.get(
    "/models/{country}/{target}/{id}/report",
    name="model report",
    response_class=HTMLResponse,
    responses=problems(404),
)
def report(country: Place, target: TargetName, id: ModelId, console: Here) -> HTMLResponse:
    """The report that was written with a model, if one was: a page of its own that loads nothing."""
    one = entry(console, country, _target(country, target), id)
    path = one.path / bundle.REPORT
    if not path.is_file():
        raise NotGranted(404, f"No report was written with {one.id} (`cerebro train --no-report`).")
    body = path.read_bytes()
    hashes = msgspec.json.decode((one.path / bundle.MANIFEST).read_bytes(), type=dict[str, str])
    if hashes.get(bundle.REPORT) != sha256_of(body):
        raise NotGranted(503, f"The report of {one.id} is not what was written. Train a new model, or bring it back.")
    return document(body.decode())


@router.post(
    "/models/{country}/{target}/promote", name="promote model", response_model=ModelReply,
    responses=problems(404, 422, 503),
)  # fmt: skip
def promote(country: Place, target: TargetName, order: PromoteOrder, console: Here) -> dict[str, Any]:
    """Let a model answer. One that may not (other definitions, damaged) is refused. Scorers take it within seconds."""
    return _promoted(console, country, entry(console, country, _target(country, target), order.id), order.why)


@router.post(
    "/models/{country}/{target}/rollback", name="roll back model", response_model=ModelReply,
    responses=problems(404, 422, 503),
)  # fmt: skip
def rollback(country: Place, target: TargetName, order: RollbackOrder, console: Here) -> dict[str, Any]:
    """Let the model that answered before the champion answer again; twice goes back and forth."""
    earlier = registry.before(console.settings, country, _target(country, target))
    return _promoted(console, country, earlier, order.why)


def _promoted(console: Console, country: Country, one: Entry, why: str) -> dict[str, Any]:
    registry.promote(console.settings, country, one, why)
    return fields(registry.answering(console.settings, country, one.target), False)


def of_target(console: Console, country: Country, target: str) -> Iterator[dict[str, Any]]:
    """Its models, oldest first. Raises CorruptBundle for a pointer that cannot be read."""
    shadow = champion.pointer(champion.folder(console.settings, country.code, target), champion.SHADOW)
    for one in registry.entries(console.settings, country, target):
        yield fields(one, shadow is not None and shadow.id == one.id)


def fields(one: Entry, shadow: bool) -> dict[str, Any]:
    """An entry as it is told: without the folder that it lies in."""
    figures: Mapping[str, Any] = one.figures
    numbers = {name: float(value) for name, value in figures.items() if value is not None and math.isfinite(value)}
    return {
        "country": one.country,
        "target": one.target,
        "id": one.id,
        "answers": one.answers,
        "shadow": shadow,
        "trouble": words(one.trouble),
        "since": one.since,
        "why": one.why,
        "frozen_at": one.info.reference if one.info else None,
        "figures": numbers,
    }


def entry(console: Console, country: Country, target: str, id: str) -> Entry:
    """A model that there is. Raises NotGranted."""
    try:
        return registry.entry(console.settings, country, target, id)
    except UnknownName as error:
        raise NotGranted(404, words(error)) from None


def _target(country: Country, name: str) -> str:
    if name not in country.targets:
        raise NotGranted(404, words(UnknownName("target", name, country.targets)))
    return name


_STYLE = re.compile(r"<style>(.*?)</style>", re.S)


def document(text: str) -> HTMLResponse:
    """A report as a page of its own: nothing in it runs or loads, and only its own style counts."""
    styles = [b64encode(sha256(one.encode()).digest()).decode() for one in _STYLE.findall(text)]
    allowed = " ".join(f"'sha256-{one}'" for one in styles) or "'none'"
    policy = (
        f"default-src 'none'; img-src data:; style-src {allowed}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; sandbox"
    )
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})
