"""Who is before us: what a route and its page ask about the caller of the request that they answer."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import NamedTuple

from access.caller import EVERYWHERE, Caller
from console.logins import Login
from console.permissions import EVERYONE, find


class Visit(NamedTuple):
    """The caller of a request, and how he logged in, if that is why he is known."""

    caller: Caller
    login: Login | None = None

    @property
    def csrf(self) -> str:
        """What his page sends along with every change (`X-CSRF-Token`, or a form's `csrf`); empty where it need not."""
        return self.login.csrf if self.login else ""

    @property
    def sees_all(self) -> bool:
        return EVERYWHERE in self.caller.countries

    @property
    def aloud_only(self) -> bool:
        """Is it somebody at the telephone, who sees of a customer what may be said aloud?"""
        return not self.caller.is_any_of(EVERYONE - {"agent"})

    def may_open(self, path: str) -> bool:
        """Would a page open for him?"""
        here = find("GET", path)
        return bool(here) and all(one.right.public or self.caller.is_any_of(one.right.roles) for one in here)

    def may_see(self, countries: Iterable[str]) -> bool:
        """Is he let near all of these countries?"""
        return all(map(self.caller.may_see, countries))


NOBODY = Visit(Caller("", frozenset(), frozenset()))
VISIT: ContextVar[Visit] = ContextVar("VISIT", default=NOBODY)


def visit() -> Visit:
    """Of the request at hand; outside of one, and on a public page, somebody who may nothing."""
    return VISIT.get()
