"""Log in with a token, on a page; and out again. Until the token ends a cookie stands for it."""

from __future__ import annotations

import hmac
import secrets
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from access.auth import Unauthenticated
from console import page
from console.audit_file import AuditFile
from console.door import COOKIE, Entrance
from console.visit import visit
from scv.events.calendar import SECOND_US
from scv.events.clock import wall_us
from scv.talk import Seldom

TICKET = "__Host-cerebro-login"
WRONG = "This token does not count here. It may have ended, or it is not whole."
MOST_FIELDS = 10
STALE = "This page was open for too long, or another one sent it. Try again."
router = APIRouter(include_in_schema=False)
_tell = Seldom()
_KEPT: dict[str, Any] = {"secure": True, "httponly": True, "samesite": "strict", "path": "/"}


@router.get("/login", response_class=HTMLResponse)
def ask(request: Request) -> Response:
    """The form; it brings back a ticket that only this page knows, so that nobody is logged in by another's page."""
    entrance = _entrance(request)
    return RedirectResponse("/", 303) if entrance is None else _form(entrance, 200)


@router.post("/login", response_class=HTMLResponse)
async def log_in(request: Request) -> Response:
    """Begin a login by a token."""
    entrance, body = _entrance(request), await request.body()
    form = parse_qs(body.decode("latin-1")) if body.count(b"&") < MOST_FIELDS else {}
    if entrance is None:
        return RedirectResponse("/", 303)
    ticket, token = (form.get(name, [""])[0] for name in ("ticket", "token"))
    expected = entrance.logins.signed("ticket", request.cookies.get(TICKET, ""))
    if not request.cookies.get(TICKET) or not hmac.compare_digest(ticket.encode(), expected.encode()):
        return _form(entrance, 403, STALE)
    try:
        login, cookie = entrance.logins.begin(token.strip())
    except Unauthenticated as error:
        _tell(f"Somebody tried to log in: {error}.")
        return _form(entrance, 401, WRONG)
    audit: AuditFile = request.app.state.audit
    audit.write(login.caller.name, login.caller.roles, "POST /login", 303, ("", None))
    reply = RedirectResponse("/", 303)
    reply.set_cookie(COOKIE, cookie, max_age=max((login.until_us - wall_us()) // SECOND_US, 1), **_KEPT)
    reply.delete_cookie(TICKET, **_KEPT)
    return reply


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the login, of all its copies."""
    entrance, here = _entrance(request), visit()
    if entrance is not None and here.login is not None:
        entrance.logins.end(here.login)
    reply = RedirectResponse("/login", 303)
    reply.delete_cookie(COOKIE, **_KEPT)
    return reply


def _entrance(request: Request) -> Entrance | None:
    found: Entrance | None = request.app.state.entrance
    return found


def _form(entrance: Entrance, status: int, trouble: str = "") -> Response:
    nonce = secrets.token_urlsafe(16)
    reply = page.shown("login", status, ticket=entrance.logins.signed("ticket", nonce), trouble=trouble)
    reply.set_cookie(TICKET, nonce, **_KEPT)
    return reply
