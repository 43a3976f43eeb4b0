"""`cerebro rebuild`: rows made again from the lake, beside live streams or for a store that came back empty."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from scv.events import country as countries
from scv.events import event as events
from scv.events.country import Country
from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.offline.lake import Lake
from scv.online.rebuild import Progress, Rebuilt
from scv.online.rebuild import rebuild as build
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.lock import Lock
from streams.positions.epoch import open_epoch


def rebuild(
    settings: Settings,
    store: RowStore,
    chosen: Mapping[str, Country],
    fetchers: Sequence[type[Fetcher]] = (),
    afresh: bool = False,
    progress: Progress | None = None,
) -> Rebuilt:
    """Build these countries' rows (of these fetchers; default: all) from the newest lake version.

    Topics that were created anew begin the next epoch first. Rows at the lake's position or ahead of it are kept.
    `afresh` begins another generation: every row of every country is behind then, and reads MISSING until it is
    built again. Interrupted: run it again.
    """
    lake = Lake(settings.lake_path)
    if afresh:
        _withdraw(store, countries.known(settings.countries_path))
    opened = open_epoch(settings, store, lake, renew=True, progress=progress)
    if afresh:
        return opened.built
    with Lock(store.client, "epoch"):
        done = build(store.client, lake, chosen, list(fetchers) or list(fetcher.collect().values()), progress)
    written = done.written + opened.built.written
    return dataclasses.replace(done, written=written, kept=max(done.rows - written, 0))


def _withdraw(store: RowStore, known: Mapping[str, Country]) -> None:
    """Nothing is built any more: running consumers write no row until it is."""
    for family in events.FAMILIES:
        fields = [layout_of(one).field for one in fetcher.of_family(family)]
        topics = [(topic, log) for topic, log in store.logs().items() if log.family == family]
        for country in known:
            store.unmark_built(country, fields)
            for topic, log in topics:
                for partition in range(log.partitions):
                    store.unfollow(topic, partition, country, fields)
    store.next_generation()
