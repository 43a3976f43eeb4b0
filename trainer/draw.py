"""Which rows are taken where there are more than a training may hold: weeks spread evenly over each customer's life.

A customer's neighbouring Tuesdays tell nearly the same, so a fourth of them costs little. Each row has a number between
0 and 1 that depends on its customer and week alone; those below a share are drawn, whatever else is read. The
numbers of one customer's weeks are steps of the golden ratio: no two drawn weeks lie close together (Weyl 1916).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from scv.events.calendar import DAY_US, to_us

GOLDEN = (5**0.5 - 1) / 2


def numbers(customers: Sequence[str], at: datetime) -> np.ndarray:
    """float64[n] in [0, 1) of customers at one reference."""
    of_customer = np.array([zlib.crc32(one.encode()) for one in customers], dtype=np.float64) / 2**32
    return (of_customer + GOLDEN * (to_us(at) // (7 * DAY_US))) % 1.0


class Draw:
    """Tables of rows, reference by reference; the share that is drawn halves whenever more than `most` are there.

    What comes out depends on the rows alone, not on the order in which they come.
    """

    def __init__(self, most: int, nobody: pa.Table) -> None:
        self.most, self.share, self._nobody = most, 1.0, nobody
        self._tables: dict[datetime, pa.Table] = {}

    def add(self, table: pa.Table, at: datetime) -> None:
        """The rows of a reference, with their `customer_id`."""
        self._tables[at] = self._drawn(table, at)
        while sum(map(len, self._tables.values())) > self.most:
            self.share /= 2
            self._tables = {at: self._drawn(one, at) for at, one in self._tables.items()}

    def _drawn(self, table: pa.Table, at: datetime) -> pa.Table:
        if self.share == 1:
            return table
        return table.filter(pa.array(numbers(table["customer_id"].to_pylist(), at) < self.share, pa.bool_()))

    @property
    def table(self) -> pa.Table:
        """The rows that were drawn, by reference; `nobody` where there are none."""
        found = [self._tables[at] for at in sorted(self._tables) if len(self._tables[at])]
        return pa.concat_tables(found) if found else self._nobody
