"""The web API and the page, as one ASGI app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from console import login, page, problem
from console.audit_file import AuditFile
from console.door import Doorkeeper, Entrance
from console.guard import Guard
from console.jobs import OPEN, Cell, Crowded, Jobs, KeyTaken
from console.order import MOST_CELLS, FetchOrder, understood
from console.problem import MEDIA, NotGranted, Problem
from console.replies import HealthReply, JobsReply, WholeJobReply
from console.runner import Runner
from console.status import EXAMPLE, version
from console.visit import visit
from scv.errors import CerebroError
from scv.events import country as countries
from scv.settings import Settings

MOST_OPEN = 32
"""Jobs that wait or run; the next one is told to come again."""
LOOK_S = 0.2
"""How often a follower's job is looked at."""
LOCAL = ("localhost", "127.0.0.1", "::1")
DESCRIPTION = """Launches fetches of the single customer view and follows them. Errors are problem documents (RFC 9457)
in the sentences of the command line."""
Status = Callable[[], dict[str, Any]]


class Console:
    """What the routes share."""

    def __init__(self, settings: Settings, jobs: Jobs, runner: Runner, status: Status) -> None:
        self.settings, self.jobs, self.runner, self.status = settings, jobs, runner, status

    def job(self, job_id: str) -> dict[str, Any]:
        """A job that there is. Raises NotGranted."""
        found = self.jobs.job(job_id)
        if found is None:
            raise NotGranted(404, f"Unknown job {job_id[:40]!r}. GET /api/v1/fetches lists the newest.")
        return found


def make(
    settings: Settings,
    jobs: Jobs,
    runner: Runner,
    status: Status,
    hosts: Collection[str] = LOCAL,
    entrance: Entrance | None = None,
) -> FastAPI:
    """The app; `hosts` are the names under which it may be asked, none: any. It runs the runner while it lives. Without
    an `entrance` whoever asks is the local admin."""
    audit = AuditFile(settings.audit_path, settings.audit_days)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        runner.start()
        yield
        await run_in_threadpool(runner.stop)
        audit.close()

    app = FastAPI(
        title="Cerebro", version=version(), description=DESCRIPTION, lifespan=life,
        docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json",  # their pages load scripts from a CDN
    )  # fmt: skip
    app.state.console = Console(settings, jobs, runner, status)
    app.include_router(api)
    app.include_router(pages)
    app.include_router(login.router)
    problem.install(app)
    app.state.entrance, app.state.audit = entrance, audit
    app.add_middleware(Doorkeeper, entrance=entrance, audit=audit, countries_of=jobs.countries)
    app.add_middleware(Guard, hosts=hosts)
    return app


def _console(request: Request) -> Console:
    found: Console = request.app.state.console
    return found


Here = Annotated[Console, Depends(_console)]


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    words = {
        404: "There is no such job.",
        409: "The key was used.",
        422: "It cannot be done as asked.",
        429: "Too many.",
    }
    return {one: {"model": Problem, "description": words[one], "content": {MEDIA: {}}} for one in statuses}


api = APIRouter(prefix="/api/v1")
pages = APIRouter(include_in_schema=False)


@api.post(
    "/fetches", status_code=202, response_model=WholeJobReply, responses=_problems(409, 422, 429), tags=["fetches"]
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
        told = f"{MOST_OPEN} jobs wait already. Come again when some have ended."
        raise NotGranted(429, told, headers={"Retry-After": "30"}) from None
    console.runner.wake()
    response.headers["Location"] = f"/api/v1/fetches/{job_id}"
    return _whole(console, job_id)


@api.get("/fetches", response_model=JobsReply, tags=["fetches"])
def listed(console: Here) -> dict[str, Any]:
    """The newest 50 jobs, without their cells."""
    return {"jobs": _his(console.jobs.listed())}


@api.get("/fetches/{job_id}", response_model=WholeJobReply, responses=_problems(404), tags=["fetches"])
def shown(job_id: str, console: Here) -> dict[str, Any]:
    """A job and what became of each of its cells."""
    return _whole(console, job_id)


@api.post("/fetches/{job_id}/cancel", response_model=WholeJobReply, responses=_problems(404), tags=["fetches"])
def cancel(job_id: str, console: Here) -> dict[str, Any]:
    """End a job. What it published stays; a job that ended already is left as it is."""
    console.job(job_id)
    console.runner.cancel(job_id)
    return _whole(console, job_id)


def _known(job_id: str, console: Here) -> str:
    console.job(job_id)
    return job_id


@api.get("/fetches/{job_id}/events", response_class=EventSourceResponse, responses=_problems(404), tags=["fetches"])
async def follow(
    job_id: Annotated[str, Depends(_known)],
    console: Here,
    last_event_id: Annotated[str, Header(description="Go on after this change.")] = "",
) -> AsyncIterator[ServerSentEvent]:
    """Follow a job as server-sent events: `cell` for each that changed, `job` after them, `end` when it has ended.

    An event's id is the number of the change; who reconnects with it as Last-Event-ID misses nothing.
    """
    seen = int(last_event_id) if last_event_id.isdigit() else -1
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


def _since(console: Console, job_id: str, seen: int) -> tuple[dict[str, Any] | None, Iterable[Cell]]:
    """A job as it is, and the cells that changed; what changes in between is told again the next time."""
    return console.jobs.job(job_id), console.jobs.cells(job_id, seen)


@api.get("/status", responses={200: {"content": {"application/json": {"example": EXAMPLE}}}}, tags=["status"])
def status(console: Here) -> dict[str, Any]:
    """How it stands, as `cerebro status --json`: what runs, how far it is, what was refused, made and is due.

    `unknown` names what could not be asked, and why. Not older than two seconds.
    """
    return _his_status(console)


@api.get("/health", response_model=HealthReply, tags=["status"])
def health() -> dict[str, str]:
    """The console answers."""
    return {"status": "alive"}


def _his(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The jobs whose countries the caller may see."""
    return [job for job in jobs if visit().may_see(job["countries"])]


def _his_status(console: Console) -> dict[str, Any]:
    """How his countries stand."""
    told = console.status()
    return {**told, "countries": [one for one in told.get("countries", ()) if visit().may_see([one["code"]])]}


def _whole(console: Console, job_id: str) -> dict[str, Any]:
    return console.job(job_id) | {"cells": [_reply(cell) for cell in console.jobs.cells(job_id)]}


def _reply(cell: Cell) -> dict[str, Any]:
    return {name: getattr(cell, name) for name in cell.__struct_fields__}


@pages.get("/", response_class=HTMLResponse)
def overview(console: Here) -> str:
    """Status, running jobs, and a form that starts a fetch."""
    try:
        told = _his_status(console)
    except CerebroError as error:
        told = {"trouble": problem.words(error)}
    codes = [one for one in sorted(countries.known(console.settings.countries_path)) if visit().may_see([one])]
    return page.overview(told, _his(console.jobs.listed()), codes)


@pages.get("/console.js")
def script() -> Response:
    return Response(_file("console.js"), media_type="text/javascript; charset=utf-8")


@pages.get("/console.css")
def style() -> Response:
    return Response(_file("console.css"), media_type="text/css; charset=utf-8")


def _file(name: str) -> bytes:
    return Path(__file__).with_name(name).read_bytes()
