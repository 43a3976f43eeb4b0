"""Routes × roles: who may do what in the console. What stands in no row here is nobody's, whatever is registered.

A row is `METHOD /path` as the route is declared, in the order of the routes. Paths, queries and JSON bodies name a
country as `country` or `countries` (a query as `code`, too) and a customer as `customer` or `customer_id` (a query as
`id`, too, which then stands for that of the path). By those words a caller is kept to his countries, and what he did is
written down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Literal, NamedTuple

from starlette.routing import compile_path

from access.caller import ROLES, Role

EVERYONE: frozenset[Role] = frozenset({"viewer", "agent", "operator", "admin"})
LOOKING: frozenset[Role] = frozenset({"viewer", "operator", "admin"})
CUSTOMERS: frozenset[Role] = frozenset({"agent", "operator", "admin"})
DOING: frozenset[Role] = frozenset({"operator", "admin"})
RULING: frozenset[Role] = frozenset({"admin"})
BodyForm = Literal["json", "form", "file"]


class Right(NamedTuple):
    """Who may. `shows`: customers, which is written down as a change is. `of_all`: it is about every country, or nobody
    can tell before it is read, so that only who sees all of them may. `body`: JSON is looked through for countries, the
    form of a page, too. `public`: anybody, unknown as he is."""

    roles: frozenset[Role]
    shows: bool = False
    of_all: bool = False
    body: BodyForm = "json"
    public: bool = False


_PUBLIC = Right(frozenset(ROLES), body="form", public=True)
API = "/api/v1"
_CUSTOMER, _WEEK = f"{API}/customers/{{country}}/{{customer_id:path}}", f"{API}/tuesdays/{{country}}/{{date}}"
_MODELS = f"{API}/models/{{country}}/{{target}}"
RIGHTS: dict[str, Right] = {
    "GET /login": _PUBLIC,
    "POST /login": _PUBLIC,
    "POST /logout": Right(EVERYONE, body="form"),
    "GET /console.css": _PUBLIC,
    "GET /console.js": _PUBLIC,
    "GET /icon.svg": _PUBLIC,
    f"GET {API}/openapi.json": Right(EVERYONE),
    f"GET {API}/health": Right(EVERYONE | {"probe"}),
    f"GET {API}/status": Right(EVERYONE),
    f"GET {API}/catalogue": Right(EVERYONE),
    f"GET {API}/fetches": Right(LOOKING),
    f"GET {API}/fetches/{{job_id}}": Right(LOOKING),
    f"GET {API}/fetches/{{job_id}}/events": Right(LOOKING),
    f"POST {API}/fetches": Right(DOING),
    f"POST {API}/fetches/{{job_id}}/cancel": Right(DOING),
    f"POST {API}/fetches/{{job_id}}/resume": Right(DOING),
    f"GET {API}/scv/{{country}}": Right(DOING, shows=True),
    f"GET {_CUSTOMER}/history": Right(CUSTOMERS, shows=True),
    f"GET {_CUSTOMER}/events": Right(CUSTOMERS, shows=True),
    f"GET {_CUSTOMER}": Right(CUSTOMERS, shows=True),
    f"GET {API}/models": Right(LOOKING),
    f"GET {_MODELS}/{{id}}": Right(LOOKING),
    f"GET {_MODELS}/{{id}}/report": Right(LOOKING),
    f"POST {_MODELS}/promote": Right(RULING),
    f"POST {_MODELS}/rollback": Right(RULING),
    f"GET {API}/tuesdays": Right(LOOKING),
    f"GET {_WEEK}": Right(DOING, shows=True),
    f"GET {_WEEK}/movers": Right(DOING, shows=True),
    f"GET {_WEEK}/files/{{name}}": Right(DOING, shows=True),
    f"POST {_WEEK}/recheck": Right(DOING),
    f"POST {_WEEK}/withdraw": Right(DOING),
    f"GET {API}/worth/{{country}}": Right(LOOKING),
    f"GET {API}/dead-letters": Right(LOOKING),
    f"GET {API}/dead-letters/letters": Right(DOING, shows=True, of_all=True),
    f"POST {API}/dead-letters/send": Right(DOING, of_all=True),
    f"POST {API}/events": Right(DOING),
    f"POST {API}/feedback": Right(DOING, of_all=True, body="file"),
    "GET /": Right(EVERYONE, shows=True),
    "GET /customers": Right(CUSTOMERS, shows=True),
    "GET /customers/live": Right(CUSTOMERS, shows=True),
    "GET /tuesdays": Right(DOING, shows=True),
    "GET /worth": Right(LOOKING),
    "GET /models": Right(LOOKING),
    "GET /fetchers": Right(EVERYONE),
    "GET /jobs": Right(LOOKING),
    "GET /letters": Right(DOING, shows=True, of_all=True),
}


class Found(NamedTuple):
    """A row that a request is of, and what stands in its path."""

    row: str
    right: Right
    params: Mapping[str, str]


def find(method: str, path: str) -> list[Found]:
    """Every row that a request may be of, the one that it is of first; it needs the right of each."""
    wanted = "GET" if method == "HEAD" else method
    return [one for one in _of_path(path) if one.row.split(" ", 1)[0] == wanted]


def methods(path: str) -> list[str]:
    """With which methods a path may be asked; none: there is nothing."""
    return sorted({one.row.split(" ", 1)[0] for one in _of_path(path)})


def _of_path(path: str) -> Iterator[Found]:
    for row, form, right in _forms():
        if met := form.match(path):
            yield Found(row, right, met.groupdict())


@cache
def _forms() -> list[tuple[str, re.Pattern[str], Right]]:
    return [(row, compile_path(row.split(" ", 1)[1])[0], right) for row, right in RIGHTS.items()]
