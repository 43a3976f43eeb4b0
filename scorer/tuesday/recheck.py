"""A list once more, just before people are contacted: who of it must not be any more, by what is known live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scorer.scoring import Rules, policies
from scorer.subjects import of_views
from scv.events.country import Country
from scv.features import fetcher
from scv.online.reader import Reader
from scv.settings import Settings

BATCH = 500
GONE = "erased, or never heard of"


def recheck(settings: Settings, country: Country, customers: Sequence[str], client: Any) -> dict[str, str]:
    """Customer → why they must not be contacted now; nobody who still may be. Raises the store client's error."""
    reader, fetchers = Reader(client), list(fetcher.collect().values())
    rules, drop = Rules(settings.refuse_after_s, settings.hold_out_salt), dict[str, str]()
    for start in range(0, len(customers), BATCH):
        some = customers[start : start + BATCH]
        people = of_views(reader.read(country, some, fetchers), fetchers, settings.stale_after_s)
        for customer, policy in zip(some, policies(people, country, rules), strict=True):
            if policy is None:
                drop[customer] = GONE
            elif policy.policy != "OK":
                drop[customer] = policy.reason
    return drop
