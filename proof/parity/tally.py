"""What a comparison counts: values on which a way and the batch agree or not, per feature, and why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from proof.parity.cause import JOINED, UNEXPLAINED, Explanation
from proof.parity.evidence import Evidence, plain
from scorer import subjects

Kind = Literal["mismatch", "missing", "extra"]
KINDS: tuple[Kind, ...] = ("mismatch", "missing", "extra")
"""Both have a value and they differ; only the batch has one; only the way has one."""


class Compared(NamedTuple):
    """What is compared: a way, a fetcher or target, and the feature's full name or what of the model."""

    way: str
    group: str
    feature: str


class Difference(NamedTuple):
    """One value of one customer on which a way and the batch disagree; missing is None. `inputs` are the full names of
    the features that it is made of.
    """

    place: Compared
    customer: str
    kind: Kind
    batch: Any
    found: Any
    inputs: Collection[str]


Hint = Callable[[Difference], Iterable[Explanation]]


@dataclass
class Finding:
    """How many values differ for one cause, and the first of them with what was found out about it."""

    example: Difference
    why: str
    count: int = 0


@dataclass
class Comparison:
    """One country at one reference (None: as it was served), and what a reader must know beside it.

    `counts` say per place how many values were `compared`, at least one side not missing, and how many differ by kind;
    `findings` are by place, kind and cause, several causes joined by " + ". Differences are counted at once and wait in
    `pending`, with what is known of their reasons already, until they are looked into together.
    """

    country: str
    at: datetime | None
    customers: int = 0
    notes: list[str] = field(default_factory=list)
    counts: dict[Compared, Counter[str]] = field(default_factory=dict)
    findings: dict[tuple[Compared, Kind, str], Finding] = field(default_factory=dict)
    pending: list[tuple[Difference, list[Explanation]]] = field(default_factory=list)

    def compare(
        self,
        place: Compared,
        customers: Iterable[str],
        sides: tuple[Any, Any],
        inputs: Collection[str] = (),
        hint: Hint = lambda one: (),
    ) -> None:
        """Count one feature of some customers: the batch's column and the way's, in their order."""
        counts = self.counts.setdefault(place, Counter())
        for customer, left, right in zip(customers, *map(subjects.plain, sides), strict=True):
            expected, value = plain(left), plain(right)
            counts["compared"] += expected is not None or value is not None
            if expected != value:
                kind: Kind = "missing" if value is None else "extra" if expected is None else "mismatch"
                counts[kind] += 1
                one = Difference(place, customer, kind, expected, value, inputs)
                self.pending.append((one, list(hint(one))))

    def explain(self, evidence: Mapping[tuple[str, str], Evidence], otherwise: Sequence[Explanation] = ()) -> None:
        """Find the causes of what is pending, by evidence about fetcher and customer; where that and the hints say
        nothing, it is for the reasons of `otherwise`.
        """
        for one, hints in self.pending:
            told, rest = list[Explanation](), list[Explanation]()
            for group, _, name in (each.partition("__") for each in sorted(one.inputs)):
                if known := evidence.get((group, one.customer)):
                    told += known.reasons(name)
                    rest += [known.rest] if known.rest else []
            self._note(one, [*told, *hints] or rest or otherwise)
        self.pending = []

    def _note(self, one: Difference, reasons: Sequence[Explanation]) -> None:
        """Reasons that only together explain it, in their order."""
        cause = JOINED.join(dict.fromkeys(reason.cause for reason in reasons)) or UNEXPLAINED
        why = "; ".join(dict.fromkeys(reason.why for reason in reasons)) or "nothing that was looked at differs"
        self.findings.setdefault((one.place, one.kind, cause), Finding(one, why)).count += 1
