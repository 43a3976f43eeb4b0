"""Markers for stores that tests fill by hand: which fetchers' rows are whole, and which are not."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from scv.events.country import Country
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.online import marker
from scv.online.facts import Built
from scv.online.rowstore import RowStore

FAR = 10**9
"""Beyond every restart point: marking then sends none back."""


def mark(store: RowStore, country: Country, fetchers: Iterable[type[Fetcher]], upto: int = FAR) -> None:
    """As a rebuild does that held everything before `upto`, for the generation and the logs that stand."""
    generation = store.generation()
    by_family = {log.family: (topic, log) for topic, log in store.logs().items()}
    for one in fetchers:
        topic, log = by_family[one.family]
        marks = {one.name: marker.encode(marker.of_rows(country, layout_of(one), log, generation))}
        assert store.mark_built(
            Built(country.code, topic, log, generation, [upto] * log.partitions, [0] * log.partitions, marks)
        )


def unmark(store: RowStore, country: str, fetchers: Iterable[type[Fetcher]]) -> None:
    """As before a rebuild: no row of them counts, and whoever follows their topics reads their positions again."""
    for one, keys in itertools.product(fetchers, store.shards):
        store.client.hdel(keys.built(country), one.name)
        for topic, log in store.logs().items():
            for partition in range(log.partitions if log.family == one.family else 0):
                store.client.hincrby(keys.position(topic, partition), "turn", 1)
