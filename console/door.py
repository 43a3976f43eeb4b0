"""Before every route: who it is, whether he may, and whether his own page sent it. After it: what he did is noted.

A request of which no row in `console/permissions.py` says that its caller may is refused before anything of it is read.
"""

from __future__ import annotations

import contextlib
import hmac
import re
from collections.abc import Callable, Collection
from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from access.auth import CallerAuth, Unauthenticated
from access.caller import anybody
from access.rate import Rate
from console import permissions, problem
from console.audit_file import AuditFile
from console.concerned import Concerned, concerned
from console.guard import SAFE
from console.logins import Logins
from console.permissions import Found
from console.problem import NotGranted
from console.visit import NOBODY, VISIT, Visit
from scv.errors import CerebroError
from scv.talk import Seldom

COOKIE = "__Host-cerebro"
"""Only over TLS and only for this host: no neighbour's page sets or reads it."""
NAMES = "certificate_names"
"""In a request's state: the names in the certificate that its connection showed."""
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf"
STRANGERS_PER_SECOND = 20.0
"""Of one address."""
LATER, TOO_OFTEN = {"Retry-After": "1"}, "You ask more often than you may. Come again a little later."
LARGE_BYTES = 16 * 1024
MOST_NAMED = 100
"""Customers whom the audit log names of one act, a line each; of more it names none."""
LOCAL_ADMIN = Visit(anybody("local", "admin"))
_CODE = re.compile(r"[A-Z]{2}")
CountriesOf = Callable[[str], Collection[str] | None]
"""Of a job, by its id; None: there is no such job."""


class Entrance(NamedTuple):
    """Whom a closed console knows, and who of them logged in."""

    auth: CallerAuth
    logins: Logins


class Doorkeeper:
    """An ASGI app around another. Without an entrance everybody is the local admin: only this machine gets here."""

    def __init__(self, app: ASGIApp, entrance: Entrance | None, audit: AuditFile, countries_of: CountriesOf) -> None:
        self._app, self._entrance, self._audit, self._countries_of = app, entrance, audit, countries_of
        self._strangers, self._tell = Rate(), Seldom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        here, visit, about = permissions.find(scope["method"], scope["path"]), NOBODY, Concerned()
        try:
            visit = self._who(scope, here)
            self._may(visit, scope, here)
            body, receive = await _whole(scope, receive)
            _sent_by_his_page(visit, scope, here, body)
            about = await _looked_through(here, scope, body)
            self._in_his_countries(visit, here, about)
            if _is_noted(scope, here):
                self._audit.ready()
        except (NotGranted, CerebroError) as error:
            with contextlib.suppress(CerebroError):
                self._note(visit, scope, here, about, getattr(error, "status", 503))
            await _refusal(scope, error)(scope, receive, send)
            return
        await self._passed(visit, here, about, (scope, receive, send))

    def _who(self, scope: Scope, here: list[Found]) -> Visit:
        """Whose request it is; on a public page nobody's. Raises NotGranted."""
        if self._entrance is None:
            return LOCAL_ADMIN
        if _is_public(here):
            if scope["method"] not in SAFE:
                self._slowly(scope)
            return NOBODY
        return self._known(self._entrance, scope)

    def _may(self, visit: Visit, scope: Scope, here: list[Found]) -> None:
        """Raises NotGranted for whoever comes too often or has no role for it, and where there is nothing."""
        if _is_public(here):
            return
        if self._entrance is not None and not self._entrance.auth.in_time(visit.caller):
            raise NotGranted(429, TOO_OFTEN, headers=LATER)
        if not here and visit.caller.is_any_of(permissions.EVERYONE):
            known = permissions.methods(scope["path"])
            raise NotGranted(405, problem.NOT_SO) if known else NotGranted(404, problem.NOTHING)
        if not here or not all(visit.caller.is_any_of(one.right.roles) for one in here):
            raise NotGranted(403, "None of your roles may do this.")

    def _known(self, entrance: Entrance, scope: Scope) -> Visit:
        """By token, else by cookie, else by certificate: what is shown decides alone. Raises NotGranted."""
        headers, names = Headers(scope=scope), scope.get("state", {}).get(NAMES, ())
        said, cookies = headers.getlist("authorization"), cookies_of(headers)
        try:
            if said or not cookies:
                return Visit(entrance.auth.caller(said, names))
            if len(cookies) > 1:
                raise Unauthenticated("two cookies")
            login = entrance.logins.login(cookies[0])
            return Visit(login.caller, login)
        except Unauthenticated as error:
            self._tell(f"The console was asked by a caller whom nobody knows: {error}.", "unauthenticated")
            self._slowly(scope)
            challenge = {"WWW-Authenticate": 'Bearer realm="cerebro"', "Connection": "close"}
            told = "Show a token or a certificate that this console knows, or log in at /login."
            raise NotGranted(401, told, headers=challenge) from error

    def _slowly(self, scope: Scope) -> None:
        """Raises NotGranted where an address that nobody vouches for comes too often."""
        host = (scope.get("client") or ("",))[0]
        if not self._strangers.allows(host, STRANGERS_PER_SECOND):
            raise NotGranted(429, TOO_OFTEN, headers=LATER)

    def _in_his_countries(self, visit: Visit, here: list[Found], about: Concerned) -> None:
        """Raises NotGranted for a country that is none of his, and where nobody can tell which one it is about."""
        if visit.sees_all or _is_public(here):
            return
        if any(one.right.of_all for one in here):
            raise NotGranted(403, "This is about every country, and you may not see all of them.")
        if about.unread:
            raise NotGranted(422, "The body is no JSON.")
        if not visit.may_see(about.countries):
            raise NotGranted(403, "You may not ask about this country.")
        for one in here:
            countries = self._countries_of(one.params["job_id"]) if "job_id" in one.params else None
            if countries is not None and not visit.may_see(countries):
                raise NotGranted(403, "You may not ask about this country.")

    async def _passed(
        self, visit: Visit, here: list[Found], about: Concerned, asgi: tuple[Scope, Receive, Send]
    ) -> None:
        """Let the app answer, and note it before anybody reads the answer."""
        scope, receive, send = asgi
        begun = dropped = False

        async def noted(message: Message) -> None:
            nonlocal begun, dropped
            if message["type"] == "http.response.start" and not begun:
                begun = True
                try:
                    self._note(visit, scope, here, about, message["status"])
                except CerebroError as error:
                    dropped = True
                    await _refusal(scope, error)(scope, receive, send)
            if not dropped:
                await send(message)

        token = VISIT.set(visit)
        try:
            await self._app(scope, receive, noted)
        except BaseException:
            if not begun:
                self._note(visit, scope, here, about, 500)
            raise
        finally:
            VISIT.reset(token)

    def _note(self, visit: Visit, scope: Scope, here: list[Found], about: Concerned, status: int) -> None:
        """In the audit log, where the act belongs there: a stranger's does not, nor what a flood came to."""
        if visit is NOBODY or status == 429 or not _is_noted(scope, here):
            return
        country = " ".join(sorted(filter(_CODE.fullmatch, about.countries)))
        several = 0 < len(about.customers) <= MOST_NAMED
        customers: list[str | None] = [*sorted(about.customers)] if several else [None]
        roles = {role for one in here for role in one.right.roles} & visit.caller.roles or visit.caller.roles
        try:
            for customer in customers:
                self._audit.write(visit.caller.name, roles, here[0].row, status, (country, customer))
        except CerebroError as error:
            self._tell(f"An act of {visit.caller.name!r} is not in the audit log: {error}", "audit")
            if scope["method"] in SAFE:  # it is not shown then; what is done is done
                raise


