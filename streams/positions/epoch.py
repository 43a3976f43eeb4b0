"""Opening a log, and `cerebro rebuild`: the lake's epoch, the topics that rows follow, and that the rows are whole.

The embedded broker keeps nothing, a topic may be created anew, a store may come back empty: whatever is missing is
made again from the lake, before a consumer reads its first record.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence

import duckdb
import msgspec

from scv import atomic, stamp
from scv.errors import LogChanged
from scv.events import country as countries
from scv.events import event
from scv.events.arrival import span_us
from scv.events.clock import wall_us
from scv.events.country import Country
from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.offline.lake import Epoch, Lake
from scv.online import marker
from scv.online.facts import Log
from scv.online.rebuild import Progress, Rebuilt
from scv.online.rebuild import rebuild as build
from scv.online.rowstore import RowStore
from scv.settings import Settings
from scv.talk import say as talk
from store.lock import locked
from streams.kafka.log import ADVICE, difference, standing
from streams.kafka.topics import Topic

Say = Callable[[str], None]


def open_epoch(
    settings: Settings,
    store: RowStore,
    lake: Lake,
    say: Say = talk,
    renew: bool = False,
    alive: Callable[[], None] = lambda: None,
) -> dict[str, Log]:
    """The logs that consumers may now follow: topics exist, lake and store know them, rows are built.

    Any process may call it at any time; one works, the others wait for it. Where lake and broker differ and the store
    is empty, the next epoch begins. Where the store knows other topics too: LogChanged, unless `renew` says that
    the rows may be made anew (`cerebro rebuild`, `cerebro up`). `alive` is called now and then and may raise.
    """
    known = countries.known(settings.countries_path)
    with locked(store.client, "epoch", say, alive=alive):
        logs = settle(settings, store, lake, say, renew)
        built = fill(store, lake, known, say, progress=lambda *_: alive())
        if built.rows:
            say(f"Built {built.written:,} rows of {built.customers:,} customers from the lake {lake.path}.")
    return logs


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
        done = build(store.client, lake, chosen, list(fetchers or fetcher.collect().values()), progress)
    written = done.written + missing.written
    return dataclasses.replace(done, written=written, kept=max(done.rows - written, 0))


def fill(
    store: RowStore, lake: Lake, known: Mapping[str, Country], say: Say, progress: Progress | None = None
) -> Rebuilt:
    """Every country has a clock, and the rows of every fetcher are whole: of today's definitions and settings."""
    set_clocks(store, lake, known)
    store.drop_marks(dict.fromkeys(known, fetcher.collect()))
    if whys := [why for country in known.values() if (why := marker.folded_otherwise(store, country))]:
        say(f"All rows are built again, because {'; '.join(whys)}.")
        store.next_generation()
    return build_missing(store, lake, known, progress)


def build_missing(
    store: RowStore, lake: Lake, known: Mapping[str, Country], progress: Progress | None = None
) -> Rebuilt:
    """Build and mark the fetchers whose rows are not whole; countries of equal need go together."""
    needs: dict[tuple[str, ...], list[str]] = {}
    every = fetcher.collect()
    layouts = [layout_of(one) for one in every.values()]
    for code, marks in store.marks(list(known)).items():
        whys = marker.unbuilt(marks, known[code], layouts)
        missing = tuple(name for name, why in zip(every, whys, strict=True) if why)
        if missing:
            needs.setdefault(missing, []).append(code)
    total = Rebuilt()
    for names, codes in needs.items():
        chosen = {code: known[code] for code in codes}
        done = build(store.client, lake, chosen, [every[name] for name in names], progress)
        total = Rebuilt(*(a + b for a, b in zip(dataclasses.astuple(total), dataclasses.astuple(done), strict=True)))
    return total


