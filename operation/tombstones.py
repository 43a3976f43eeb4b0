"""The last of an erased customer: the erasure itself goes once the log keeps nothing that it stands against."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import redis

from scv.errors import Unreachable
from scv.events import event
from scv.events.clock import wall_us
from scv.events.country import Country
from scv.leftover import Leftover
from scv.offline.lake import Lake
from scv.offline.tombstones import Tombstones
from scv.online.keys import Keys
from scv.online.row import is_empty
from scv.settings import Settings
from store.client import UNWELL, ails, client
from streams.lake.erasure import let_go


def leftovers(settings: Settings, country: Country, erasures: Mapping[str, int], dry: bool) -> Iterator[Leftover]:
    """The erasures (customer → us) of a country that may go: met so long ago that the log has forgotten what was before
    them. A log that keeps events for ever needs them for ever."""
    if not settings.event_days or not erasures:
        return
    known, now_us = Tombstones(settings.lake_path), wall_us()
    if not dry:
        known.meet(country.code, erasures, now_us)
    if due := known.due(country.code, erasures, settings.event_days + 1, now_us):
        remove = functools.partial(_let_go, settings, country, due)
        yield Leftover("erasures", country.code, str(settings.lake_path), len(due), 0, remove)


def _let_go(settings: Settings, country: Country, due: Mapping[str, int]) -> bool:
    """First their hashes stand for them, last the lake forgets: killed in between, the next run begins anew."""
    Tombstones(settings.lake_path).let_go(country.code, due, wall_us())
    try:
        with client(settings) as store:
            for customer in due:
                _drop_row(store, Keys(settings.key_prefix).row(country.code, customer))
    except UNWELL as error:
        raise Unreachable(f"Erasures of {country.code} stay: the store {ails(error)}.") from error
    lake = Lake(settings.lake_path)
    for family in event.FAMILIES:
        let_go(lake, family, country, due)
    return True


def _drop_row(store: Any, key: str) -> None:
    """Unless somebody has come back, or is coming this moment: the next tidying looks again."""
    with store.at(key).pipeline(transaction=True) as pipe:
        pipe.watch(key)
        if all(is_empty(data) for data in pipe.hvals(key)):
            pipe.multi()
            pipe.delete(key)
            try:
                pipe.execute()
            except redis.WatchError:
                pass
