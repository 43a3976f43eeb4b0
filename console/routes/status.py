"""How it stands, and that the console answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from console.context import Here
from console.routes.replies import HealthReply
from console.status import EXAMPLE

router = APIRouter(prefix="/api/v1", tags=["status"])


@router.get("/status", name="status", responses={200: {"content": {"application/json": {"example": EXAMPLE}}}})
def status(console: Here) -> dict[str, Any]:
    """How it stands, as `cerebro status --json`: what runs, how far it is, what was refused, made and is due.

    `unknown` names what could not be asked, and why. Not older than two seconds.
    """
    return console.status()


@router.get("/health", name="health", response_model=HealthReply)
def health() -> dict[str, str]:
    """The console answers."""
    return {"status": "alive"}
