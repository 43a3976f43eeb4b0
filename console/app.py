"""The web API and the pages, as one ASGI app: one router for each resource, and every route has a name of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from console import login, problem
from console.audit_file import AuditFile
from console.context import Console
from console.door import Doorkeeper, Entrance
from console.guard import Guard
from console.jobs import Jobs
from console.rooms import Rooms
from console.routes import catalogue, customers, events, feedback, fetches, letters, models, scv, status, tuesdays
from console.runner import Runner
from console.status import version
from console.views import VIEWS
from scv.settings import Settings

LOCAL = ("localhost", "127.0.0.1", "::1")
DESCRIPTION = """The single customer view over HTTP: tables and customers, scores of now and of past Tuesdays, models,
jobs that fetch, events of shops without a Kafka client, dead letters. Errors are problem documents (RFC 9457) in the
sentences of the command line. `cerebro api` prints a line of curl for every route."""
API = (status, fetches, scv, customers, catalogue, models, tuesdays, letters, events, feedback)


def make(
    settings: Settings,
    jobs: Jobs,
    runner: Runner,
    rooms: Rooms,
    hosts: Collection[str] = LOCAL,
    entrance: Entrance | None = None,
) -> FastAPI:
    """The app; `hosts` are the names under which it may be asked, none: any. It runs the runner while it lives. Without
    an `entrance` whoever asks is the local admin."""
    console, audit = Console(settings, jobs, runner, rooms), AuditFile(settings.audit_path, settings.audit_days)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        runner.start()
        yield
        await run_in_threadpool(runner.stop)
        console.live.close()
        audit.close()

    app = _bare(life)
    app.state.console = console
    app.state.entrance, app.state.audit = entrance, audit
    problem.install(app)
    app.add_middleware(Doorkeeper, entrance=entrance, audit=audit, countries_of=jobs.countries)
    app.add_middleware(Guard, hosts=hosts)
    return app


def description() -> dict[str, Any]:
    """The API as OpenAPI 3.1, as `/api/v1/openapi.json` has it; nothing is opened for it."""
    return _bare(None).openapi()


def _bare(life: Any) -> FastAPI:
    app = FastAPI(
        title="Cerebro", version=version(), description=DESCRIPTION, lifespan=life,
        docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json",  # their pages load scripts from a CDN
    )  # fmt: skip
    for one in API:
        app.include_router(one.router)
    for view in (*VIEWS, login):
        app.include_router(view.router, include_in_schema=False)
    return app
