"""Everyone's scores as one table, and who of them is on the list: what a Tuesday's files are written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from scorer.contact import last_contact
from scorer.scoring import Score, TargetScore
from scorer.subjects import Subjects
from scv.events.country import Country
from scv.fetchers import roles

INSTANT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("country", pa.string()),
        ("customer_id", pa.string()),
        ("reference", INSTANT),
        ("target", pa.string()),
        ("basis", pa.string()),
        ("status", pa.string()),
        ("status_reason", pa.string()),
        ("phase", pa.string()),
        ("probability", pa.float64()),
        ("times_average", pa.float64()),
        ("risk_band", pa.string()),
        ("horizon_days", pa.int32()),
        ("horizon_end", INSTANT),
        ("change_since_last_week", pa.float64()),
        ("reason_1", pa.string()),
        ("reason_2", pa.string()),
        ("contact_status", pa.string()),
        ("contact_reason", pa.string()),
        ("would_list", pa.bool_()),
        ("rank", pa.int32()),
        ("weeks_on_list", pa.int32()),
        ("channels_allowed", pa.string()),
        ("last_contact", pa.date32()),
        ("value_cents", pa.int64()),
        ("days_since_order", pa.int64()),
        ("delivery_weekday", pa.int64()),
        ("model", pa.string()),
    ]
)
"""One row per customer and target. `channels_allowed` to `delivery_weekday` are the customer's, the same on all rows.

`contact_status` to `weeks_on_list` stand on the row of the target that the list is by (the country's first) and are
null on the others: each contact is LISTED once.

`contact_status`: LISTED, NOT_LISTED (below the capacity, or not asked about), HELD_OUT, SUPPRESSED. `would_list` is
true for the listed and for the held out who rank as high. `value_cents`: money spent in the last 91 days.
`delivery_weekday`: 0 for Monday, null where none is known.
"""


@dataclass(frozen=True)
class ListStanding:
    """What the list makes of one customer."""

    status: str
    reason: str
    would_list: bool
    rank: int | None
    weeks: int

    def columns(self) -> dict[str, Any]:
        """As the table has it."""
        listed = {"rank": self.rank, "would_list": self.would_list, "weeks_on_list": self.weeks}
        return listed | {"contact_status": self.status, "contact_reason": self.reason}


def standings(
    scores: Sequence[Score], values: Mapping[str, int], country: Country, target: str, weeks: Mapping[str, int]
) -> dict[str, ListStanding]:
    """Customer → standing, by the scores of one target.

    `values` are cents by customer; `weeks` how many weeks in a row each has been listed until last week.
    """
    ranked = sorted(
        (one for one in scores if _probability(one, target) is not None and _policy(one) != "SUPPRESSED"),
        key=lambda one: (-(_probability(one, target) or 0.0), -values.get(one.customer_id, 0), one.customer_id),
    )
    listed = [one.customer_id for one in ranked if _policy(one) == "OK"][: country.capacity]
    last = listed[-1] if len(listed) == country.capacity else None
    above = set()
    for one in ranked:
        above.add(one.customer_id)
        if one.customer_id == last:
            break
    ranks = {customer_id: i for i, customer_id in enumerate(listed, 1)}
    return {
        one.customer_id: _standing(one, country, target, ranks.get(one.customer_id), (one.customer_id in above, weeks))
        for one in scores
    }


def _standing(
    score: Score, country: Country, target: str, rank: int | None, context: tuple[bool, Mapping[str, int]]
) -> ListStanding:
    above, weeks = context
    policy, reason = _policy(score), score.contact.reason if score.contact else ""
    if policy == "OK":
        found = _of(score, target)
        beyond = f"below this week's capacity of {country.capacity}"
        status = "NOT_LISTED" if rank is None else "LISTED"
        reason = "" if rank else (beyond if found.status == "SCORED" else found.status_reason)
    else:
        status = policy
    return ListStanding(status, reason, above, rank, weeks.get(score.customer_id, 0) + 1 if rank else 0)


def table(
    scores: Sequence[Score], subjects: Subjects, country: Country, places: Mapping[str, ListStanding]
) -> pa.Table:
    """Everyone and every target, ordered by customer, then target as the country lists them."""
    names = (roles.VALUE, roles.SILENCE, roles.DELIVERY_WEEKDAY, roles.CONTACTED_AGO)
    records = []
    for score, values in zip(scores, subjects.rows(names), strict=True):
        customer, place = _customer(score, country, values), places[score.customer_id].columns()
        for one in score.targets:
            records.append(customer | _target(one) | (place if one.target == country.targets[0] else {}))
    return pa.Table.from_pylist(records, schema=SCHEMA)


def _customer(score: Score, country: Country, values: Mapping[str, Any]) -> dict[str, Any]:
    """What every record of a customer says."""
    return {
        "country": country.code,
        "customer_id": score.customer_id,
        "reference": score.at,
        "phase": score.phase,
        "channels_allowed": ", ".join(score.contact.channels) if score.contact else "",
        "last_contact": last_contact(values, country, score.at) if score.at else None,
        "value_cents": values[roles.VALUE],
        "days_since_order": values[roles.SILENCE],
        "delivery_weekday": values[roles.DELIVERY_WEEKDAY],
    }


def _target(one: TargetScore) -> dict[str, Any]:
    hints = [reason.hint for reason in one.reasons[:2]] + [None, None]
    return {
        "target": one.target,
        "basis": one.basis,
        "status": one.status,
        "status_reason": one.status_reason,
        "probability": one.probability,
        "times_average": one.times_usual,
        "risk_band": one.band,
        "horizon_days": one.horizon_days,
        "horizon_end": one.horizon_end,
        "change_since_last_week": one.change,
        "reason_1": hints[0],
        "reason_2": hints[1],
        "model": one.model,
    }


def _of(score: Score, target: str) -> TargetScore:
    return next(one for one in score.targets if one.target == target)


def _probability(score: Score, target: str) -> float | None:
    return _of(score, target).probability


def _policy(score: Score) -> str:
    return score.contact.policy if score.contact else "SUPPRESSED"
