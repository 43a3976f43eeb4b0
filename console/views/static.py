"""The style sheet, the script and the icon: the only files that a page loads."""

from __future__ import annotations

from fastapi import APIRouter, Response

from console.page import FOLDER

router = APIRouter()


@router.get("/console.js", name="script")
def script() -> Response:
    return Response((FOLDER / "console.js").read_bytes(), media_type="text/javascript; charset=utf-8")


@router.get("/console.css", name="style")
def style() -> Response:
    return Response((FOLDER / "console.css").read_bytes(), media_type="text/css; charset=utf-8")


@router.get("/icon.svg", name="icon")
def icon() -> Response:
    return Response((FOLDER / "icon.svg").read_bytes(), media_type="image/svg+xml")
