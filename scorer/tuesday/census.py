"""The reasons that a week's file gives: how many of those who are likelier than usual have one, and of which kind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from scorer.reasons import NO_SINGLE_REASON
from scorer.tuesday.contact_list import WORTH_A_CONTACT

DRAWN = 40
SEED = 20170905
ENOUGH = 0.98


@dataclass
class Census:
    """Of one target: rows `raised` or high, how many say a `fact` of the customer, the sentence of a `theme`, or
    nothing; facts and sentences by theme."""

    target: str
    raised: int = 0
    facts: int = 0
    themes: int = 0
    by_theme: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """Of the raised and high, who has a reason; 1 of nobody."""
        return (self.facts + self.themes) / self.raised if self.raised else 1.0


def census(scores: pa.Table) -> list[Census]:
    """One for each target of a week's scores, in the order of their first rows."""
    found: dict[str, Census] = {}
    for row in rows(scores):
        one = found.setdefault(row["target"], Census(row["target"]))
        one.raised += 1
        if row["reason_1"] != NO_SINGLE_REASON:
            one.facts += bool(row["reason_feature"])
            one.themes += not row["reason_feature"]
            one.by_theme[row["reason_theme"]] += 1
    return list(found.values())


def rows(scores: pa.Table) -> Iterator[dict[str, Any]]:
    """Those likelier than usual."""
    names = ["target", "phase", "risk_band", "probability", "reason_1", "reason_2", "reason_theme", "reason_feature"]
    return (row for row in scores.select(names).to_pylist() if row["risk_band"] in WORTH_A_CONTACT)


def drawn(scores: pa.Table, count: int = DRAWN) -> Sequence[dict[str, Any]]:
    """Some of them, by lot and always the same: to be read by somebody."""
    every = list(rows(scores))
    return random.Random(SEED).sample(every, min(count, len(every)))
