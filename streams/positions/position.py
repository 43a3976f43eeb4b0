"""Where rows and lake stand in the log: the one reader for whoever waits, compares or reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from scv.events.calendar import from_us
from scv.events.event import FAMILIES
from scv.offline.lake import Lake
from scv.online.facts import Log
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.log import Bounds, Broker, Part, parts


@dataclass(frozen=True)
class Positions:
    """The next offset of every partition that is not in the rows (`online`) and not in the tables (`lake`)."""

    online: Mapping[Part, int]
    lake: Mapping[Part, int]

    @property
    def together(self) -> bool:
        return self.online == self.lake

    def hold(self, ends: Mapping[Part, int]) -> bool:
        """Do both hold everything before these offsets?"""
        return not any(self.behind(ends).values())

    def behind(self, ends: Mapping[Part, int]) -> dict[str, int]:
        """How many offsets each consumer has to go to these ends."""
        either = {"online": self.online, "lake": self.lake}
        return {name: sum(max(end - stands[part], 0) for part, end in ends.items()) for name, stands in either.items()}


def positions(store: RowStore, lake: Lake, logs: Mapping[str, Log]) -> Positions:
    """Where the restart points of these logs stand now, and the newest version of the lake."""
    every, version = parts(logs), lake.version()
    tables = {part: lake.position(logs[part.topic].family, *part, version) for part in every}
    stands = store.positions(every)
    rows = {part: position.offset or 0 for part, position in zip(every, stands, strict=True)}
    return Positions(rows, tables)


@dataclass(frozen=True)
class Logged:
    """What the event topics held at an instant: by topic its id and family, by partition where it begins and ends."""

    topics: Mapping[str, tuple[str, str]]
    bounds: Mapping[Part, Bounds]

    def missing_in(self, lake: Lake) -> int:
        """How many of these offsets the lake does not hold now."""
        epoch, version = lake.epoch(), lake.version()
        count = 0
        for part, (low, high) in self.bounds.items():
            id, family = self.topics[part.topic]
            known = epoch is not None and epoch.topics.get(part.topic) == id
            count += max(high - max(low, lake.position(family, *part, version) if known else 0), 0)
        return count


def logged(settings: Settings) -> Logged:
    """What the event topics hold now, also where no consumer has opened them yet. Raises Unreachable."""
    families = {topics.events(settings, family): family for family in FAMILIES}
    broker = Broker(settings)
    try:
        there = broker.topics(families)
        every = [Part(topic.name, number) for topic in there.values() for number in range(topic.partitions)]
        return Logged({name: (topic.topic_id, families[name]) for name, topic in there.items()}, broker.bounds(every))
    finally:
        broker.close()


def applied_to(store: RowStore, country: str) -> dict[str, datetime]:
    """Family → the instant before which all that was seen in a country is in the rows; absent: not known.

    That is the oldest of its partitions' watermarks.
    """
    logs, marks = store.logs(), dict[str, list[int | None]]()
    every = parts(logs)
    for part, position in zip(every, store.positions(every), strict=True):
        marks.setdefault(logs[part.topic].family, []).append(position.watermarks.get(country))
    known = {family: [us for us in all_of_it if us is not None] for family, all_of_it in marks.items()}
    return {family: from_us(min(us)) for family, us in known.items() if len(us) == len(marks[family])}


def standing(store: RowStore, country: str) -> datetime | None:
    """Where a replay that ended, however it ended, may go on without leaving anything out; None: it has not begun.

    Not the clock: what a killed sender left in one partition may be newer than what never reached another.
    """
    known, families = applied_to(store, country), {log.family for log in store.logs().values()}
    begun = known and known.keys() == families and store.clock(country).mode == "replay"
    return min(known.values()) if begun else None