def set_clocks(store: RowStore, lake: Lake, known: Mapping[str, Country]) -> None:
    """A country without a clock lives on wall time if its span holds now, unless the lake knows it from replays only;
    and in a replay otherwise.
    """
    for country in known.values():
        if not store.has_clock(country.code):
            on_wall = may_live(country) and not _only_replayed(lake, country.code)
            store.set_mode(country.code, "wall" if on_wall else "replay")
        store.level_clock(country.code)


def may_live(country: Country) -> bool:
    """Does its span hold now?"""
    starts, ends = span_us(country)
    return starts <= wall_us() < ends


def _only_replayed(lake: Lake, code: str) -> bool:
    """Does the lake hold watermarks of a country, and no tick among them? A replay ends with the first."""
    version = lake.version()
    files = [file for family in event.FAMILIES for file in lake.files(family, code, version)]
    if not files:
        return False
    source = "read_parquet($files, union_by_name = true, hive_partitioning = true)"
    query = f"SELECT count(*), count(claimed_seen_at) FROM {source} WHERE kind = 'watermark'"
    with duckdb.connect() as connection:
        marks, replayed = connection.execute(query, {"files": files}).fetchall()[0]
    return bool(replayed == marks > 0)


def settle(settings: Settings, store: RowStore, lake: Lake, say: Say, renew: bool) -> dict[str, Log]:
    """Bring broker, lake and store to one epoch; the logs of it."""
    followed, filled = store.logs(), lake.epoch()
    number = max([filled.epoch if filled else 1, *(log.epoch for log in followed.values())])
    logs = standing(settings, number)
    if (why := difference(followed, logs)) and not renew:
        raise LogChanged(f"The store follows another log: {why}. {ADVICE}")
    if filled is not None and (differs := _differs(filled, number, logs)):
        if followed and not renew:
            raise LogChanged(f"The lake {lake.path} was filled from another log: {differs}. {ADVICE}")
        say(f"Epoch {number + 1} begins: {differs}.")
        logs = {topic: msgspec.structs.replace(log, epoch=number + 1) for topic, log in logs.items()}
        store.forget_logs()
    _write_epoch(lake, logs, filled)
    if store.logs() != logs:
        store.set_logs(logs)
    return logs


def _differs(filled: Epoch, number: int, now: Mapping[str, Log]) -> str:
    """How the broker's topics differ from those that the lake is being filled from."""
    if filled.epoch != number:
        return f"the store is in epoch {number}, the lake in epoch {filled.epoch}"
    return difference({name: Topic(name, id, filled.partitions, 0) for name, id in filled.topics.items()}, now)


def _newest_tick_us(lake: Lake, epoch: Epoch) -> int:
    """The newest tick on any partition of the lake's epoch (us; 0: none)."""
    version = lake.version()
    families = {topic: topic.rpartition(".")[2] for topic in epoch.topics}
    places = itertools.product(epoch.topics, range(epoch.partitions))
    return max((lake.tick_us(families[topic], topic, number, version) for topic, number in places), default=0)


def _write_epoch(lake: Lake, logs: Mapping[str, Log], filled: Epoch | None) -> None:
    number, partitions = next((log.epoch, log.partitions) for log in logs.values())
    earlier, tick_us = ({}, 0) if filled is None else (filled.earlier, filled.tick_us)
    if filled is not None and filled.epoch != number:
        earlier, tick_us = earlier | {filled.epoch: filled.partitions}, max(tick_us, _newest_tick_us(lake, filled))
    topics = {topic: log.topic_id for topic, log in logs.items()}
    epoch = Epoch(epoch=number, topics=topics, partitions=partitions, earlier=earlier, tick_us=tick_us)
    if epoch != filled:
        atomic.write(lake.path / "epoch.json", stamp.sealed(epoch))


def set_back(lake: Lake, us: int) -> None:
    """Let the newest tick of earlier epochs be no later than an instant (us)."""
    epoch = lake.epoch()
    if epoch is not None and epoch.tick_us > us:
        atomic.write(lake.path / "epoch.json", stamp.sealed(msgspec.structs.replace(epoch, tick_us=us)))
