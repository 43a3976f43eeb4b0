"""Evidence at a mark: a fetcher's values as the batch's SQL has them, step by step towards what was read.

    the whole log → up to where the consumer stood → up to where the row holds it → at the instant of the read

Both comparisons, of live rows and of served vectors, go by these. Two neighbours that differ are a cause.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import duckdb
import pyarrow as pa

from proof.parity import cause
from proof.parity.cause import Explanation
from scv.events.country import Country
from scv.events.mark import Mark
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.offline import batch
from scv.offline.lake import Lake
from scv.online.reader import Reading
from scv.settings import Settings

WHOLE = Mark(epoch=2**31 - 1, partition=0, next=0)
NOTHING = Mark(epoch=-1, partition=0, next=0)
INSTANTS = 50
"""Of one query, which computes every prefix at each of them."""
Values = Mapping[str, Any]
"""Plain feature name → value; empty without an admitted event."""


Progress = Callable[[str, int, int], None]
"""Hears what is done, how much of it, and of how much."""
Item = TypeVar("Item")


def plain(value: Any) -> Any:
    """Missing as None, whatever the way calls it."""
    return None if value is None or (isinstance(value, float) and math.isnan(value)) else value


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """So many at a time, in order."""
    return (items[i : i + size] for i in range(0, len(items), size))


class Looked(NamedTuple):
    """One fetcher of one customer as it was read at an instant."""

    customer: str
    at: datetime
    reading: Reading


class Prefix(NamedTuple):
    """A customer's log up to a mark, read at an instant."""

    customer: str
    at: datetime
    mark: Mark


class Evidence(NamedTuple):
    """One fetcher of one customer: each step's values, and the reason for any that is not as in the step before.

    `rest` is the reason if the row is of more than the lake can tell.
    """

    steps: Sequence[tuple[Values, Explanation]]
    rest: Explanation | None = None

    def reasons(self, feature: str) -> list[Explanation]:
        """Why the last step has another value of a feature (plain name) than the first; empty where it has not."""
        told = [(plain(values.get(feature)), why) for values, why in self.steps]
        if told[0][0] == told[-1][0]:
            return []
        return [why for (before, _), (now, why) in itertools.pairwise(told) if before != now]


class Witness:
    """A country in the newest version of the lake."""

    def __init__(self, settings: Settings, country: Country) -> None:
        self._lake, self._country = Lake(settings.lake_path), country
        self.version = self._lake.version()
        self._end = functools.cache(self._ends)
        self._connection = duckdb.connect(config={"threads": settings.threads, "memory_limit": settings.memory})

    def close(self) -> None:
        self._connection.close()

    def evidence(
        self, one: type[Fetcher], reads: Mapping[str, Looked], at: datetime | None = None
    ) -> dict[str, Evidence]:
        """By the reads' own keys. With `at`, from the whole log at that instant; otherwise from where the consumer
        stood, at the read's.
        """
        steps, found = {key: _steps(one, read, at) for key, read in reads.items()}, {}
        values = self.batch(one, (prefix for some in steps.values() for prefix, _ in some))
        for key, (_, _, reading) in reads.items():
            ahead = reading.held and reading.held > self._end(one.family, reading.held.partition)
            rest = Explanation(cause.LAKE_BEHIND, f"{_row(one, reading)}, the lake ends before") if ahead else None
            found[key] = Evidence([(values[prefix], why) for prefix, why in steps[key]], rest)
        return found

    def batch(self, one: type[Fetcher], prefixes: Iterable[Prefix]) -> dict[Prefix, Values]:
        """What the batch's SQL says of each prefix: KNOWN_THEN at its instant."""
        found: dict[Prefix, Values] = {prefix: {} for prefix in prefixes}
        log = self._lake.query(one.family, self._country, self.version)
        for instants in chunks(sorted({prefix.at for prefix in found}), INSTANTS):
            some = [prefix for prefix in found if instants[0] <= prefix.at <= instants[-1]]
            self._admit(log, some)
            table = batch.fold(self._connection, "admitted", layout_of(one), self._country, instants)
            for row in table.to_pylist():
                prefix = some[int(row["customer_id"])]
                if row["event_timestamp"] == prefix.at:
                    found[prefix] = row
        return found

    def _admit(self, log: str, prefixes: Sequence[Prefix]) -> None:
        """The temporary table of what is admitted of each prefix, whose number stands for the customer."""
        wanted = [
            {"key": str(i), "customer_id": one.customer, "last": one.mark.epoch, "next": one.mark.next}
            for i, one in enumerate(prefixes)
        ]
        self._connection.register("wanted", pa.Table.from_pylist(wanted))
        query = f"""
            SELECT w.key AS customer_id, d.* EXCLUDE (customer_id) FROM ({log}) d
            JOIN wanted w ON d.customer_id = w.customer_id
                AND (d.epoch < w.last OR d.epoch = w.last AND d."offset" < w.next)"""
        batch.admit(self._connection, query, self._country, "admitted")

    def _ends(self, family: str, partition: int) -> Mark:
        """Where the lake ends."""
        now = self._lake.epoch()
        if now is None:
            return NOTHING
        (topic,) = [name for name in now.topics if name.rpartition(".")[2] == family]
        end = self._lake.position(family, topic, partition, self.version)
        return Mark(epoch=now.epoch, partition=partition, next=end)


def _row(one: type[Fetcher], reading: Reading) -> str:
    return f"the row of {one.name} ended at {reading.held.next - 1}" if reading.held else f"{one.name} had no row"


def _steps(one: type[Fetcher], read: Looked, at: datetime | None) -> list[tuple[Prefix, Explanation]]:
    """What to compute, and the reason for whatever of it is not as in the step before.

    A row ought to hold all that the consumer is past, or more if it was written since.
    """
    customer, then, reading = read
    held, position = reading.held or NOTHING, reading.position or NOTHING
    stands = f"the consumer was at {position.next}" if reading.position else "no consumer follows"
    lost = Explanation(cause.LOST, f"{_row(one, reading)}, {stands}")
    steps = [
        (Prefix(customer, at or then, max(held, position)), Explanation(cause.BEHIND, stands)),
        (Prefix(customer, at or then, held), Explanation(cause.UNBUILT, reading.unbuilt) if reading.unbuilt else lost),
    ]
    if at is None:
        return steps
    late = Explanation(cause.LATE, "the lake has grown since")
    later = Explanation(cause.LATER, f"it was read at {then}")
    return [(Prefix(customer, at, WHOLE), late), *steps, (Prefix(customer, then, held), later)]
