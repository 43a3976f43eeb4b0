"""Jobs: a form that launches a fetch, the newest jobs, and one job's cells."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from console.context import Here
from console.page import shown
from scv.features import fetcher

router = APIRouter()
CELLS = 500
"""On a page; failed ones first."""


@router.get("/jobs", name="jobs page")
def jobs(console: Here, job: Annotated[str, Query(max_length=100)] = "") -> HTMLResponse:
    """The newest jobs, and the cells of one."""
    one: dict[str, Any] | None = None
    cells: list[Any] = []
    if job:
        one = console.job(job)
        cells = sorted(console.jobs.cells(job), key=lambda cell: cell.state != "failed")[:CELLS]
    return shown(
        "jobs",
        codes=console.codes(),
        jobs=console.listed(),
        job=one,
        cells=cells,
        fetchers=list(fetcher.collect()),
    )
