"""One dirty town of country ZZ: invented subscribers and worse, its history as a file and as raw arrivals.

The subscribers are the simulator's (late, too late, twice, conflicting). Beside them live the customers of
`proof.naive.world`: shuffled logs, re-used ids, erasures, clocks that run ahead, arrivals outside the country's span.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from proof.naive import world
from proof.world.life import simulate
from scv.events import country as countries
from scv.events import event
from scv.events.country import Country
from scv.events.event import Event
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.replay.history import History, write_parquet
from streams.replay.sender import replay

TARGETS = ("cancellation", "pause", "reactivation")
SPAN = f"""
code = "ZZ"
name = "Invented, around the worlds' span"
time_zone = "Europe/Berlin"
basis = "recorded"
targets = {list(TARGETS)}
starts_on = 2015-11-21
ends_on = 2017-11-14
"""
BEGIN = datetime.min.replace(tzinfo=UTC)
TUESDAY = datetime(2017, 5, 1, 22, tzinfo=UTC)
"""Local midnight, in the middle of both histories."""
LATER = datetime(2017, 6, 6, 13, 37, 21, 7, tzinfo=UTC)
"""No midnight, no full hour: five weeks on."""
Logs = Mapping[str, list[Event]]
"""Family → arrivals in log order."""


@dataclass(frozen=True)
class Town:
    """Its country (a file of the user's own), its subscribers' history, and the others' logs by family."""

    country: Country
    history: Path
    subscribers: pa.Table
    others: Logs

    @cached_property
    def _subscribers(self) -> list[Event]:
        """The history's rows as events, in the order in which they were seen; equal instants as the file has them."""
        made = (event_of(row) for row in self.subscribers.to_pylist())
        return sorted(made, key=lambda one: one.seen_at)

    def others_between(self, since: datetime, until: datetime) -> Logs:
        """What is sent of the others then, in log order."""
        return {family: _between(log, since, until) for family, log in self.others.items()}

    def logs(self, *stops: datetime) -> Logs:
        """Every arrival sent up to the last stop, in log order: at each stop the others' first, then the history."""
        found: dict[str, list[Event]] = {family: [] for family in event.FAMILIES}
        for since, until in zip((BEGIN, *stops), stops, strict=False):
            for family, log in self.others_between(since, until).items():
                found[family] += log
            for one in _between(self._subscribers, since, until):
                found[world.family_of(one.kind)].append(one)
        return found

    @cached_property
    def customers(self) -> list[str]:
        everyone = [*self._subscribers, *(one for log in self.others.values() for one in log)]
        return sorted({one.customer_id for one in everyone})


def make(home: Path, customers: int = 40, weeks: int = 36, seed: int = 7) -> Town:
    """A town whose country file lies in HOME/countries; the same seed gives the same town."""
    folder = home / "countries"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ZZ.toml").write_text(SPAN, encoding="utf-8")
    where = countries.load("ZZ", folder)
    history = write_parquet(simulate(where, customers, weeks, seed), home / "events" / "ZZ.parquet")
    others = {family: world.make(seed, family, where, customers=8).log for family in event.FAMILIES}
    return Town(where, history, pq.read_table(history), others)


def _between(log: Iterable[Event], since: datetime, until: datetime) -> list[Event]:
    return [one for one in log if since <= one.seen_at < until]


def event_of(row: Mapping[str, Any]) -> Event:
    """A row of the wide table as its kind's event: only what the kind has, nulls left to their defaults."""
    kind = KINDS[row["kind"]]
    given = {name: row[name] for name in kind.__struct_fields__ if row.get(name) is not None}
    return kind(**given)


KINDS: Mapping[str, type[Event]] = {event.tag(kind): kind for kinds in event.FAMILIES.values() for kind in kinds}


def out_of_order(logs: Logs) -> int:
    """How many arrivals were seen before one of the same customer that stands earlier in the log."""
    count = 0
    for log in logs.values():
        newest: dict[str, datetime] = {}
        for one in log:
            before = newest.setdefault(one.customer_id, one.seen_at)
            count += one.seen_at < before
            newest[one.customer_id] = max(before, one.seen_at)  # type: ignore[type-var]
    return count


def send(settings: Settings, made: Town, since: datetime, until: datetime) -> int:
    """Send everything seen in `[since, until)`, then the watermark `until`; how many arrivals.

    The others' logs as they are, by a plain producer; the subscribers' history through the replay.
    """
    others = made.others_between(since, until)
    with Producer(settings) as producer:
        for family, log in others.items():
            for one in log:
                key = f"{one.country}:{one.customer_id}".encode()
                producer.send(topics.events(settings, family), msgspec.json.encode(one), key)
    with History(made.history) as history:
        sent = replay(history, settings, None if since == BEGIN else since, until)
    return sent.total + sum(map(len, others.values()))
