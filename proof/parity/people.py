"""Whom a comparison asks about: everybody whom the batch or the store knows, or a sample of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from scv.events.country import Country
from scv.online.keys import Keys

Item = TypeVar("Item")
SCAN = 10_000
KEY = b"cerebro parity"
"""Of the sample's hash: no other draw of customers is like it."""


def stored(client: Any, country: Country) -> set[str]:
    """The customers of a country who have a row in the store, of any fetcher and of any definition."""
    keys = Keys(client.prefix)
    before, after = keys.row(country.code, "*").split("*")
    found = client.scan_iter(match=keys.row(country.code, "*"), count=SCAN)
    return {key.decode().removeprefix(before).removesuffix(after) for key in found}


def sample(country: Country, customers: Iterable[str], count: int | None) -> list[str]:
    """`count` of the customers (None: all), ordered by id: those whose keyed hash is smallest, the same every time.

    >>> where = Country(code="ZZ", name="Z", time_zone="UTC", starts_on="2017-01-01", ends_on="2018-01-01")
    >>> sample(where, ["c", "b", "a"], None), len(sample(where, map(str, range(99)), 7))
    (['a', 'b', 'c'], 7)
    """
    if count is None:
        return sorted(customers)
    return sorted(sorted(customers, key=lambda one: _place(country.code, one))[:count])


def _place(code: str, customer: str) -> bytes:
    return hashlib.blake2b(f"{code}:{customer}".encode(), key=KEY, digest_size=8).digest()


def chunks(items: Sequence[Item], size: int) -> Iterable[list[Item]]:
    """So many at a time, in order."""
    return (list(items[i : i + size]) for i in range(0, len(items), size))
