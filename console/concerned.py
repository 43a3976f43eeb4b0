"""Which countries and customers a request is about, by its path, its query and its body."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from console.permissions import Found

_COUNTRY, _CUSTOMER = ("country", "countries"), ("customer", "customer_id")
_ASKED_COUNTRY, _ASKED_CUSTOMER = (*_COUNTRY, "code"), (*_CUSTOMER, "id")
"""What a query or a form may say instead."""
_BETWEEN = re.compile(r"[\s,]+")


class Concerned:
    """Collects. `unread`: a part of the body is no JSON, so that nobody can tell what it is about."""

    def __init__(self) -> None:
        self.countries, self.customers, self.unread = set[str](), set[str](), False

    def asked(self, pairs: Iterable[tuple[str, str]]) -> None:
        """What a query or a form says."""
        for name, value in pairs:
            if name in _ASKED_COUNTRY:
                self.countries.update(filter(None, _BETWEEN.split(value)))
            elif name in _ASKED_CUSTOMER and value:
                self.customers.add(value)

    def named(self, places: Mapping[str, str]) -> None:
        """What a path says."""
        self.countries.update(value for name, value in places.items() if name in _COUNTRY)
        if not self.customers:  # a query says it where a path cannot
            self.customers.update(value for name, value in places.items() if name in _CUSTOMER)

    def sent(self, body: bytes) -> None:
        """What JSON says, or lines of it: at any depth, and of a name that stands twice both."""
        if not body.strip():
            return
        try:
            self._json(body)
        except (ValueError, RecursionError):
            for line in body.split(b"\n"):
                self._line(line)

    def _line(self, line: bytes) -> None:
        try:
            if line.strip():
                self._json(line)
        except (ValueError, RecursionError):
            self.unread = True

    def _json(self, body: bytes) -> None:
        json.loads(body, object_pairs_hook=self._object, parse_int=str, parse_float=str)

    def _object(self, pairs: list[tuple[str, Any]]) -> None:
        for name, value in pairs:
            if name in _COUNTRY:
                self.countries.update(_texts(value))
            elif name in _CUSTOMER:
                self.customers.update(_texts(value))


def concerned(here: Iterable[Found], query: bytes, body: bytes) -> Concerned:
    """Of a request as it came, by every row that it may be of."""
    found = Concerned()
    found.asked(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    for one in here:
        found.named(one.params)
        if one.right.body == "form":
            found.asked(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
        elif one.right.body == "json":
            found.sent(body)
    return found


def _texts(value: object) -> set[str]:
    return {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)}
