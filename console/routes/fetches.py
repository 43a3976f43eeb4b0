"""Jobs: fetches that are launched, followed, cancelled and begun again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from console import problem
from console.context import Console, Here, problems
from console.jobs import OPEN, Cell, Crowded, KeyTaken
from console.order import MOST_CELLS, FetchOrder, understood
from console.problem import NotGranted
from console.routes.replies import JobsReply, WholeJobReply
from scv.events import country as countries

MOST_OPEN = 32
"""Jobs that wait or run; the next one is told to come again."""
LOOK_S = 0.2
"""How often a follower's job is looked at."""
JobId = Annotated[str, Path(examples=["5f1c0a9be0d4e7a2"], description="As the job was answered with.")]

router = APIRouter(prefix="/api/v1", tags=["fetches"])


@router.post(
    "/fetches", name="launch fetch", status_code=202, response_model=WholeJobReply, responses=problems(409, 422, 429)
)
def launch(
    order: FetchOrder,
    console: Here,
    response: Response,
    idempotency_key: Annotated[str | None, Header(max_length=200, description="The same key: the same job.")] = None,
) -> dict[str, Any]:
    """Launch a fetch: a job of country × date × fetcher cells.

    Snapshots that stand and would be written again byte by byte are kept. One cell that fails stops no other.
    """
    wrong = list[tuple[str, str]]()
    plan = understood(order, console.settings, lambda pointer, error: wrong.append((pointer, problem.words(error))))
    if wrong:
        raise NotGranted(422, "\n".join(dict.fromkeys(words for _, words in wrong)), wrong)
    if (many := len(plan.cells())) > MOST_CELLS:
        raise NotGranted(
            422, f"{many:,} cells are more than one job takes ({MOST_CELLS:,}). Ask for fewer dates at once."
        )
    places = {code: countries.load(code, console.settings.countries_path) for code in plan.references}
    try:
        job_id = console.jobs.add(plan, places, idempotency_key, MOST_OPEN)
    except KeyTaken:
        raise NotGranted(409, "This Idempotency-Key stands for another order. Take a new one.") from None
    except Crowded:
        raise _crowded() from None
    console.runner.wake()
    response.headers["Location"] = f"/api/v1/fetches/{job_id}"
    return _whole(console, job_id)


@router.get("/fetches", name="list fetches", response_model=JobsReply)
def listed(console: Here) -> dict[str, Any]:
    """The newest 50 jobs, without their cells."""
    return {"jobs": console.listed()}


@router.get("/fetches/{job_id}", name="show fetch", response_model=WholeJobReply, responses=problems(404))
def shown(job_id: JobId, console: Here) -> dict[str, Any]:
    """A job and what became of each of its cells."""
    return _whole(console, job_id)


@router.post("/fetches/{job_id}/cancel", name="cancel fetch", response_model=WholeJobReply, responses=problems(404))
def cancel(job_id: JobId, console: Here) -> dict[str, Any]:
    """End a job. What it published stays; a job that ended already is left as it is."""
    console.job(job_id)
    console.runner.cancel(job_id)
    return _whole(console, job_id)


@router.post(
    "/fetches/{job_id}/resume",
    name="resume fetch",
    status_code=202,
    response_model=WholeJobReply,
    responses=problems(404, 429),
)
def resume(job_id: JobId, console: Here, response: Response) -> dict[str, Any]:
    """Begin what a job asked for again, as a new job: cells whose tables stand and are of the same Stamp are kept.

    A job that has not ended is answered as it is.
    """
    if console.job(job_id)["state"] in OPEN:
        return _whole(console, job_id)
    plan = console.jobs.plan(job_id)
    places = {code: console.country(code) for code in plan.references}
    try:
        again = console.jobs.add(plan, places, None, MOST_OPEN)
    except Crowded:
        raise _crowded() from None
    console.runner.wake()
    response.headers["Location"] = f"/api/v1/fetches/{again}"
    return _whole(console, again)


def _known(job_id: JobId, console: Here) -> str:
    console.job(job_id)
    return job_id


@router.get(
    "/fetches/{job_id}/events", name="follow fetch", response_class=EventSourceResponse, responses=problems(404)
)
async def follow(
    job_id: Annotated[str, Depends(_known)],
    console: Here,
    last_event_id: Annotated[str, Header(description="Go on after this change.")] = "",
) -> AsyncIterator[ServerSentEvent]:
    """Follow a job as server-sent events: `cell` for each that changed, `job` after them, `end` when it has ended.

    An event's id is the number of the change; who reconnects with it as Last-Event-ID misses nothing.
    """
    seen = int(last_event_id) if last_event_id.isdecimal() and len(last_event_id) < 19 else -1
    while True:
        job, cells = await run_in_threadpool(_since, console, job_id, seen)
        if job is None:
            return
        if job["change"] > seen:
            for cell in cells:
                yield ServerSentEvent(data=_reply(cell), event="cell")
            seen = job["change"]
            yield ServerSentEvent(data=job, event="job", id=str(seen))
        if job["state"] not in OPEN:
            yield ServerSentEvent(data=job, event="end", id=str(seen))
            return
        await asyncio.sleep(LOOK_S)


def _crowded() -> NotGranted:
    told = f"{MOST_OPEN} jobs wait already. Come again when some have ended."
    return NotGranted(429, told, headers={"Retry-After": "30"})


def _since(console: Console, job_id: str, seen: int) -> tuple[dict[str, Any] | None, Iterable[Cell]]:
    """A job as it is, and the cells that changed; what changes in between is told again the next time."""
    return console.jobs.job(job_id), console.jobs.cells(job_id, seen)


def _whole(console: Console, job_id: str) -> dict[str, Any]:
    return console.job(job_id) | {"cells": [_reply(cell) for cell in console.jobs.cells(job_id)]}


def _reply(cell: Cell) -> dict[str, Any]:
    return {name: getattr(cell, name) for name in cell.__struct_fields__}