def cookies_of(headers: Headers) -> list[str]:
    """Every value of our cookie that a request brings."""
    pairs = (one.strip().partition("=") for text in headers.getlist("cookie") for one in text.split(";"))
    return [value for name, _, value in pairs if name == COOKIE]


async def _whole(scope: Scope, receive: Receive) -> tuple[bytes, Receive]:
    """The body of a request that brings one, and how to read it once more; the guard bounds it."""
    if scope["method"] in SAFE:
        return b"", receive
    parts, more = list[bytes](), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise NotGranted(400, "The request ended too early.")
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    body, told = b"".join(parts), False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body, again


async def _looked_through(here: list[Found], scope: Scope, body: bytes) -> Concerned:
    """Whom it is about; a large body is not read on the loop."""
    if len(body) < LARGE_BYTES:
        return concerned(here, scope["query_string"], body)
    return await run_in_threadpool(concerned, here, scope["query_string"], body)


def _sent_by_his_page(visit: Visit, scope: Scope, here: list[Found], body: bytes) -> None:
    """Raises NotGranted for a change that comes by cookie without what only our pages know."""
    if not visit.csrf or scope["method"] in SAFE or _is_public(here):
        return
    shown = Headers(scope=scope).getlist(CSRF_HEADER)
    if not shown and all(one.right.body == "form" for one in here):
        shown = parse_qs(body.decode("latin-1")).get(CSRF_FIELD, [])
    if len(shown) != 1 or not hmac.compare_digest(shown[0].encode(), visit.csrf.encode()):
        raise NotGranted(403, "This was not sent by a page of yours. Load it again.")


def _is_public(here: list[Found]) -> bool:
    return bool(here) and all(one.right.public for one in here)


def _is_noted(scope: Scope, here: list[Found]) -> bool:
    """Does that change something, or show a customer? Who logs in is noted where it is known who he is."""
    changes = scope["method"] not in SAFE and not _is_public(here)
    return bool(here) and (changes or any(one.right.shows for one in here))


def _refusal(scope: Scope, error: NotGranted | CerebroError) -> Response:
    """As a problem document, to a person as a page; who has not logged in is led to where he can."""
    if isinstance(error, CerebroError):
        return problem.reply(503, problem.words(error))
    reads = scope["method"] in SAFE and "text/html" in Headers(scope=scope).get("accept", "")
    if error.status == 401 and reads and not scope["path"].startswith(permissions.API):
        return RedirectResponse("/login", 303)
    return problem.answer(Request(scope), error.status, error.detail, error.errors, error.headers)
