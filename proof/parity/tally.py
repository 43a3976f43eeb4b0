"""What a comparison counts: values on which a way and the batch agree or not, per feature, and why not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["mismatch", "missing", "extra"]
KINDS: tuple[Kind, ...] = ("mismatch", "missing", "extra")
"""Both have a value and they differ; only the batch has one; only the way has one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of one customer on which a way and the batch disagree; missing is None.

    `group` is the fetcher, or what of a model is compared ("lapse vector"); `feature` is the full name or the column.
    """

    way: str
    group: str
    feature: str
    customer: str
    kind: Kind
    batch: Any
    found: Any


@dataclass(frozen=True, slots=True)
class Explained:
    """A difference with its cause (several joined by " + ") and the evidence in words."""

    difference: Difference
    cause: str
    why: str


@dataclass
class Counts:
    """Values of one feature: compared where a side is not missing, and those that differ by kind."""

    compared: int = 0
    mismatch: int = 0
    missing: int = 0
    extra: int = 0

    @property
    def differing(self) -> int:
        return self.mismatch + self.missing + self.extra

    def add(self, other: Counts) -> None:
        for name in ("compared", *KINDS):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Finding:
    """All differences of one way, feature, kind and cause: how many, and the first of them."""

    count: int
    example: Explained


@dataclass
class Tally:
    """One way against the batch. `counts` by (group, feature), `findings` by (group, feature, kind, cause)."""

    way: str
    counts: dict[tuple[str, str], Counts] = field(default_factory=dict)
    findings: dict[tuple[str, str, Kind, str], Finding] = field(default_factory=dict)

    def compare(
        self, group: str, feature: str, customers: Sequence[str], batch: Sequence[Any], found: Sequence[Any]
    ) -> list[Difference]:
        """Count one feature of some customers, values in their order; those that differ."""
        counts = self.counts.setdefault((group, feature), Counts())
        if batch == found:
            counts.compared += sum(value is not None and value == value for value in batch)
            return []
        differing = []
        for customer, left, right in zip(customers, batch, found, strict=True):
            expected, value = plain(left), plain(right)
            if expected is None and value is None:
                continue
            counts.compared += 1
            if expected != value:
                kind: Kind = "missing" if value is None else "extra" if expected is None else "mismatch"
                setattr(counts, kind, getattr(counts, kind) + 1)
                differing.append(Difference(self.way, group, feature, customer, kind, expected, value))
        return differing

    def explain(self, one: Explained) -> None:
        """Note the cause of a difference that was counted."""
        of = one.difference
        found = self.findings.setdefault((of.group, of.feature, of.kind, one.cause), Finding(0, one))
        found.count += 1

    def groups(self) -> Iterator[tuple[str, Counts]]:
        """The counts of each group that has any value, in alphabetical order."""
        totals: dict[str, Counts] = {}
        for (group, _), counts in self.counts.items():
            totals.setdefault(group, Counts()).add(counts)
        return ((group, counts) for group, counts in sorted(totals.items()) if counts.compared)

    @property
    def total(self) -> Counts:
        found = Counts()
        for counts in self.counts.values():
            found.add(counts)
        return found


def plain(value: Any) -> Any:
    """Missing as None, whatever the way calls it."""
    return None if value is None or (isinstance(value, float) and math.isnan(value)) else value
