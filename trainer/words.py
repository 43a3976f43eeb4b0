"""What a reader must know before any figure, in our words."""

from __future__ import annotations

from scv.events.country import Country
from scv.model import metrics
from scv.targets.target import Target
from trainer.assembly import Assembled

OUTCOME = {
    "lapse": "would have gone silent",
    "skip": "would have skipped the week",
    "return": "would have come back",
    "cancellation": "would have cancelled",
    "pause": "would have skipped the open box or paused",
    "reactivation": "would have come back",
}
"""Of the N you can contact, how many …"""


def first_lines(made: Assembled) -> list[str]:
    """The lines above every figure of a report."""
    rows, on = made.rows, made.info.trained_on
    fitted = "The baselines were fitted in this run on the same rows. " if made.info.metrics.get("gate") else ""
    lines = [*about(rows.country, rows.target)]
    lines.append(
        f"{on.rows:,} rows, {on.positives:,} of them positive, from {on.customers:,} customers; all intervals are by "
        f"customer. {fitted}No customer was contacted because of these scores, so nothing here measures contact."
    )
    return [*lines, business(made)]


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


def business(made: Assembled) -> str:
    """Of the N you can contact a week: how many the list finds, by chance, and by recency alone."""
    rows, n = made.rows, made.rows.country.capacity
    weeks = len(rows.references)
    weights = metrics.draw_weights(rows.customers, seed=7)
    hits = rows.y * metrics.chosen(made.said, rows.at_us, n)
    found = metrics.interval_of_sum(hits, weights)
    naive = float((rows.y * metrics.chosen(rows.recency, rows.at_us, n)).sum())
    chance = float(rows.y.mean() * metrics.chosen(made.said, rows.at_us, n).sum())
    return (
        f"Of the {n} you can contact each week, {found.value / weeks:.0f} {OUTCOME[rows.target.name]} "
        f"(95 % interval {found.low / weeks:.0f} to {found.high / weeks:.0f}); {chance / weeks:.0f} by chance; "
        f"{naive / weeks:.0f} by recency alone. (Past weeks, each scored by a fit that had not seen the customer.)"
    )
