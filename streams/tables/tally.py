"""What became of the rows of tables: taken, left out as the map says, or bad, by reason and with the first of each."""

from __future__ import annotations

from collections import Counter

import msgspec

LISTED = 10
"""Of each reason."""
_LONGEST = 120


class RefusedRow(msgspec.Struct, frozen=True):
    """A row of a file, counted from 1 below the line of names."""

    file: str
    row: int
    value: str


class Tally:
    """Counts over all files."""

    def __init__(self) -> None:
        self.rows = 0
        self.left_out = Counter[str]()
        self.bad = Counter[str]()
        self.first: dict[str, list[RefusedRow]] = {}
        self.orders: set[str] = set()
        """Ids of which a line is bad."""

    def refuse(self, reason: str, file: str, row: int, value: str) -> None:
        """Keep a bad row in mind; `value` is what is wrong with it, as it is shown."""
        self.bad[reason] += 1
        first = self.first.setdefault(reason, [])
        if len(first) < LISTED:
            first.append(RefusedRow(file, row, value if len(value) <= _LONGEST else value[:_LONGEST] + "…"))

    def lines(self) -> list[str]:
        """Sentences, the most frequent reason first."""
        said = [
            f"Left out, as the map says: {reason}: {count:,} row{'s' if count > 1 else ''}"
            for reason, count in self.left_out.most_common()
        ]
        for reason, count in self.bad.most_common():
            more = f", the first {LISTED} of them" if count > LISTED else ""
            said.append(f"Bad: {reason}: {count:,} row{'s' if count > 1 else ''}{more}")
            said += [f"  {one.file}, row {one.row}: {one.value}" for one in self.first[reason]]
        return said
