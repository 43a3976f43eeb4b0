"""What a reader must know before any figure, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scv.events.country import Country
from scv.model import metrics
from scv.model.metrics import Interval
from scv.targets.target import Target
from trainer.assembly import Assembled
from trainer.dataset import TrainingSet
from trainer.past import ON_A_LIST

OUTCOME = {
    "lapse": "would have gone silent",
    "skip": "would have skipped the week",
    "return": "would have come back",
    "cancellation": "would have cancelled",
    "pause": "would have skipped the open box or paused",
    "reactivation": "would have come back",
}
"""Of the N you can contact, how many …"""

GLOSSARY = {
    "log loss": "how far probabilities were from what happened; lower is better, and wrong certainty costs most",
    "auc": "how often someone who did it had the higher probability than someone who did not; 0.5 is a coin",
    "pr auc": "the share of hits in a list, averaged over all lengths of it; a list by lot has the share of positives",
    "lift": "how many times more positives the riskiest tenth holds than a tenth by lot",
    "ece": "calibration error: how far stated and seen shares are apart, over tenths of the rows",
    "ratio": "the mean probability over the share that happened; 1 is right, above it too many were expected",
    "gate": "the comparison of a new recipe with the champion's on past weeks that neither had seen",
    "origin": "a past Tuesday as if it had been today",
}


def first_lines(made: Assembled) -> list[str]:
    """The lines above every figure of a report."""
    rows, on = made.rows, made.info.trained_on
    fitted = "The baselines were fitted in this run on the same rows. " if made.info.metrics.get("gate") else ""
    lines = [*about(rows.country, rows.target)]
    lines.append(
        f"{on.rows:,} rows, {on.positives:,} of them positive, from {on.customers:,} customers; all intervals are by "
        f"customer. {fitted}{_contacted(on.removed)}, so nothing here measures contact."
    )
    found = contacts(rows, made.said, metrics.draw_weights(rows.customers, seed=7))
    return [*lines, f"{found.sentence()} (Past weeks, each scored by a fit that had not seen the customer.)"]


def _contacted(removed: Mapping[str, int]) -> str:
    """Whose rows tell of a contact, and what was done about them."""
    if not (count := removed.get(ON_A_LIST, 0)):
        return "No customer was contacted because of these scores"
    return f"{count:,} rows of customers who stood on a list of that day that was acted on are left out"


def about(country: Country, target: Target) -> list[str]:
    """What the data are and what the target means there."""
    lines = [f"Data: {country.provenance}."] if country.provenance else []
    meaning = f"{target.name.capitalize()} means {target.sentence(country)}."
    if target.basis == "derived":
        meaning += " It is derived from silence and orders: no one cancelled anything."
    if "Complete Journey" in country.provenance:
        lines.append(
            "This is grocery shopping, not subscriptions, by a panel chosen from frequent shoppers: the rates do not "
            "transfer to a company. The undated demographics were not used."
        )
    return [*lines, meaning]


def _outcome(target: str) -> str:
    """A target of one's own has no verb."""
    return OUTCOME.get(target, f"would have been a case of `{target}`")


@dataclass(frozen=True)
class Contacts:
    """How many positives the `capacity` riskiest of each of so many weeks were, and how many by chance and by recency
    alone, in all."""

    target: str
    capacity: int
    weeks: int
    hits: Interval
    chance: float
    recency: float

    def sentence(self) -> str:
        """Of the N you can contact each week, how many."""
        weeks = self.weeks
        return (
            f"Of the {self.capacity} you can contact each week, {self.hits.value / weeks:.0f} {_outcome(self.target)} "
            f"(95 % interval {self.hits.low / weeks:.0f} to {self.hits.high / weeks:.0f}); "
            f"{self.chance / weeks:.0f} by chance; {self.recency / weeks:.0f} by recency alone."
        )


def contacts(rows: TrainingSet, said: np.ndarray, weights: np.ndarray) -> Contacts:
    """By probabilities `said` float64[n] of the rows; `weights` are the draws of the interval."""
    capacity = rows.country.capacity
    chosen = metrics.chosen(said, rows.at_us, capacity)
    return Contacts(
        target=rows.target.name,
        capacity=capacity,
        weeks=len(rows.references),
        hits=metrics.interval_of_sum(rows.y * chosen, weights),
        chance=float(rows.y.mean() * chosen.sum()),
        recency=float((rows.y * metrics.chosen(rows.recency, rows.at_us, capacity)).sum()),
    )
