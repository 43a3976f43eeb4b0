"""What dirt falls on: a chunk's events, their times as numbers that may move, and whose they are.

The table itself is copied once, at the end: a million rows cost more to copy than to make dirty.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from proof.world.luck import Ints
from scv.events.country import Country
from streams.replay.columns import FAMILIES, FAMILY_OF, INSTANT

KINDS = tuple(FAMILY_OF)
_FAMILIES = np.array(list(FAMILY_OF.values()), dtype=np.int64)


class Ground(NamedTuple):
    """Where dirt falls: in a country, before `end_us`. `stranger` is a code that no country has.

    `as_bytes`: events are going to be bytes, which break in more ways than the rows of a table.
    """

    country: Country
    end_us: int
    stranger: str = "XU"
    as_bytes: bool = False


class Stock:
    """Clean events (wide schema) and what dirt has made of `occurred` and `seen`, microseconds since 1970.

    `customer` are numbers of `customers`; `present` are the events that happen at all, `free` those that no dirt of
    time has touched.
    """

    def __init__(self, events: pa.Table) -> None:
        self.events = events
        self.occurred, self.seen = (microseconds(events, name).copy() for name in ("occurred_at", "seen_at"))
        whose = events["customer_id"].combine_chunks().dictionary_encode()
        self.customer, self.customers = np.asarray(whose.indices).astype(np.int64), whose.dictionary
        self.present = np.ones(len(events), dtype=bool)
        self.free = self.present.copy()

    def __len__(self) -> int:
        return int(np.count_nonzero(self.present))

    @cached_property
    def kind(self) -> NDArray[np.int32]:
        """Numbers of `KINDS`."""
        return np.asarray(pc.index_in(self.events["kind"], value_set=pa.array(KINDS)))

    @cached_property
    def line(self) -> Ints:
        """A number for each customer and family."""
        return self.customer * len(FAMILIES) + _FAMILIES[self.kind]

    def forget(self, numbers: Ints) -> None:
        """These events never happen."""
        self.present[numbers] = self.free[numbers] = False

    def take(self, numbers: Ints) -> pa.Table:
        """Some of the events with the times that they have now."""
        found = self.events.take(pa.array(numbers))
        found = put(found, "occurred_at", instants(self.occurred[numbers]))
        return put(found, "seen_at", instants(self.seen[numbers]))


def microseconds(events: pa.Table, name: str) -> Ints:
    """A column of instants as microseconds since 1970."""
    return np.asarray(events[name].cast(pa.int64()))


def instants(us: Ints) -> pa.Array:
    """Microseconds since 1970 as a column of instants."""
    return pa.array(us, pa.int64()).cast(pa.timestamp("us")).cast(INSTANT)


def put(events: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """The table with other values in a column."""
    return events.set_column(events.column_names.index(name), name, values)
