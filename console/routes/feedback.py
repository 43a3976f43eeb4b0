"""The contacts sheet that came back: what people did with a list."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from console.context import Console, Here, problems
from console.problem import NotGranted

SHEET = "sheet-"
"""How the folder begins in which a sheet lies while it is read."""
SUFFIXES = (".xlsx", ".csv", ".tsv", ".txt")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

router = APIRouter(prefix="/api/v1", tags=["tuesdays"])


class RefusedRowReply(BaseModel):
    """A row that was not taken."""

    row: int = Field(description="Its number in the file.", examples=[7])
    why: str = Field(examples=["not on this list"])


class SheetReply(BaseModel):
    """What became of a sheet's rows."""

    file: str = Field(examples=["contacts_US_2017-09-05.xlsx"])
    rows: int = Field(examples=[100])
    taken: int = Field(description="Rows that are outcomes now, or would be.", examples=[61])
    became: dict[str, int] = Field(description="Rows by what became of them.", examples=[{"taken": 61}])
    refused: list[RefusedRowReply]
    sent: bool = Field(description="False: it was only looked at.", examples=[True])


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file itself, as it was saved: .xlsx or CSV.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in (XLSX, "text/csv")},
    }
}


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post(
    "/feedback", name="take sheet back", response_model=SheetReply, openapi_extra=_BODY,
    responses=problems(413, 422, 503),
)  # fmt: skip
async def take(
    console: Here,
    body: Annotated[bytes, Depends(_body)],
    name: Annotated[
        str, Query(min_length=1, max_length=200, examples=["contacts_US_2017-09-05.xlsx"], description="Of the file.")
    ],
    dry_run: Annotated[bool, Query(description="Say what would become of every row; send nothing.")] = False,
) -> dict[str, Any]:
    """Take back what people did with a list: every filled row becomes an outcome, the same sheet again sends nothing
    twice, and each row that is refused says why (the others are taken all the same)."""
    return await run_in_threadpool(_taken, console, body, name, dry_run)


def _taken(console: Console, body: bytes, name: str, dry_run: bool) -> dict[str, Any]:
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        told = f"{name[:100]!r} is no sheet that is read: save it as .xlsx or as CSV."
        raise NotGranted(422, told, [("/name", told)])
    folder = console.settings.home_path / "console"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=SHEET) as place:
        path = Path(place) / f"sheet{suffix}"
        path.write_bytes(body)
        return console.rooms.sheet(path, name, dry_run)
