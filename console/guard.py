"""What every request passes first: the host that it names, the page that it comes from, and how much it brings.

A browser may be made to ask this machine by any page that its user looks at: under a name that was bound to 127.0.0.1
for a moment, or with a form. Neither gets past here.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console import problem

MOST_BYTES = 256 * 1024
LARGER = {"/api/v1/events": 8 * 1024 * 1024, "/api/v1/feedback": 16 * 1024 * 1024}
"""Addresses that take more: a thousand events, a sheet."""
SAFE = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none a browser would not say of a form's page that it is ours
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class TooLarge(Exception):
    """A body that goes on and on."""


class Guard:
    """An ASGI app around another. `hosts`: the names that a request may use for us; empty: any."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, taken, begun = Headers(scope=scope), 0, False
        most = LARGER.get(scope["path"], MOST_BYTES)

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise TooLarge
            return message

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                told = MutableHeaders(scope=message)
                told.update(HEADERS)
                told.setdefault("Content-Security-Policy", POLICY)  # a report's own lets its one style through
            await send(message)

        why = self._why_not(scope["method"], headers, most)
        try:
            await (problem.reply(*why) if why else self._app)(scope, counted, guarded)
        except TooLarge:
            if not begun:
                await problem.reply(413, f"The body is larger than {most:,} bytes.")(scope, receive, guarded)

    def _why_not(self, method: str, headers: Headers, most: int) -> tuple[int, str] | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._hosts and _name(host) not in self._hosts:
            return 421, f"This is not {host[:100]!r}. Ask for {' or '.join(sorted(self._hosts))}."
        if method not in SAFE and origin is not None and urlsplit(origin).netloc != host:
            return 403, "A page of another site may not ask for this."
        if method not in SAFE and headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "A page of another site may not ask for this."
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > most:
            return 413, f"The body is larger than {most:,} bytes."
        return None


def _name(host: str) -> str:
    """Without the port; '' for what is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
