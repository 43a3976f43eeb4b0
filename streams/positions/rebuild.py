"""`cerebro rebuild`: rows made again from the lake, beside live streams or for a store that came back empty."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from scv.events import country as countries
from scv.events.country import Country
from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.offline.lake import Lake
from scv.online.rebuild import Progress, Rebuilt
from scv.online.rebuild import rebuild as build
from scv.online.rowstore import RowStore
from scv.settings import Settings
from scv.talk import say as talk
from store.lock import locked
from streams.positions.epoch import fill, settle


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
    lake, known = Lake(settings.lake_path), countries.known(settings.countries_path)
    with locked(store.client, "epoch"):
        settle(settings, store, lake, talk, renew=True)
        if afresh:
            store.next_generation()
        missing = fill(store, lake, known, talk, progress)
        if afresh:
            return missing
        done = build(store.client, lake, chosen, list(fetchers) or list(fetcher.collect().values()), progress)
    written = done.written + missing.written
    return dataclasses.replace(done, written=written, kept=max(done.rows - written, 0))
