"""What the API answers with, for OpenAPI: names, words and examples."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from console.jobs import CellState, JobState


class CellReply(BaseModel):
    """One fetcher of a country at a date."""

    country: str = Field(examples=["US"])
    date: str = Field(description="The local date, or the instant.", examples=["2017-09-05"])
    fetcher: str = Field(examples=["orders"])
    state: CellState = Field(
        description="kept: its snapshot stood already and is what would be written again.", examples=["done"]
    )
    rows: int | None = Field(description="Customers with a row; null before it ended.", examples=[2439])
    seconds: float | None = Field(description="Of its fetcher at all dates together.", examples=[0.42])
    error: str = Field(description="Why it failed, in a sentence; empty otherwise.", examples=[""])


class JobReply(BaseModel):
    """A job without its cells. Instants are UTC."""

    id: str = Field(examples=["5f1c0a9be0d4e7a2"])
    state: JobState = Field(description="failed: a cell failed; all others went on.", examples=["running"])
    countries: list[str] = Field(examples=[["US"]])
    fetchers: list[str] | None = Field(description="null: all, and whole snapshots are written.", examples=[None])
    workers: int = Field(examples=[2])
    created: str = Field(examples=["2026-11-26T10:00:00.000+00:00"])
    started: str | None = Field(examples=["2026-11-26T10:00:00.010+00:00"])
    ended: str | None = Field(examples=[None])
    error: str = Field(description="Why the whole job came to nothing; empty otherwise.", examples=[""])
    counts: dict[CellState, int] = Field(description="Cells by state.", examples=[{"done": 7, "running": 4}])
    change: int = Field(description="Rises with every change: where a follower stands.", examples=[17])


class WholeJobReply(JobReply):
    """A job and its cells: country × date × fetcher."""

    cells: list[CellReply]


class JobsReply(BaseModel):
    """The newest jobs first."""

    jobs: list[JobReply]


class HealthReply(BaseModel):
    """The console answers."""

    status: Literal["alive"] = "alive"
